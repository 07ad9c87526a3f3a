#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# af_packet and af_xdp between two network namespaces. TAP. Usage: test_transport_veth.sh BUILD
peer=$1/tests/integration/transport_peer
name=ww-$$
failed=0

if [ "$(id -u)" != 0 ] || ! ip netns add "$name-a" 2>/dev/null; then
    echo "1..0 # SKIP needs root and network namespaces"
    exit 0
fi
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
    ip netns del "$name-a" 2>/dev/null
    ip netns del "$name-b" 2>/dev/null
}
trap cleanup EXIT
trap 'exit 1' INT TERM
in_a() { ip netns exec "$name-a" "$@"; }
in_b() { ip netns exec "$name-b" "$@"; }

set -e
ip netns add "$name-b"
in_a ip link add ww-a type veth peer name ww-b netns "$name-b"
in_a ip link set ww-a up
in_b ip link set ww-b up
set +e

result() { # STATUS NUMBER TEXT
    if [ "$1" = 0 ]; then echo "ok $2 - $3"; else echo "not ok $2 - $3"; failed=1; fi
}
set_mtu() {
    in_a ip link set ww-a mtu "$1" && in_b ip link set ww-b mtu "$1"
}
talk() { # KIND MTU
    set_mtu "$2" || return 1
    ip netns exec "$name-b" "$peer" "$1" ww-b "$2" 2 &
    other=$!
    timeout 30 ip netns exec "$name-a" "$peer" "$1" ww-a "$2" 1
    status=$?
    kill "$other"
    wait "$other" && return $status
}

echo "1..4"
talk af_packet 9000
result $? 1 "af_packet, mtu 9000"
talk af_xdp 3400
result $? 2 "af_xdp, mtu 3400"
set_mtu 1500
message=$(in_a "$peer" af_packet ww-a 9000 1 2>&1 </dev/null)
echo "$message" | grep -q "9000.*ww-a.*1500"
result $? 3 "an mtu above the interface's is refused: $message"
message=$(in_a "$peer" af_xdp ww-a 9000 1 2>&1 </dev/null)
echo "$message" | grep -q "9000.*af_xdp"
result $? 4 "an mtu above af_xdp's is refused: $message"
exit $failed
