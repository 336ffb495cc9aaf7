# SPDX-License-Identifier: GPL-2.0-only
# The stock kernel comes up as dom0 with 1 vcpu on -cpu max: devices, clock, store, tools. Then what
# cannot become a guest is refused with a reason, and nothing half-made stays. A dry run sees it, too;
# what a config asks of the hypervisor is done; and the image has the manual and the completion.
# boot: --guest=demo --limit 420 --add /bin/bash:/bin/bash
. /test-lib.sh
dom0_is_well 1
before=$(free_memory)
config() {
    cat >/tmp/bad.cfg
}
base='name = "bad"
kernel = "/guest/vmlinuz"
ramdisk = "/guest/initrd"'

refuse "/nowhere.cfg" "$cli" create /nowhere.cfg
printf '%s\nmemory = "lots"\n' "$base" | config
refuse "memory" "$cli" create /tmp/bad.cfg
printf '%s\nmemory = 100000\n' "$base" | config
refuse "memory" "$cli" create /tmp/bad.cfg
printf '%s\nmemory = 128\nvcpus = 0\n' "$base" | config
refuse "vcpus" "$cli" create /tmp/bad.cfg
refuse "65 vcpus: Lodge's limit is 64" "$cli" create /tmp/bad.cfg vcpus=65
printf 'name = "bad"\nkernel = "/no/kernel"\nmemory = 128\n' | config
refuse "/no/kernel" "$cli" create /tmp/bad.cfg
printf 'name = "bad"\nkernel = "/init"\nmemory = 128\n' | config
refuse "/init" "$cli" create /tmp/bad.cfg
printf 'name = "bad\nmemory = 128\n' | config
refuse "bad.cfg" "$cli" create /tmp/bad.cfg
head -c 300000 /guest/vmlinuz >/tmp/short
printf 'name = "bad"\nkernel = "/tmp/short"\nmemory = 128\n' | config
refuse "/tmp/short" "$cli" create /tmp/bad.cfg
refuse "/tmp/short" "$cli" create -n /tmp/bad.cfg
run extract-kernel /guest/vmlinuz /tmp/vmlinux
refuse "1 MiB are too little memory" "$cli" create -n /tmp/bad.cfg kernel=/tmp/vmlinux memory=1
"$cli" create -n /tmp/bad.cfg kernel=/tmp/vmlinux | grep -q '"guest_os": "linux"' ||
    fail "a dry run does not know Linux"

[ "$("$cli" list | wc -l)" = 2 ] || fail "something half-made stayed: $("$cli" list)"
memory_back "$before"

# An unknown key is named and does no harm; a second guest of the same name is refused.
printf '%s\nmemory = 128\ncolour = "blue"\n' "$base" | config
said=$("$cli" create -p /tmp/bad.cfg 2>&1) || fail "an unknown key kept the guest from being made: $said"
echo "$said" | grep -q colour || fail "the unknown key was not named"
refuse "bad" "$cli" create -p /tmp/bad.cfg
[ "$("$cli" list | wc -l)" = 3 ] || fail "two guests of one name: $("$cli" list)"
refuse "nobody" "$cli" destroy nobody
refuse "nobody" "$cli" pause nobody
run "$cli" destroy bad
gone bad 20

# Names may have what a path in the store may not; a rename that is refused leaves the old one.
run "$cli" create -p /tmp/bad.cfg name=web.example:80+
refuse "web.example:80+" "$cli" create -p /tmp/bad.cfg name=web.example:80+
refuse "hyphen" "$cli" rename web.example:80+ -- -a
[ "$("$cli" domname "$("$cli" domid web.example:80+)")" = web.example:80+ ] || fail "another name"
run "$cli" rename web.example:80+ c++
xenstore-ls -f /lodge/names
refuse "web.example" "$cli" destroy web.example:80+
run "$cli" destroy -- c++
gone c++ 20
memory_back "$before"

# Settings that go to the hypervisor; which takes all of them.
run "$cli" create -p /tmp/bad.cfg kernel=/tmp/vmlinux memory=0.125g max_event_channels=100 \
    max_grant_frames=4 max_maptrack_frames=0 localtime=1 rtc_timeoffset=-3600 tsc_mode=default \
    claim_mode=1 on_soft_reset=preserve
"$cli" claims | awk '$1 == "bad" && $3 == 128 && $7 == 0 { found = 1 } END { exit !found }' ||
    fail "it has something set aside still: $("$cli" claims)"
kill "$(pidof lodge-consoled)"
programs_end 60 lodge-consoled
"$cli" console -n 0 -t pv bad </dev/null || fail "the console is not started"
pidof lodge-consoled >/dev/null || fail "nobody serves consoles"
run "$cli" destroy bad
gone bad 20
memory_back "$before"

# What `make run` has for people.
man lodge | grep -q config-update || fail "man lodge shows nothing"
man 5 lodge.cfg | grep -q bootloader || fail "man lodge.cfg shows nothing"
sh -lc 'help create' | grep -q "Usage: lodge create" || fail "help shows nothing"
bash -lc 'COMP_WORDS=(lodge des) COMP_CWORD=1; _lodge; echo "${COMPREPLY[*]}"' | grep -qx destroy ||
    fail "nothing is completed"
