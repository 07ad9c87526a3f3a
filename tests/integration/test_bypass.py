#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ww experiment bypass`: over kernel sockets and around them, also in network namespaces."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cluster import wait_until  # noqa
from harness import (WW, Directory, check, check_equal, check_in, environment, run_tests,  # noqa
                     skip, ww, ww_fails)

SHORT = ["--duration", "300ms", "--warmup", "50ms", "--repeats", "1", "--wal.prepare", "16MiB",
         "--wal.segment", "16MiB"]
OVER_VETH = ["udp-veth", "af_packet-veth", "af_xdp-veth"]


def needs_namespaces():
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], capture_output=True,
                                           check=False).returncode != 0:
        skip("needs root and network namespaces")


def links():
    done = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in done.stdout.splitlines()]


def experiment(*flags):
    """Runs it in a fresh directory, in which nothing may stay, nor in the machine's network."""
    before = links()
    with Directory() as data:
        done = ww("experiment", "bypass", *SHORT, "--data", data, "--format", "json", *flags,
                  timeout=300)
        check_equal(os.listdir(data), [], "left behind")
    check_equal(links(), before, "interfaces")
    check_equal(done.returncode, 0, done.errors)
    return json.loads(done.text)


def check_cells(result, transports, modes, inflights):
    check_equal([(c["durability"], c["inflight"], c["transport"]) for c in result["cells"]],
                [(mode, inflight, transport) for mode in modes for inflight in inflights
                 for transport in transports], "cells")
    for cell in result["cells"]:
        check(0 < cell["p50"] <= cell["p99"] <= cell["p999"], f"{cell}")
        check(cell["per_s"] > 0 and cell["nodes_cpu_us"] > 0 and cell["client_cpu_us"] > 0,
              f"{cell}")
    check(result["acknowledged"] > 0, "acknowledged")
    for plot in result["plots"]:
        check_equal(len(plot["series"]), len(transports) * len(modes), plot["title"])


def test_on_one_machine_alone():
    result = experiment("--transports", "udp,memif", "--inflight", "1,32")
    check_cells(result, ["udp", "memif"], ["memory", "dsync"], [1, 32])


def test_over_interfaces_of_the_kernel():
    needs_namespaces()
    result = experiment("--transports", ",".join(OVER_VETH), "--modes", "dsync", "--inflight", "8")
    check_cells(result, OVER_VETH, ["dsync"], [8])
    check("veth_left_out" not in result, "left out")


def test_interrupted_it_leaves_nothing():
    needs_namespaces()
    before = links()
    with Directory() as data:
        with subprocess.Popen([WW, "experiment", "bypass", "--transports", "af_packet-veth",
                               "--modes", "memory", "--data", data, "--duration", "60s",
                               "--progress", "always"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment(), start_new_session=True) as process:
            check(any("in flight" in line for line in process.stderr), "it ended early")
            os.killpg(process.pid, signal.SIGINT)
            out, errors = process.communicate(timeout=60)
            check_equal((process.returncode, out), (1, ""), errors)
            check_in("interrupted", errors)
        check_equal(os.listdir(data), [], "left behind")
    wait_until(lambda: links() == before, 10, "the interfaces are as they were")


def test_without_root_the_kernel_s_interfaces_are_left_out():
    if os.geteuid() == 0:
        words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]
    else:
        words = []
    asked = subprocess.run([*words, WW, "experiment", "bypass", "--transports", "af_xdp-veth"],
                           capture_output=True, text=True, env=environment(), timeout=60,
                           check=False)
    check_equal(asked.returncode, 2, asked.stderr)
    for part in ("--transports: af_xdp-veth", "root"):
        check_in(part, asked.stderr)


def test_bad_flags():
    for arguments, says in (
            (["--transports", "tcp"], ["--transports", "'tcp'", "memif"]),
            (["--modes", "buffered"], ["--modes", "'buffered'", "dsync"]),
            (["--transports", "udp", "--data", "/nonexistent"], ["--data /nonexistent"])):
        ww_fails(2, "experiment", "bypass", *arguments, says=["ww experiment bypass", *says])


run_tests(globals())
