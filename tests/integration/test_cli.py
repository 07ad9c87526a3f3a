#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line: what bad input gets, help, exit codes, where data and errors go."""
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cluster import Cluster  # noqa
from harness import (WW, Directory, check, check_equal, check_in, environment, run_tests,  # noqa
                     skip, ww, ww_fails)

NODES = "cluster: {nodes: [{id: 1, admin: '127.0.0.1:%d'}]}\nnode: {id: 1, data: %s}\n"
UNUSED_ENDPOINT = "127.0.0.1:1"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def write_config(directory, data, more=""):
    path = directory / "node.yaml"
    path.write_text(NODES % (free_port(), data) + f"net: {{sockets: {directory}/s}}\n" + more)
    return path


def test_unknown_flag_names_the_nearest_and_the_help():
    ww_fails(2, "append", "--gruop", "1",
             says=["ww append", "'--gruop'", "'--group'", "ww append --help"])
    ww_fails(2, "up", "--wal.durabilty=dsync", says=["'--wal.durability'"])
    ww_fails(2, "status", "--bogus", says=["unknown flag '--bogus'"])
    ww_fails(2, "--bogus", says=["unknown flag '--bogus'"])


def test_unknown_command_names_the_nearest():
    ww_fails(2, "stauts", says=["unknown command 'stauts'", "'status'", "ww --help"])
    ww_fails(2, "config", says=["'config show'"])
    ww_fails(2, says=["no command"])


def test_surplus_words_and_missing_values():
    ww_fails(2, "status", "now", says=["'now'"])
    ww_fails(2, "tail", "--from", says=["no value after '--from'"])
    ww_fails(2, "tail", "--follow=1", says=["takes no value"])


def test_wrong_units_and_values_are_named():
    ww_fails(2, "append", "--timeout", "5", says=["--timeout", "'5'", "ns, us, ms, s"])
    ww_fails(2, "tail", "--from", "3KiB", says=["--from", "'3KiB'", "k, M or G"])
    ww_fails(2, "tail", "--framing", "xml", says=["'xml'", "lines, len32"])
    ww_fails(2, "status", "--format", "xml", says=["'xml'", "table, json"])
    ww_fails(2, "up", "-n", "2", says=["2 nodes", "1, 3, 5 or 7"])
    ww_fails(2, "up", "-n", "8", says=["'8' is outside 1 .. 7"])
    ww_fails(2, "up", "--wal.segment", "64MB", says=["wal.segment", "'64MB'", "KiB, MiB"])
    ww_fails(2, "up", "--transport", "af_xdp", says=["memif or udp"])


def test_a_bad_configuration_file_is_named_with_line_and_key():
    with Directory() as directory:
        path = directory / "node.yaml"
        ww_fails(2, "node", "--config", path, says=[str(path), "No such file"])
        path.write_text("wal:\n  durabilty: dsync\n")
        ww_fails(2, "node", "--config", path,
                 says=[f"{path} line 2", "'wal.durabilty'", "'wal.durability'"])
        path.write_text("raft: {heartbeat: 50}\n")
        ww_fails(2, "node", "--config", path, says=["line 1", "raft.heartbeat", "'50'", "ms"])
        path.write_text("raft: {heartbeat: 50ms\n")
        ww_fails(2, "node", "--config", path, says=[str(path), "not YAML"])


def test_a_bad_environment_is_named():
    ww_fails(2, "config", "show", says=["WW_WAL_DEPHT", "WW_WAL_DEPTH"], WW_WAL_DEPHT="2")
    ww_fails(2, "config", "show", says=["WW_WAL_DEPTH", "'x'"], WW_WAL_DEPTH="x")


def test_config_show_says_where_each_value_comes_from():
    with Directory() as directory:
        path = directory / "node.yaml"
        path.write_text("wal: {depth: 3, durability: buffered}\nraft: {groups: 2}\n")
        done = ww("config", "show", "--origin", "--format", "json", "--config", path,
                  "--groups", "4", WW_WAL_DEPTH="5", WW_RAFT_GROUPS="3")
        check_equal(done.returncode, 0, done.errors)
        shown = json.loads(done.text)
        check_equal(shown["raft.groups"], {"value": "4", "origin": "flag"})
        check_equal(shown["wal.depth"], {"value": "5", "origin": "environment"})
        check_equal(shown["wal.durability"], {"value": "buffered", "origin": "file"})
        check_equal(shown["net.mtu"], {"value": "9000", "origin": "default"})
        table = ww("config", "show", "--origin", "--config", path).text
        check(any(line.split() == ["wal.depth", "3", "file"] for line in table.splitlines()),
              table)


