#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ww compare`: results held against each other, refusals, gates."""
import copy
import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from harness import Directory, check, check_equal, check_in, run_tests, ww, ww_fails  # noqa


def measure(directory):
    """A real run, as short as can be."""
    with Directory() as data:
        done = ww("bench", "--data", data, "-o", directory, "--duration", "500ms", "--warmup",
                  "100ms", "--durability", "memory", "--inflight", "16", timeout=120)
    check_equal(done.returncode, 0, done.errors)
    return json.loads((directory / "result.json").read_text())


def write_run(directory, result, factor):
    """A run whose latencies and rate are those of `result` times or over a factor."""
    made = copy.deepcopy(result)
    made["commit"]["per_s"] /= factor
    for name in made["commit"]["latency"]:
        made["commit"]["latency"][name] = int(made["commit"]["latency"][name] * factor)
    directory.mkdir(parents=True)
    (directory / "result.json").write_text(json.dumps(made))


def write_runs(directory, result, factors):
    for number, factor in enumerate(factors):
        write_run(directory / f"run{number}", result, factor)


def compare_json(*arguments, exit_code=0):
    done = ww("compare", *arguments, "--format", "json")
    check_equal(done.returncode, exit_code, f"{arguments}: {done.errors}")
    return json.loads(done.text)


def metric(found, name):
    return next(each for each in found["metrics"] if each["name"] == name)


NEAR = [0.98, 1.0, 1.01, 0.99, 1.02]
SLOWER = [1.28, 1.3, 1.31, 1.29, 1.32]


def test_results_of_bench_are_read_and_compared():
    with Directory() as top:
        result = measure(top / "one")
        write_runs(top / "base", result, NEAR)
        write_runs(top / "same", result, list(reversed(NEAR)))
        write_runs(top / "slow", result, SLOWER)
        found = compare_json(top / "base", top / "slow")
        check_equal(found["schema"], "whitewater.compare/1", "schema")
        for name, verdict in (("p99", "worse"), ("throughput", "worse"), ("cycles", "same")):
            check_equal(metric(found, name)["verdict"], verdict, name)
        p99 = metric(found, "p99")
        check(p99["low"] < 0.3 < p99["high"] and p99["from"] == "runs", f"{p99}")
        check_equal((found["a"]["runs"], found["b"]["runs"]), (5, 5), "runs")
        check_equal(metric(compare_json(top / "base", top / "same"), "p50")["verdict"], "same",
                    "the same runs in another order")
        alone = compare_json(top / "one", top / "one")
        check_equal(metric(alone, "p50")["verdict"] in ("same", "unknown"), True, f"{alone}")
        table = ww("compare", top / "base", top / "slow", "-o", top / "out")
        for part in ("commits/s", "95 % interval", "worse", "5 runs"):
            check_in(part, table.text)
        check_equal(json.loads((top / "out" / "compare.json").read_text()), found, "compare.json")


def test_gates_decide_the_exit_code():
    with Directory() as top:
        result = measure(top / "one")
        write_runs(top / "base", result, NEAR)
        write_runs(top / "slow", result, SLOWER)
        sides = (top / "base", top / "slow")
        for gates, code in ((["p99>+5%"], 1), (["p99>+50%"], 0), (["p99>+50%", "p50>+5%"], 1),
                            (["throughput<-3%,p99.9>1h"], 1), (["p99>+30%"], 0)):
            flags = [word for gate in gates for word in ("--fail-if", gate)]
            found = compare_json(*sides, *flags, exit_code=code)
            check_equal(len(found["gates"]), len(",".join(gates).split(",")), "gates")
            check_equal(any(gate["verdict"] == "failed" for gate in found["gates"]), code == 1,
                        f"{found['gates']}")
        undecided = compare_json(*sides, "--fail-if", "p99>+29%", "--strict", exit_code=1)
        check_equal(undecided["gates"][0]["verdict"], "undecided", "strict")
        check_in("p99>+5%", ww("compare", *sides, "--fail-if", "p99>+5%").text)


