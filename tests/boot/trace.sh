# SPDX-License-Identifier: GPL-2.0-only
# What tests/boot/cases/trace.py has dom0 do: traces of a tiny guest that makes so many calls, and of
# a stock one, whose files go to the console for the host to read; and readers that are in each
# other's way, or killed.
. /test-lib.sh

# show NAME: a file of a trace, between two lines.
show() {
    echo "trace-begin $1"
    gzip -c "/tmp/$1" | base64
    echo "trace-end $1"
}

cat >/tmp/tiny.cfg <<EOT
name = "tiny"
kernel = "/tiny.elf"
memory = 16
EOT
"$cli" trace -t 0 >/dev/null # the first one makes dom0 grow, not the second
before=$(free_memory)

run "$cli" create -p /tmp/tiny.cfg
run "$cli" trace -d tiny -b 65536 -o /tmp/tiny.json sh -c "
    '$cli' unpause tiny
    until [ -z \"\$('$cli' list | grep '^tiny ')\" ]; do usleep 100000; done"
show tiny.json

run "$cli" create /guest/guest.cfg vcpus=2
attach guest
await guest "guest is up" 180
run "$cli" trace -d guest -b 65536 -e hypercall,schedule,event,interrupt,emulated \
    -o /tmp/linux.json sleep 1
show linux.json

# Everything, as text, until a signal; a second one must wait for its end.
"$cli" trace -b 1024 >/tmp/all.txt &
reader=$!
within 60 grep -q 'cpu0 .* hypercall ' /tmp/all.txt || fail "no hypercall of CPU 0 in the text"
refuse "one trace at a time, and process $reader has it" "$cli" trace -t 0
kill -INT $reader
wait $reader || fail "Ctrl-C: status $?"
[ "$(grep -vc '^ *[0-9]*\.[0-9]\{9\} cpu[01]' /tmp/all.txt)" = 0 ] ||
    fail "odd lines: $(grep -v '^ *[0-9]*\.[0-9]\{9\} cpu[01]' /tmp/all.txt | head -n 3)"

# A reader that is killed leaves the trace on; the next one sees to that.
"$cli" trace >/tmp/killed.txt &
reader=$!
within 60 test -s /tmp/killed.txt || fail "nothing is written"
kill -9 $reader
wait $reader
"$cli" trace -t 0 2>/tmp/said >/dev/null || fail "status $?"
grep -q 'a trace that nobody read any more has been ended' /tmp/said ||
    fail "it says: $(cat /tmp/said)"
refuse "there is no trace" "$cli" trace --stop

# A full disk is said, and ends the trace.
mkdir /tmp/small
mount -t tmpfs -o size=64k none /tmp/small
refuse "No space left on device" "$cli" trace -t 60 -o /tmp/small/full.json
refuse "there is no trace" "$cli" trace --stop
umount /tmp/small

run "$cli" destroy guest
gone guest 60
detach guest
memory_back "$before" 16
kernel_is_content