def test_keys_of_a_running_node_are_shown_and_changed():
    with Directory() as directory, Cluster(directory, nodes=1) as cluster:
        endpoint = ["--endpoint", cluster.endpoint(1)]

        def show():
            return json.loads(ww("config", "show", "--origin", "--format", "json", *endpoint).text)

        check_equal(show()["wal.delay"], {"value": "0", "origin": "default"}, "at first")
        done = ww("config", "set", "wal.delay", "1500us", *endpoint)
        check_equal((done.returncode, done.text), (0, "wal.delay 1500us\n"), done.errors)
        done = ww("config", "set", "depth", "4", "--format", "json", *endpoint)
        check_equal(json.loads(done.text), {"wal.depth": "4"}, "changed by its short name")
        check_equal(show()["wal.delay"], {"value": "1500us", "origin": "live"}, "changed")
        check_in("wal.depth              4", ww("config", "show", *endpoint).text)
        done = ww("append", *endpoint, stdin=b"an entry\n")
        check_equal(done.returncode, 0, f"it still works: {done.errors}")
        for key, value, says in (
                ("wal.segment", "1MiB", ["wal.segment", "read when a node starts"]),
                ("wal.dealy", "1us", ["'wal.dealy'", "'wal.delay'"]),
                ("wal.delay", "1s", ["wal.delay", "'1s' is outside 0 .. 100ms"]),
                ("wal.padding", "12KiB", ["wal.padding", "power of two"]),
                ("wal.block", "4KiB", ["wal.block", "largest batch"])):
            ww_fails(2, "config", "set", key, value, *endpoint, says=says)
        check_equal(show()["wal.padding"]["value"], "4KiB", "refused is not changed")
    ww_fails(3, "config", "set", "wal.depth", "1", "--endpoint", UNUSED_ENDPOINT,
             says=[UNUSED_ENDPOINT])
    ww_fails(2, "config", "set", "wal.depth", says=["VALUE is missing"])


def test_missing_keys_of_a_node():
    ww_fails(2, "node", says=["cluster.nodes lists 0 nodes"])
    with Directory() as directory:
        path = write_config(directory, "''")
        ww_fails(2, "node", "--config", path, says=["node.data is missing"])
        ww_fails(2, "node", "--config", path, "--data", directory, "--id", "2",
                 says=["node.id 2 is not in cluster.nodes"])


def test_a_data_directory_whose_parent_is_missing_is_named():
    with Directory() as directory:
        data = directory / "no" / "such"
        ww_fails(1, "node", "--config", write_config(directory, data), "--quiet",
                 says=["ww node", str(data), "No such file"])


def test_a_data_directory_that_cannot_be_written_is_named():
    with Directory() as directory:
        ww_fails(1, "node", "--config", write_config(directory, "/proc/ww"), "--quiet",
                 says=["ww node", "/proc/ww"])
        file = directory / "file"
        file.write_text("not a directory")
        ww_fails(1, "node", "--config", write_config(directory, file), "--quiet",
                 says=["ww node", str(file)])


def test_a_directory_without_permission_is_named():
    if os.geteuid() == 0:
        skip("root may write everywhere")
    with Directory() as directory:
        data = directory / "closed"
        data.mkdir(mode=0o500)
        ww_fails(1, "node", "--config", write_config(directory, data), "--quiet",
                 says=[str(data), "Permission denied"])


def test_an_admin_port_in_use_is_named():
    with socket.socket() as listener, Directory() as directory:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ww_fails(1, "up", "-n", "1", "--port", port, says=["ww up", f"port {port}", "in use"])
        path = write_config(directory, directory / "data")
        path.write_text(NODES % (port, directory / "data"))
        ww_fails(1, "node", "--config", path, "--quiet", "--wal.durability", "memory",
                 "--sockets", directory / "s", says=[f"127.0.0.1:{port}", "in use"])