def test_unlike_runs_are_refused():
    with Directory() as top:
        result = measure(top / "one")
        other = copy.deepcopy(result)
        other["config"]["inflight"] = 99
        other["environment"]["cpu"] = "another one"
        write_run(top / "other", other, 1)
        done = ww_fails(2, "compare", top / "one", top / "other",
                        says=["config.inflight", "environment.cpu", "another one", "--allow",
                              "2 differences"])
        check("config.seed" not in done.errors, done.errors)
        ww_fails(2, "compare", top / "one", top / "other", "--allow", "inflight",
                 says=["(allowed)", "1 difference "])
        for flags in (["--force"], ["--allow", "inflight", "--allow", "cpu"]):
            done = ww("compare", top / "one", top / "other", *flags)
            check_equal(done.returncode, 0, done.errors)
            check_in("not alike", done.text)
            check_in("(allowed)", done.text)


def write_sweep(directory, result, factors):
    points = []
    for inflight in (1, 64):
        runs = []
        for number, factor in enumerate(factors):
            run = copy.deepcopy(result)
            run["config"]["inflight"] = inflight
            write_run(directory / "runs" / f"p{inflight}-r{number}", run, factor)
            runs.append({"dir": f"runs/p{inflight}-r{number}", "kept": True})
        write_run(directory / "runs" / f"p{inflight}-noisy", run, 50)
        runs.append({"dir": f"runs/p{inflight}-noisy", "kept": False, "why": "noise"})
        points.append({"id": f"p{inflight}", "settings": {"inflight": inflight}, "runs": runs})
    (directory / "sweep.json").write_text(
        json.dumps({"schema": "whitewater.sweep/1", "points": points}))


def test_sweeps_are_compared_point_by_point():
    with Directory() as top:
        result = measure(top / "one")
        write_sweep(top / "a", result, NEAR)
        write_sweep(top / "b", result, SLOWER)
        found = compare_json(top / "a", top / "b", "--fail-if", "p99>+5%", exit_code=1)
        check_equal([each["point"] for each in found["metrics"] if each["name"] == "p99"],
                    ["p1", "p64"], "points")
        check_equal([gate["verdict"] for gate in found["gates"]], ["failed", "failed"], "gates")
        check_in("p64  inflight=64", ww("compare", top / "a", top / "b").text)
        check(all(each["samples_a"] == 5 for each in found["metrics"]), "thrown out stays out")
        sweep = json.loads((top / "b" / "sweep.json").read_text())
        sweep["points"].pop()
        (top / "b" / "sweep.json").write_text(json.dumps(sweep))
        ww_fails(2, "compare", top / "a", top / "b", says=['"inflight": 64', "absent"])


def test_bad_input_is_named():
    with Directory() as top:
        measure(top / "one")
        one = top / "one"
        (top / "empty").mkdir()
        shutil.copytree(one, top / "broken")
        (top / "broken" / "result.json").write_text("{")
        shutil.copytree(one, top / "foreign")
        (top / "foreign" / "result.json").write_text('{"schema": "something/1"}')
        shutil.copytree(one, top / "line")
        with open(top / "line" / "intervals.jsonl", "a", encoding="utf-8") as lines:
            lines.write("nonsense\n")
        for arguments, says in (
                ([one], ["B is missing"]),
                ([one, top / "nothing"], ["nothing", "No such file"]),
                ([one, top / "empty"], ["empty", "no result.json"]),
                ([one, top / "broken"], ["broken/result.json"]),
                ([one, top / "foreign"], ["foreign/result.json", "'something/1'"]),
                ([one, top / "line"], ["intervals.jsonl:", "not a JSON object"]),
                ([one, one, "--confidence", "101"], ["--confidence '101'"]),
                ([one, one, "--fail-if", "p99>5%"], ["'p99>5%'", "sign"]),
                ([one, one, "--fail-if", "q99>+5%"], ["'q99'", "did you mean 'p99'"]),
                ([one, one, "--allow", "color"], ["'color'"])):
            ww_fails(2, "compare", *arguments, says=["ww compare", *says])


run_tests(globals())
