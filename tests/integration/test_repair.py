#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node whose log is damaged, or whose disk is gone, comes back from its peers: it says so, has
no vote until then, and in the end holds what they hold."""
import os
import shutil

from cluster import Cluster, wait_until
from harness import Directory, check, check_equal, check_in, run_tests, ww_fails
from log_files import blocks, flip, segments

YAML = "wal: {segment: 1MiB, prepare: 2MiB}\nmemory: {log_buffer: 1MiB}\n"
LINES = b"".join(b"line-%06d-%s\n" % (i, b"y" * 200) for i in range(20000))
SOME = LINES[:213 * 5000]
MORE = b"after the damage\n"


def lose_a_byte(data):
    path, offset, used = blocks(data)[len(blocks(data)) // 2]
    flip(path, offset + used // 2)
    return f"{path.name}: offset {offset}"


def lose_the_last_block(data):
    path, offset, used = blocks(data)[-1]
    flip(path, offset + used - 1)
    return f"{path.name}: offset {offset}"


def lose_an_end(data):
    path = segments(data)[1]
    os.truncate(path, 400000)
    return f"{path.name}: truncated"


def lose_a_header(data):
    path = segments(data)[2]
    flip(path, 100)
    return f"{path.name}: offset 0"


def lose_a_segment(data):
    path = segments(data)[1]
    path.unlink()
    return f"{path.name}: the segment is missing"


def lose_the_first_segment(data):
    path = segments(data)[0]
    path.unlink()
    return f"{path.name}: the segment is missing"


def lose_the_disk(data):
    shutil.rmtree(data)
    return ""


def check_repaired(lose):
    with Directory() as directory, Cluster(directory, yaml=YAML) as cluster:
        leader = cluster.leader()
        victim = leader % 3 + 1
        cluster.append(leader, LINES)
        cluster.wait_equal()
        cluster.stop(victim)
        said = lose(cluster.data(victim))
        cluster.append(leader, MORE)

        # Alone it cannot know what it promised: it has no vote, not even in a majority.
        other = 6 - leader - victim
        cluster.stop(leader)
        cluster.stop(other)
        cluster.start(victim)
        found = wait_until(lambda: cluster.status(victim), 30, "the victim answers")
        check(found["groups"][0]["recovering"], "it recovers")
        check(found["recovery"]["began_recovering"], "it says so")
        check_in(said, found["recovery"]["damage"])
        check_in(said, cluster.log(victim))
        cluster.start(other)
        wait_until(lambda: cluster.status(other), 30, "the other answers")
        for _ in range(20):
            states = [cluster.group(node) for node in (victim, other)]
            check(all(state["role"] != "leader" for state in states), "one promise is no majority")
            check(states[0]["recovering"], "it still recovers")

        cluster.start(leader)
        cluster.leader()
        cluster.wait_equal()
        wait_until(lambda: not cluster.group(victim)["recovering"], 30, "it has recovered")
        check_equal(cluster.tail(victim), LINES + MORE, "what its peers gave it")

        # From now on it counts: the cluster goes on with it alone.
        cluster.stop(other)
        cluster.append(cluster.leader(), MORE)
        cluster.start(other)
        cluster.wait_equal()
        cluster.stop(victim)
        cluster.start(victim)
        cluster.wait_equal()
        found = cluster.status(victim)["recovery"]
        check(not found["began_recovering"] and found["damage"] == "", "nothing is left of it")
        check(not list((cluster.data(victim) / "wal").glob("*.cut")), "what was cut is gone")


def test_a_flipped_byte():
    check_repaired(lose_a_byte)


def test_a_flipped_byte_of_the_last_block():
    check_repaired(lose_the_last_block)


def test_a_truncated_segment():
    check_repaired(lose_an_end)


def test_a_damaged_segment_header():
    check_repaired(lose_a_header)


def test_a_missing_segment():
    check_repaired(lose_a_segment)


def test_the_first_segment_is_missing():
    check_repaired(lose_the_first_segment)


def test_a_lost_disk():
    check_repaired(lose_the_disk)


def test_damage_is_refused_where_nobody_can_repair_it():
    for nodes, yaml in ((1, ""), (3, ", repair: never")):
        with Directory() as directory:
            yaml = YAML.replace("2MiB}", f"2MiB{yaml}}}")
            with Cluster(directory, nodes=nodes, yaml=yaml) as cluster:
                leader = cluster.leader()
                cluster.append(leader, LINES)
                cluster.stop(leader)
                said = lose_a_byte(cluster.data(leader))
                ww_fails(4, "node", "--config", cluster.config(leader), "--quiet", says=[said])


def test_a_damaged_identity_needs_the_operator():
    with Directory() as directory, Cluster(directory, yaml=YAML) as cluster:
        leader = cluster.leader()
        victim = leader % 3 + 1
        cluster.append(leader, LINES)
        cluster.stop(victim)
        flip(cluster.data(victim) / "identity", 30)
        ww_fails(4, "node", "--config", cluster.config(victim), "--quiet",
                 says=["identity", "checksum", "move", "loss of its disk"])
        cluster.data(victim).rename(directory / "aside")
        cluster.start(victim)
        cluster.wait_equal()


SNAPSHOTS = "raft: {snapshot_entries: 2000, snapshot_keep: 100, groups: 2}\n" + YAML


def damage_newest_snapshot(data):
    path = max(data.glob("snapshots/00000000-*.snap"))
    flip(path, path.stat().st_size // 2)
    return "checksum"


def remove_snapshots(data):
    for path in data.glob("snapshots/00000000-*.snap"):
        path.unlink()
    return "it is missing"


def snapshots_taken(cluster, node):
    return wait_until(lambda: cluster.group(node)["first_index"] > 1, 30, "a snapshot")


def check_begins_anew(lose):
    with Directory() as directory, Cluster(directory, yaml=SNAPSHOTS) as cluster:
        leader = cluster.leader()
        victim = leader % 3 + 1
        other = 6 - leader - victim
        for group in range(2):
            cluster.append(leader, SOME, "--group", group)
            cluster.wait_equal(group)
        snapshots_taken(cluster, victim)
        cluster.stop(victim)
        said = lose(cluster.data(victim))
        cluster.append(cluster.leader(), MORE)

        # Alone with another one: the group that lost its snapshot has no vote, the other goes on.
        cluster.stop(leader)
        cluster.start(victim)
        found = wait_until(lambda: cluster.status(victim), 30, "the victim answers")
        check_equal([group["recovering"] for group in found["groups"]], [True, False], "groups")
        check_equal(found["recovery"]["lost_groups"], 1, "groups that begin anew")
        check_in("group 0: snapshot at index", found["recovery"]["lost"])
        check_in(said, found["recovery"]["lost"])
        check_in("1 groups begin anew", cluster.log(victim))
        cluster.append(cluster.leader(group=1), MORE, "--group", 1)
        states = [cluster.group(node) for node in (victim, other)]
        check(all(state["role"] != "leader" for state in states), "one promise is no majority")

        # It remembers that it forgot.
        cluster.kill(victim)
        cluster.start(victim)
        found = wait_until(lambda: cluster.status(victim), 30, "the victim answers again")
        check_equal([group["recovering"] for group in found["groups"]], [True, False], "groups")
        check_equal(found["recovery"]["lost_groups"], 0, "the log says it by now")

        cluster.start(leader)
        cluster.leader()
        for group in range(2):
            cluster.wait_equal(group)
        wait_until(lambda: not cluster.group(victim)["recovering"], 30, "it has recovered")
        check(cluster.group(victim)["snapshot_index"] > 1, "the leader sent its snapshot")

        # From now on it counts, and its disk is whole.
        cluster.stop(other)
        cluster.append(cluster.leader(), MORE)
        cluster.start(other)
        cluster.wait_equal()
        cluster.stop(victim)
        cluster.start(victim)
        cluster.wait_equal()
        found = cluster.status(victim)["recovery"]
        check_equal((found["lost_groups"], found["began_recovering"]), (0, False), "all is well")


def test_a_damaged_snapshot():
    check_begins_anew(damage_newest_snapshot)


def test_a_missing_snapshot():
    check_begins_anew(remove_snapshots)


def test_a_lost_snapshot_is_refused_where_nobody_can_repair_it():
    for nodes, yaml in ((1, ""), (3, ", repair: never")):
        with Directory() as directory:
            yaml = SNAPSHOTS.replace("2MiB}", f"2MiB{yaml}}}")
            with Cluster(directory, nodes=nodes, yaml=yaml) as cluster:
                leader = cluster.leader()
                victim = leader % nodes + 1
                cluster.append(leader, SOME)
                cluster.wait_equal()
                snapshots_taken(cluster, victim)
                cluster.stop(victim)
                said = remove_snapshots(cluster.data(victim))
                ww_fails(4, "node", "--config", cluster.config(victim), "--quiet",
                         says=["snapshot at index", said, "move", "loss of its disk"])
                if nodes == 1:
                    continue
                cluster.data(victim).rename(directory / "aside")
                cluster.start(victim)
                cluster.wait_equal()


if __name__ == "__main__":
    run_tests(globals())
