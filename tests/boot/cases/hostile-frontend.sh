# SPDX-License-Identifier: GPL-2.0-only
# A guest that plays every trick on its disks and interfaces (tests/guests/hostile-frontend) beside
# one that just uses its own: each trick ends in an error or a closed device and is in the log with
# guest, device and reason, the neighbour is served all the time by the same workers, and when the
# guests are destroyed in the middle of it nothing is left.
# boot: --limit 400 --add build/guests/hostile-frontend.elf:/hostile.elf --add tests/boot/net-lib.sh:/net-lib.sh
. /test-lib.sh
. /net-lib.sh

log=/var/log/lodge/backends.log

# tiny NAME ROLE DISKS INTERFACES: make a guest that plays the role.
tiny() {
    cat >"/tmp/$1.cfg" <<EOF
name = "$1"
kernel = "/hostile.elf"
memory = 16
extra = "$2"
on_poweroff = "preserve"
on_crash = "preserve"
disk = [$3]
vif = [$4]
EOF
    run "$cli" create "/tmp/$1.cfg"
    attach "$1"
}

# Rounds in which the neighbour found all well.
rounds() {
    grep -c '^well' /tmp/screen.neighbour
}

for image in neighbour a c; do truncate -s 4M /tmp/$image.img; done
truncate -s 1M /tmp/b.img
make_bridge xenbr0
counts >/dev/null # the first look makes no difference to the second
held=$(counts)
memory=$(free_memory)

tiny neighbour neighbour '"/tmp/neighbour.img,raw,xvda,rw"' '"mac=00:16:3e:00:00:10,bridge=xenbr0,backendtype=lodge"'
await neighbour "^well 3" 60
served_by=$(pidof lodge-blkback lodge-netback)
supervisor=$(pidof lodge-backends)
[ "$(echo "$served_by" | wc -w)" = 2 ] || fail "the neighbour has not two workers: $served_by"

tiny hostile "disks networks" \
    '"/tmp/a.img,raw,xvda,rw", "/tmp/b.img,raw,xvdb,ro", "/tmp/c.img,raw,xvdc,rw"' \
    '"mac=00:16:3e:00:00:20,bridge=xenbr0,backendtype=lodge", "mac=00:16:3e:00:00:21,bridge=xenbr0,backendtype=lodge"'
domid=$("$cli" domid hostile)
from=$(rounds)
await hostile "^RESULT" 300
cat /tmp/screen.hostile
grep -q "^RESULT success" /tmp/screen.hostile || fail "the hostile guest saw what it should not"

echo "--- the neighbour"
at=$(rounds)
echo "dom0: $((at - from)) rounds meanwhile"
[ $((at - from)) -ge 20 ] || fail "the neighbour was held up"
await neighbour "^well $((at + 2))" 60 # beside a flood without end, too
if grep -E "RESULT|CHECK" /tmp/screen.neighbour; then fail "the neighbour was not served well"; fi
for pid in $served_by; do
    kill -0 "$pid" || fail "the neighbour's worker $pid has ended"
done
[ "$(pidof lodge-backends)" = "$supervisor" ] || fail "the supervisor is another"

# How nice a program is; workers that want more than others get it after the daemons.
nice_of() {
    sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 17
}
for pid in $served_by; do
    for daemon in xenstored lodge-backends; do
        [ "$(nice_of "$(pidof $daemon)")" -lt "$(nice_of "$pid")" ] ||
            fail "$daemon does not come before the worker $pid"
    done
done

echo "--- the log"
# Each reason that there is, with guest and device.
while IFS='|' read -r device pattern; do
    grep -q "hostile (domain $domid), $device: .*$pattern" $log || fail "no log of $device: $pattern"
done <<EOF
disk 51712|refused: an operation that the disk does not offer
disk 51712|refused: no segments
disk 51712|refused: more segments than the limit
disk 51712|refused: a segment that is empty or not inside its page
disk 51712|refused: sectors past the disk's end
disk 51712|refused: an indirect operation that neither reads nor writes
disk 51712|refused: its indirect pages are not granted
disk 51712|read failed: a page of it is not granted to us for writing
disk 51712|request failed: a page of it is not granted to us
disk 51712|refused: a discard of nothing
disk 51728|refused: a write to a read-only disk
disk 51744|wrote a ring index that cannot be true
disk 51744|ring 0 has indices that cannot be true
disk 51744|has not named its ring-ref
disk 51744|has not named its event-channel
disk 51744|event channel .* cannot be bound
disk 51744|the pages of ring 0 are not granted to us
disk 51744|asks for larger or more rings
network device 0|refused: a packet's size that is none
network device 0|refused: it sends from a page that is not granted
network device 0|refused: a large packet of unknown type
network device 0|refused: it wants a checksum or segments
network device 0|refused: it posts a buffer that is not granted
network device 0|a part of a packet that is not inside its page
network device 0|a packet with more than 18 parts
network device 0|a packet whose end is not in the ring
network device 0|an extra info of unknown type
network device 1|ring indices that make no sense
network device 1|its receive ring holds impossible indices
network device 1|its rings hold impossible indices
network device 1|gives no usable tx-ring-ref
network device 1|gives no usable event-channel
network device 1|its event channel cannot be bound
network device 1|its receive ring cannot be mapped
network device 1|wants 0 queues
network device 1|does not ask for copies
EOF
if grep -E "killed by|ended with status|neighbour.*(refused|failed)" $log; then fail "a worker has died"; fi
lines=$(wc -l <$log)
[ "$lines" -lt 500 ] || fail "$lines lines in the log"

echo "--- one that makes events as fast as it can holds up neither the others' devices nor the tools"
truncate -s 4M /tmp/d.img /tmp/e.img
tiny flooder flood '"/tmp/d.img,raw,xvda,rw"' ''
await flooder "^flood 4000" 120
tiny other idle '"/tmp/e.img,raw,xvda,rw"' '' # its disk has to be taken in time
run "$cli" block-attach flooder /tmp/b.img,raw,xvdb,ro
run "$cli" destroy other
run "$cli" destroy flooder
if grep "did not close in" $log /var/log/lodge/*.log; then fail "a back-end was held up"; fi

echo "--- the end, in the middle of it"
run "$cli" destroy hostile
gone hostile 30
at=$(rounds)
await neighbour "^well $((at + 2))" 60
run "$cli" destroy neighbour
gone neighbour 30
programs_end 30 lodge-blkback lodge-netback
if ip link | grep vif; then fail "a tap stayed"; fi
if ls /run/lodge/blk/* 2>/dev/null; then fail "a record stayed"; fi
counts_back "$held"
# A page for each connection, of which there were more than a hundred, would show.
memory_back "$memory" 64
[ "$(pidof lodge-backends)" = "$supervisor" ] || fail "the supervisor has ended"
kernel_is_content
