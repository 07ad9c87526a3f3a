#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes come and go under load, real processes: nothing acknowledged is lost, all end equal; and
what cannot be done is refused with the reason."""
import json
import re
import signal
import subprocess
import urllib.error
import urllib.request

from cluster import Cluster, Feeder, free_port_row, wait_until
from harness import (WW, Directory, check, check_equal, check_in, environment, run_tests, ww,
                     ww_fails)


def member(cluster, *words, via=2):
    """`ww member`, or another command, through the endpoint of a node; it must succeed."""
    done = ww(*words, "--endpoint", cluster.endpoint(via))
    check_equal(done.returncode, 0, f"ww {words}: {done.errors}")
    return done.text


def members(cluster, via=2):
    """(membership by node, leader) as `ww member list` tells them of group 0."""
    group = json.loads(member(cluster, "member", "list", "--format", "json", via=via))[0]
    return {each["node"]: each["membership"] for each in group["members"]}, group["leader"]


def check_all_there(cluster, lines):
    """Each acknowledged line is in the log (after a retry perhaps twice), on all nodes alike."""
    cluster.wait_equal()
    contents = [cluster.tail(node) for node in cluster.processes]
    check(all(content == contents[0] for content in contents), "the nodes hold different logs")
    stored = contents[0].decode().splitlines()
    missing = set(lines) - set(stored)
    check(not missing, f"{len(missing)} acknowledged entries are lost: {sorted(missing)[:3]}")
    check(set(stored) <= set(lines), "the log holds lines that nobody appended")


def post(cluster, node, path, body):
    """POSTs to a node; (HTTP code, the answer)."""
    request = urllib.request.Request(f"http://{cluster.endpoint(node)}{path}", data=body.encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_spare_takes_the_place_of_the_leader_under_load():
    with Directory() as directory, Cluster(directory, spares=1) as cluster:
        old = cluster.leader()
        others = [node for node in (1, 2, 3) if node != old]
        check_equal(members(cluster), ({1: "voter", 2: "voter", 3: "voter", 4: "none"}, old))
        feeder = Feeder(cluster, others[0], per_second=5000)
        feeder.feed(1)
        check_in("group 0: node 4 is a learner", member(cluster, "member", "add", 4))
        feeder.feed(1)
        check_in("group 0: node 4 is a voter", member(cluster, "member", "promote", 4))
        feeder.feed(1)
        check_in(f"node {old} is no member", member(cluster, "member", "remove", old, via=4))
        feeder.feed(1)
        found, leader = members(cluster, via=old)
        wanted = {node: "voter" for node in (*others, 4)} | {old: "none"}
        check_equal(found, wanted, "after the leader was removed")
        check(leader != old, f"node {old} leads though it was removed")
        check(cluster.group(old)["role"] != "leader", "the removed node believes to lead")
        for target in (4, others[1]):
            check_in(f"node {target} leads", member(cluster, "leader", "transfer", target))
            feeder.feed(1)
        lines = feeder.finish()

        cluster.stop(old)
        check_all_there(cluster, lines)
        for node in list(cluster.processes):
            cluster.stop(node)
        for node in (*others, 4):
            cluster.start(node)
        cluster.leader(besides=(old,))
        check_all_there(cluster, lines)
        check_equal(members(cluster, via=4)[0], wanted, "after a restart of all")


def test_a_group_of_one_grows_to_three_and_outlives_the_first():
    with Directory() as directory, Cluster(directory, nodes=1, spares=2) as cluster:
        cluster.append(1, b"one\n")
        for node in (2, 3):
            member(cluster, "member", "add", node, via=1)
            member(cluster, "member", "promote", node, via=1)
        cluster.append(1, b"two\n")
        cluster.wait_equal()
        cluster.kill(1)
        cluster.leader(besides=(1,))
        cluster.append(2, b"three\n")
        cluster.start(1)
        cluster.wait_equal()
        for node in cluster.nodes:
            check_equal(cluster.tail(node), b"one\ntwo\nthree\n", f"node {node}")


def test_what_is_wanted_already_is_left_alone():
    with Directory() as directory, Cluster(directory, spares=1) as cluster:
        leader = cluster.leader()
        before = cluster.group(leader)["last_index"]
        check_in("node 1 is a voter", member(cluster, "member", "add", 1))
        check_in("node 1 is a voter", member(cluster, "member", "promote", 1))
        check_in("node 4 is no member", member(cluster, "member", "remove", 4))
        check_in(f"node {leader} leads", member(cluster, "leader", "transfer", leader))
        check_equal(cluster.group(leader)["last_index"], before, "the log")


def test_a_voter_is_demoted_and_promoted_again():
    with Directory() as directory, Cluster(directory, yaml="raft: {groups: 3}") as cluster:
        text = member(cluster, "member", "demote", 3, "--group", "all")
        for group in range(3):
            check_in(f"group {group}: node 3 is a learner", text)
        done = json.loads(member(cluster, "member", "promote", 3, "--group", 1, "--format", "json"))
        check_equal([(each["group"], each["membership"]) for each in done], [(1, "voter")])
        listed = json.loads(member(cluster, "member", "list", "--format", "json"))
        check_equal([[each["membership"] for each in group["members"]][2] for group in listed],
                    ["learner", "voter", "learner"])
        check_in("learner", member(cluster, "status"))


def test_refusals_say_why():
    with Directory() as directory, Cluster(directory, spares=2) as cluster:
        at = ("--endpoint", cluster.endpoint(1))
        leader = cluster.leader()
        ww_fails(1, "member", "promote", 4, *at, says=["node 4 is no member of group 0", "add it"])
        ww_fails(1, "member", "demote", 4, *at, says=["node 4 is no member of group 0"])
        ww_fails(1, "member", "add", 7, *at, says=["node 7 is not in cluster.nodes"])
        ww_fails(2, "member", "add", 8, *at, says=["'8' is not the id of a node", "1 .. 7"])
        ww_fails(2, "member", "add", *at, says=["NODE is missing"])
        ww_fails(1, "member", "add", 4, "--group", 3, *at, says=["no group 3"])
        ww_fails(1, "leader", "transfer", 4, *at, says=["node 4 is no member", "only a voter"])
        member(cluster, "member", "add", 4)
        ww_fails(1, "leader", "transfer", 4, *at, says=["node 4 is a learner", "only a voter"])

        cluster.kill(5)
        member(cluster, "member", "add", 5)
        ww_fails(3, "member", "promote", 5, "--timeout", "1s", *at,
                 says=["gave up", "learner 5 is not caught up", "0 of"])
        member(cluster, "member", "remove", 5)

        for node in (node for node in (1, 2, 3) if node != leader):
            member(cluster, "member", "remove", node)
        ww_fails(1, "member", "remove", leader, *at, says=[f"node {leader} is the only voter"])
        ww_fails(1, "leader", "transfer", *at, says=["no other voter"])


def test_without_a_quorum_a_change_is_given_up():
    with Directory() as directory, Cluster(directory, spares=1) as cluster:
        leader = cluster.leader()
        for node in (1, 2, 3):
            if node != leader:
                cluster.kill(node)
        ww_fails(3, "member", "add", 4, "--timeout", "2s", "--endpoint", cluster.endpoint(leader),
                 says=["gave up waiting"])
        ww_fails(3, "member", "list", "--endpoint", cluster.endpoint(leader % 3 + 1),
                 says=["no answer"])


def test_the_endpoint_names_the_leader_and_what_is_wrong():
    with Directory() as directory, Cluster(directory, spares=1) as cluster:
        leader = cluster.leader()
        follower = leader % 3 + 1
        wait_until(lambda: cluster.group(follower)["leader"] == leader, 10, "the follower knows")
        code, answer = post(cluster, follower, "/v1/groups/0/members", '{"add": 4}')
        check_equal((code, answer["status"], answer["leader"]), (421, "WW_ENOTLEADER", leader))
        check_in(f"node {leader} leads group 0, not node {follower}", answer["error"])
        for path, body, wanted, says in (
                ("members", '{"add": 4', 400, "not JSON"),
                ("members", '{"hire": 4}', 400, "unknown key 'hire'"),
                ("leader", '{"transfer": "4"}', 400, "needs the id of a node"),
                ("leader", '{"transfer": 4}', 409, "only a voter"),
                ("members", '{"promote": 4}', 409, "add it first"),
                ("members", '{"add": 6}', 404, "not in cluster.nodes"),
                ("people", '{"add": 4}', 404, "no such path")):
            code, answer = post(cluster, leader, f"/v1/groups/0/{path}", body)
            check_equal(code, wanted, body)
            check_in(says, answer["error"])
        check_equal(post(cluster, leader, "/v1/groups/1/leader", '{"transfer": 2}')[0], 404)
        check_equal(post(cluster, leader, "/v1/groups/0/members", '{"add": 4}'),
                    (202, {"group": 0, "add": 4}))
        wait_until(lambda: members(cluster)[0][4] == "learner", 10, "node 4 is a learner")


def test_a_leader_gives_way_to_a_voter_of_a_higher_priority():
    with Directory() as directory:
        cluster = Cluster(directory)
        for node in cluster.nodes:
            path = cluster.config(node)
            path.write_text(path.read_text().replace("- {id: 2,", "- {id: 2, priority: 5,"))
        with cluster:
            wait_until(lambda: cluster.group(2)["role"] == "leader", 30, "node 2 leads")
            member(cluster, "leader", "transfer", 1)
            wait_until(lambda: cluster.group(2)["role"] == "leader", 30, "node 2 leads again")


def test_up_starts_spares_to_try_it_with():
    process = subprocess.Popen(
        [WW, "up", "-n", "1", "--spare", "1", "--port", str(free_port_row(2)), "--durability",
         "memory"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment())
    try:
        text = ""
        while "^C stops it" not in text:
            line = process.stdout.readline().decode()
            check(line != "", f"ww up ended: {text}")
            text += line
        check_in(", spare", text)
        for verb in ("add", "promote"):
            said = re.search(f"ww (member {verb} 2 --endpoint .*)", text)
            check(said, f"no command with {verb} in {text}")
            done = ww(*said[1].split())
            check_equal(done.returncode, 0, done.errors)
            check_in("node 2 is a", done.text)
    finally:
        process.send_signal(signal.SIGINT)
        check_equal(process.wait(30), 0, "exit code of ww up")
        process.stdout.close()


if __name__ == "__main__":
    run_tests(globals())
