#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Datagrams that no correct node or client sends, at a running cluster over kernel UDP.

Each is counted by its name or refused, the log stays as it is, and the cluster goes on.
"""
import random

from cluster import wait_until
from harness import ROOT, Directory, check, check_equal, run_tests
from udp_cluster import CLIENT, HEADER, MESSAGE, UdpCluster, message

PROPOSE, REFUSED, READ, READ_DATA = 32, 36, 37, 38
APPEND = 1
EINVAL, ENOTFOUND = 1, 15
FIX = ROOT / "tests" / "data" / "fix44-session.txt"
YAML = "memory: {log_buffer: 4MiB}\nwal: {segment: 4MiB, prepare: 8MiB}"


def check_goes_on(cluster, log):
    """Nothing changed, and the cluster still does its work."""
    for node in cluster.nodes:
        check_equal(cluster.log(node), log, f"the log of node {node}")
        check_equal(cluster.status(node)["health"], "ok", f"node {node}")
    cluster.append(1, FIX.read_bytes())
    cluster.wait_equal()
    for node in cluster.nodes:
        check(cluster.tail(node) == b"before\n" + FIX.read_bytes(), f"the log of node {node}")


def test_each_kind_is_dropped_and_counted_by_its_name():
    with Directory() as directory, UdpCluster(directory, YAML) as cluster:
        node = cluster.leader()
        cluster.append(node, b"before\n")
        cluster.wait_equal()
        log = cluster.log(node)
        good = cluster.datagram(node, message(READ, index=1, sequence=1 << 63))
        proposal = message(PROPOSE, body_bytes=8, count=1)
        cases = [
            ("short", b""), ("short", b"W"), ("short", good[:31]), ("short", good[:-1]),
            ("short", cluster.datagram(node, message(READ), count=255)),
            ("long", good + b"\0"),
            ("drop_rx_long", good + bytes(9001)),
            ("magic", b"\0" + good[1:]), ("magic", bytes(2000)),
            ("version", cluster.datagram(node, message(READ), version=1)),
            ("checksum", cluster.datagram(node, message(READ), crc=0)),
            ("checksum", good[:-1] + bytes([good[-1] ^ 1])),
            ("checksum", cluster.datagram(node, proposal, bytes(8), body_crc=1)),
            ("cluster", cluster.datagram(node, message(READ), cluster=7)),
            ("node", cluster.datagram(node, message(READ), destination=node % 3 + 1)),
            ("layout", cluster.datagram(node, message(0))),
            ("layout", cluster.datagram(node, message(31))),
            ("layout", cluster.datagram(node, message(PROPOSE, body_bytes=9, count=1), bytes(8))),
            ("layout", cluster.datagram(node, message(PROPOSE, body_bytes=0xFFFFFFF8), bytes(8))),
            ("layout", cluster.datagram(node, b"", bytes(48))),
            ("stranger", cluster.datagram(node, message(APPEND), source=node % 3 + 1)),
            ("stranger", cluster.datagram(node, message(APPEND), source=0)),
            ("group", cluster.datagram(node, message(READ, group=1))),
            ("group", cluster.datagram(node, message(READ, group=0xFFFFFFFF))),
            ("message", cluster.datagram(node, message(APPEND))),
            ("message", cluster.datagram(node, message(READ_DATA))),
        ]
        for name, data in cases:
            before = cluster.drops(node)
            cluster.send(node, data)
            cluster.wait_dropped(node, name, before)
        check_goes_on(cluster, log)


def answer_to(cluster, node, datagram):
    """(type, status) of the next answer with the sequence of what was asked."""
    cluster.send(node, datagram)
    while True:
        data = cluster.socket.recv(65536)
        answer = MESSAGE.unpack_from(data, HEADER.size)
        if answer[6] == MESSAGE.unpack_from(datagram, HEADER.size)[6]:
            return answer[0], answer[1]


def test_bad_requests_of_a_client_are_refused():
    with Directory() as directory, UdpCluster(directory, YAML) as cluster:
        node = cluster.leader()
        cluster.append(node, b"before\n")
        cluster.wait_equal()
        log = cluster.log(node)
        tag = 1 << 63 | 5
        entry = (4).to_bytes(4, "little") + b"abcd"
        read = cluster.datagram(node, message(READ, index=1, sequence=tag))
        check_equal(answer_to(cluster, node, read)[0], READ_DATA, "a good request")
        wrong_group = cluster.datagram(node, message(READ, index=1, group=8, sequence=tag + 1))
        check_equal(answer_to(cluster, node, wrong_group), (REFUSED, ENOTFOUND), "no such group")
        proposals = {
            "an entry longer than its body": (b"\xff\0\0\0abcd", 1),
            "fewer entries than it says": (entry, 2),
            "more entries than it says": (entry * 2, 1),
            "an unknown type of entry": (b"\4\0\0\x07abcd", 1),
            "the engine's own type of entry": (b"\0\0\0\x01", 1),
            "no entry": (entry, 0),
            "a rest behind the entries": (entry + b"\0", 1),
        }
        for number, (what, (body, count)) in enumerate(proposals.items(), 100):
            asked = message(PROPOSE, body_bytes=len(body), count=count, sequence=number)
            check_equal(answer_to(cluster, node, cluster.datagram(node, asked, body)),
                        (REFUSED, EINVAL), what)
        check_goes_on(cluster, log)


def test_ten_thousand_random_datagrams():
    chance = random.Random(20240229)
    with Directory() as directory, UdpCluster(directory, YAML) as cluster:
        node = cluster.leader()
        cluster.append(node, b"before\n")
        cluster.wait_equal()
        log = cluster.log(node)
        names = [*cluster.status(node)["stages"]["drops"]]
        dropped = sum(cluster.drops(node)[name] for name in names)
        for sent in range(100, 10001, 100):
            for _ in range(100):
                data = chance.randbytes(chance.randrange(1400))
                kind = chance.randrange(3)
                if kind == 1:  # looks like ours at first
                    data = b"WW\x01" + data
                elif kind == 2:  # damaged on the way
                    whole = bytearray(cluster.datagram(node, message(READ, index=1)))
                    whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
                    data = bytes(whole)
                cluster.send(node, data)
            wait_until(lambda wanted=dropped + sent: wanted == sum(
                cluster.drops(node)[name] for name in names), 10, f"{sent} drops")
        check_goes_on(cluster, log)


def random_message(chance, body_bytes):
    """Of a known type, for a group that is there in most cases; the rest is small or anything."""
    def number(bits):
        return chance.choice([0, 1, 2, chance.getrandbits(bits)])
    return MESSAGE.pack(chance.choice([*range(1, 8), *range(32, 39)]), chance.randrange(256), 0,
                        chance.choice([0, 0, 0, 1, 1 << 31]), body_bytes, number(32), number(64),
                        number(64), number(64), number(32), number(32))


def test_random_messages_with_right_checksums():
    chance = random.Random(7)
    with Directory() as directory, UdpCluster(directory, YAML) as cluster:
        node = cluster.leader()
        cluster.append(node, b"before\n")
        cluster.wait_equal()
        log = cluster.log(node)
        received = cluster.drops(node)["rx_frames"]
        for sent in range(100, 3001, 100):
            for _ in range(100):
                body = chance.randbytes(chance.randrange(64))
                sizes = [0] * chance.randrange(3) + [len(body)]
                messages = b"".join(random_message(chance, size) for size in sizes)
                source = chance.choice([CLIENT, CLIENT + 1, 1, 2, 3, 0xFFFFFFFF])
                cluster.send(node, cluster.datagram(node, messages, body, source=source))
            wait_until(lambda wanted=received + sent: cluster.drops(node)["rx_frames"] >= wanted,
                       10, f"{sent} frames")
        check_goes_on(cluster, log)


if __name__ == "__main__":
    run_tests(globals())