def test_nobody_at_the_endpoint():
    ww_fails(3, "status", "--endpoint", UNUSED_ENDPOINT, says=[UNUSED_ENDPOINT])
    ww_fails(3, "status", says=[UNUSED_ENDPOINT], WW_ENDPOINT=UNUSED_ENDPOINT)
    ww_fails(3, "append", "--endpoint", UNUSED_ENDPOINT, "--timeout", "1s", says=[UNUSED_ENDPOINT])
    ww_fails(3, "tail", "--endpoint", UNUSED_ENDPOINT, "--timeout", "1s", says=[UNUSED_ENDPOINT])
    ww_fails(2, "status", "--endpoint", "nowhere", says=["'nowhere'", "HOST:PORT"])


def test_a_missing_input_file_is_named():
    ww_fails(2, "append", "--file", "/no/such/file", says=["/no/such/file", "No such file"])


def test_help_of_every_command():
    listing = ww("help")
    check_equal(listing.returncode, 0)
    check_equal(ww("--help").text, listing.text)
    commands = [line.split("  ")[1].strip() for line in listing.text.splitlines()
                if line.startswith("  ") and not line.strip().startswith("-")]
    for wanted in ("bench", "up", "node", "append", "tail", "status", "config show", "version"):
        check_in(wanted, commands)
    for hidden in ("load", "probe"):
        check(hidden not in commands, f"{hidden} is listed")
    for command in commands:
        done = ww(*command.split(), "--help")
        check_equal(done.returncode, 0, command)
        check(done.text.startswith(f"ww {command}: "), done.text)
        check_in("--endpoint", done.text)
        check_equal(done.errors, "", command)


def test_jemalloc_serves_the_process():
    if b"libasan" in subprocess.run(["ldd", WW], capture_output=True, check=True).stdout:
        skip("the sanitizers bring an allocator of their own")
    version = json.loads(ww("version", "--format", "json").text)
    check(version["allocator"].startswith("jemalloc "), version)
    done = ww("config", "show", "--format", "json", MALLOC_CONF="stats_print:true")
    check_in("Begin jemalloc statistics", done.errors)
    allocated = next(line for line in done.errors.splitlines() if line.startswith("Allocated:"))
    check(int(allocated.split()[1].rstrip(",")) > 10000, allocated)


def test_up_leaves_nothing_behind():
    with Directory() as directory:
        with subprocess.Popen([WW, "up", "-n", "1", "--port", str(free_port()),
                               "--wal.durability", "memory"], stdout=subprocess.PIPE, text=True,
                              env=environment(TMPDIR=str(directory))) as up:
            lines = [up.stdout.readline() for _ in range(2)]
            check_in(str(directory), lines[0])
            node = int(lines[1].split()[-1])
            up.send_signal(signal.SIGINT)
            up.stdout.read()
        check_equal(up.returncode, 0)
        check_equal(list(directory.iterdir()), [], "files")
        check(not Path(f"/proc/{node}").exists(), f"process {node} is left")


def test_up_reports_a_node_that_died():
    with Directory() as directory:
        with subprocess.Popen([WW, "up", "-n", "1", "--port", str(free_port()), "--data",
                               directory / "c", "--wal.durability", "memory"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=environment()) as up:
            node = int([up.stdout.readline() for _ in range(2)][1].split()[-1])
            os.kill(node, signal.SIGKILL)
            _, errors = up.communicate(timeout=30)
        check_in("node 1 was ended by signal 9", errors)
        check_equal(up.returncode, 1)


def test_nodes_die_with_their_parent():
    with Directory() as directory:
        with subprocess.Popen([WW, "up", "-n", "1", "--port", str(free_port()), "--wal.durability",
                               "memory"], stdout=subprocess.PIPE, text=True,
                              env=environment(TMPDIR=str(directory))) as up:
            node = int([up.stdout.readline() for _ in range(2)][1].split()[-1])
            pidfd = os.pidfd_open(node)
            up.kill()
        check(select.select([pidfd], [], [], 10)[0], f"node {node} lives on")
        os.close(pidfd)


def test_up_refuses_a_directory_of_another_size():
    with Directory() as directory:
        (directory / "node1.yaml").write_text("")
        ww_fails(2, "up", "-n", "3", "--data", directory, "--port", free_port(),
                 says=[str(directory), "1 nodes, not 3"])


if __name__ == "__main__":
    run_tests(globals())
