# SPDX-License-Identifier: GPL-2.0-only
# Debian's hypervisor, kernel and xl, with our xenstored and our libxenstore beneath them: a guest is
# made, the daemon is killed under it, and xl's shutdown request still reaches it.
# boot: --hypervisor xen --tools xen --no-daemons --guest --limit 300 --add build/xenstored/xenstored:/usr/sbin/xenstored --add build/libxenstore/libxenstore.so.4:/ours/libxenstore.so.4
fail() {
    echo "FAIL: $*"
    cat /tmp/store.log
    xl list
    exit 1
}

mkdir -p /var/run/xenstored /var/log/xen/console
export LD_LIBRARY_PATH=/ours
store() {
    xenstored --log-file /tmp/store.log || fail "xenstored does not start"
}
store
xen-init-dom0 || fail "xen-init-dom0"
xenconsoled --pid-file=/run/xenconsoled.pid || fail "xenconsoled"
[ -n "$(xenstore-read control/feature-poweroff)" ] || fail "dom0's kernel has not said hello"
xl create /guest/guest.cfg || fail "xl create"
tries=90
until [ "$(xenstore-read /local/domain/1/control/feature-suspend)" = 1 ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "the guest's kernel has not said hello"
    sleep 1
done
tries=30
until before=$(xenstore-ls -fp /) && sleep 1 && [ "$(xenstore-ls -fp /)" = "$before" ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "the store is changed all the time"
done
for round in 1 2 3 4; do
    kill -9 "$(pidof xenstored)" || fail "there is no xenstored"
    store
    [ "$(xenstore-ls -fp /)" = "$before" ] || fail "the store has changed over restart $round"
done

xl shutdown guest || fail "xl shutdown"
tries=60
until xl list | grep -q '^guest .*---s'; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "the guest does not shut down"
    sleep 1
done
logs() { # it notices a moment later than xl may
    tries=60
    until grep -q "$1" /tmp/store.log; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 1
    done
}
logs 'domain 1: has shut down' || fail "xenstored has not noticed the shutdown"
xl destroy guest || fail "xl destroy"
logs 'domain 1: released' || fail "xenstored has not noticed the end"
xenstore-exists /local/domain/1 && fail "nodes of the guest are left: $(xenstore-ls -f /)"
exit 0
