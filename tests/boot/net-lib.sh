# SPDX-License-Identifier: GPL-2.0-only
# What the network tests' scripts share; they source it as /net-lib.sh, after /test-lib.sh. Guests
# are the small ones; their addresses are 10.9.0.NUMBER, dom0's on the bridge is 10.9.0.1.

# make_bridge NAME: a bridge with dom0's address on it.
make_bridge() {
    ip link add "$1" type bridge || fail "no bridge"
    ip address add 10.9.0.1/24 dev "$1"
    ip link set "$1" up
}

# vif_add DOMID DEVID MAC TYPE KEY VALUE ...: the store's nodes of a network device, as the tools
# write them. TYPE is lodge-vif (ours) or vif (the kernel's).
vif_add() {
    domid=$1 devid=$2 mac=$3 type=$4
    shift 4
    front=/local/domain/$domid/device/vif/$devid
    back=/local/domain/0/backend/$type/$domid/$devid
    xenstore-write "$back" "" "$front" ""
    xenstore-chmod "$back" n0 "r$domid"
    xenstore-chmod "$front" "n$domid" r0
    xenstore-write "$front/backend" "$back" "$front/backend-id" 0 "$front/handle" "$devid" \
        "$front/mac" "$mac" "$front/mtu" 1500 "$front/state" 1
    while [ $# -gt 1 ]; do
        xenstore-write "$back/$1" "$2"
        shift 2
    done
    xenstore-write "$back/frontend" "$front" "$back/frontend-id" "$domid" "$back/online" 1 \
        "$back/handle" "$devid" "$back/mac" "$mac" "$back/domain" "$("$cli" domname "$domid")" \
        "$back/lodge-hotplug" 1 "$back/state" 1
}

# vif_state TYPE DOMID DEVID STATE SECONDS: wait until the back-end is in that state.
vif_state() {
    back=/local/domain/0/backend/$1/$2/$3
    within "$5" node_is "$back/state" "$4" || {
        xenstore-ls "$back"
        xenstore-ls "/local/domain/$2/device/vif/$3"
        cat /var/log/lodge/backends.log
        fail "$back did not come to state $4"; }
}

# no_interface NAME: is there none of this name?
no_interface() {
    [ ! -e "/sys/class/net/$1" ]
}

# guest_up NAME NUMBER [WORDS]: make a guest and wait for its shell; its address will be
# 10.9.0.NUMBER. WORDS go into its configuration.
guest_up() {
    name=$1 number=$2
    shift 2
    run "$cli" create /guest/guest.cfg "name=\"$name\"" "$@"
    attach "$name"
    await "$name" "guest is up" 180
}

# guest_net NAME NUMBER: bring its eth0 up.
guest_net() {
    type_line "$1" "modprobe xen-netfront; ip address add 10.9.0.$2/24 dev eth0; ip link set eth0 up; echo net \$((40 + $2))"
    await "$1" "^net $((40 + $2))" 60
}

# guest_says NAME COMMAND SECONDS: run a command in the guest, and insist on its success.
said=0
guest_says() {
    said=$((said + 1))
    type_line "$1" "$2 && echo did \$((1000 + $said)) || echo not \$((1000 + $said))"
    within "$3" shows_text "$1" "^\\(did\\|not\\) $((1000 + said))" ||
        fail "$1: \`$2\` took too long: $(tail -n 3 /var/log/lodge/backends.log)"
    shows_text "$1" "^did $((1000 + said))" || fail "$1: \`$2\` failed"
}
