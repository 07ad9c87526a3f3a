# SPDX-License-Identifier: Apache-2.0
"""Made-up results with every part that reports know, in the shapes of the result files."""
import json
import math
import random

LATENCY_KEYS = ("min", "p50", "p90", "p99", "p999", "p9999", "max")
STAGES = (("client_wait", 31), ("client_to_leader", 22), ("leader_batching", 38), ("wal_queue", 29),
          ("wal_write", 74), ("wal_report", 6), ("leader_send", 8), ("replicate", 24),
          ("follower_batching", 19), ("follower_queue", 45), ("follower_write", 236),
          ("follower_report", 7), ("ack", 27), ("commit_to_apply", 9), ("apply_queue", 11),
          ("apply", 12), ("answer", 25), ("leader_to_client", 21))


def latency(p50, spread=1.0):
    shape = (0.45, 1, 1.6, 2.9, 5.5, 9, 14)
    return {key: int(p50 * (1 + (each - 1) * spread)) if each > 1 else int(p50 * each)
            for key, each in zip(LATENCY_KEYS, shape)}


def probe(place):
    return {"wal_write": {"p50": 149_000 + 4_000 * place, "p99": 301_000 + 21_000 * place},
            "wal_bytes_per_s": 2.1e9 + 4e7 * (place % 3), "wal_shape_bytes_per_s": 1.2e9,
            "net_rtt": {"p50": 4_200 + 90 * place},
            "between": 0 < place < 3}


def result(**more):
    wal_write, commit = latency(151_300, 0.7), latency(498_700)
    shares = sum(each for _, each in STAGES)
    whole = {
        "schema": "whitewater.bench/1", "version": "0.1.0", "started_at": "2026-03-01T12:00:00Z",
        "config": {"replicas": 3, "groups": 1, "transport": "memif", "durability": "dsync",
                   "entry_bytes": 64, "payload": "random", "size": "64B", "loop": "closed",
                   "inflight": 1024, "clients": 2, "rounds": 3, "trace_every": 1024,
                   "duration_s": 30, "warmup_s": 5, "seed": 1, "mtu": 9000, "wal_depth": 2,
                   "wal_prepared_bytes": 1 << 30, "threads": 1, "idle": "adaptive"},
        "environment": {"cpu": "AMD EPYC 7763 64-Core Processor", "cores": 2,
                        "kernel": "6.1.0-18-cloud-amd64", "hugepages": 0, "filesystem": "ext4",
                        "device": "/dev/vda1", "device_write_cache": "write back",
                        "device_fua": True, "dpdk": "22.11.4", "liburing": "2.3"},
        "limits": {"wal_write": wal_write, "net_rtt": latency(4_210, 0.4),
                   "wal_bytes_per_s": 2.11e9, "wal_shape_bytes": 69_632,
                   "wal_shape_bytes_per_s": 1.23e9, "memcpy_bytes_per_s": 1.1e10,
                   "rounds": [probe(i) for i in range(4)]},
        "commit": {"count": 54_321_987, "bytes": 54_321_987 * 64, "elapsed_s": 30.001,
                   "per_s": 1_810_672.5, "bytes_per_s": 115_883_040, "latency": commit},
        "rotation": {"count": 12, "window_ns": 5_000_000, "crossing_commits": 91_200,
                     "other_commits": 54_230_787, "crossing": latency(530_000),
                     "others": latency(498_000)},
        "wal": {"bytes": 10_900_000_000, "writes": 156_536, "flushes": 0,
                "bytes_per_write_avg": 69_632},
        "network": {"frames": 3_456_789, "bytes": 11_400_000_000, "overhead_bytes_per_entry": 4.81},
        "cpu": {"work_cycles_per_entry_per_replica": 212.4, "nodes_ns_per_entry": 702.5,
                "load_ns_per_entry": 231, "load_work_cycles_per_entry": 190,
                "busy_fraction": [0.61, 0.43, 0.44], "load_busy_fraction": 0.21,
                "steal_fraction": 0.004,
                "others": [{"name": "cc1", "pid": 23_895, "cores": 0.046}]},
        "conditions": "dsync on ext4, /dev/vda1 (write cache write back, FUA); memif; 3 replicas",
        "placement": [{"process": f"node {node}", "thread": "ww-shard", "allowed": "0-1",
                       "cores": [0, 1], "cpu_s": 20.5, "preempted": 1_316} for node in (1, 2, 3)],
        "memory": {"node_resident_bytes": [181_403_648, 166_723_584, 166_100_992],
                   "parts": {"log_buffer": 67_108_864, "read_buffers": 4_194_304}},
        "load": {"proposed": 63_000_000, "acknowledged": 63_000_000, "busy": 0, "redirects": 0,
                 "resent": 0, "drops": 0, "node_drops": 0},
        "ratios": {"commit_p50_over_wal_write_p50": commit["p50"] / wal_write["p50"],
                   "commit_p99_over_wal_write_p99": commit["p99"] / wal_write["p99"],
                   "wal_bytes_over_payload": 1.0451, "bandwidth_over_limit": 0.1648,
                   "bandwidth_over_shape_limit": 0.2826, "rotation_p999_over_others_p999": 1.064},
        "stages": {name: {"p50": us * 900, "p99": us * 3100, "p999": us * 8200, "mean": us * 1000,
                          "share": us / shares, "on_path": 1.0} for name, us in STAGES},
        "critical_path": {"samples": 53_049, "incomplete": 12, "disordered": 0,
                          "mean_ns": 1000 * shares, "limit": "follower_write",
                          "limit_share": 236 / shares, "replica_paths": {
                              "leader": 16_445, "follower_2": 19_640, "follower_3": 16_964}},
        "batches": {"entries_per_write": [[1 << i, int(60_000 * math.exp(-((i - 8) ** 2) / 3))]
                                          for i in range(15)]},
        "injections": [{"action": "follower-pause", "at_s": 15.2, "node": 2,
                        "outage_ns": 231_000_000, "outage_over_election_timeout": 1.16,
                        "pause_ns": 2_000_000_000}],
        "warnings": [{"code": "cores", "text": "5 busy threads share 2 cores: tails are the "
                                               "scheduler's as much as the engine's."},
                     {"code": "steal", "text": "Others took 0.4 % of the time."}],
        "verified": {"replicas_identical": True, "entries": 63_000_004,
                     "acknowledged": 63_000_000, "read_back": True, "lost": 0},
    }
    whole.update(more)
    return whole


def intervals(seconds=30, warm_up=5, rounds=3, pause_s=0.7):
    """A line a second; between the rounds is a pause."""
    chance, lines, now = random.Random(7), [], 0.0
    for place in range(warm_up + seconds):
        counted = place - warm_up
        number = 1 + max(0, counted) * rounds // seconds
        now += 1 + (pause_s if lines and number != lines[-1]["round"] else 0)
        slow = 3.1 if counted == 14 else chance.uniform(0.93, 1.1)
        lines.append({"phase": "measure" if counted >= 0 else "warmup", "round": number,
                      "at_s": round(now, 3), "seconds": 1.0, "entries": int(1_810_672 / slow),
                      "per_s": 1_810_672 / slow, "p50": int(498_700 * slow),
                      "p99": int(1_446_000 * slow), "p999": int(2_700_000 * slow),
                      "max": int(4_100_000 * slow * chance.uniform(1, 2)), "in_flight": 1024,
                      "entries_per_write": 347 * slow, "steal_fraction": chance.uniform(0, 0.01)})
    return lines


def hgrm(whole):
    """The percentile table of a smooth distribution through the percentiles of result.json."""
    commit, lines = whole["commit"], []
    known = [(0, "min"), (0.301, "p50"), (1, "p90"), (2, "p99"), (3, "p999"), (4, "p9999"),
             (math.log10(commit["count"]), "max")]
    nines = 0.0
    while nines < known[-1][0]:
        (x0, low), (x1, high) = next((a, b) for a, b in zip(known, known[1:]) if nines < b[0])
        share = (nines - x0) / (x1 - x0)
        value = commit["latency"][low] ** (1 - share) * commit["latency"][high] ** share
        part = 1 - 10 ** -nines
        lines.append(f"{value:12.3f} {part:.12f} {int(part * commit['count']):10d} "
                     f"{10 ** nines:14.2f}")
        nines += 0.06
    lines.append(f"{commit['latency']['max']:12.3f} {1:.12f} {commit['count']:10d}            inf")
    return ("       Value     Percentile TotalCount 1/(1-Percentile)\n\n" + "\n".join(lines) +
            f"\n#[Max     = {commit['latency']['max']:12.3f}, Total count    = "
            f"{commit['count']:12d}]\n")


def write_bench(directory, whole, lines):
    directory.mkdir(exist_ok=True)
    (directory / "result.json").write_text(json.dumps(whole))
    (directory / "intervals.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (directory / "commit.hgrm").write_text(hgrm(whole))


INFLIGHT, DEPTHS, DELAYS = (1, 16, 64, 256, 1024, 4096), (1, 2, 4), ("0", "50us", "200us")


def sweep_point(number, inflight, depth, delay, chance):
    late = {"0": 0, "50us": 50_000, "200us": 200_000}[delay]
    per_s = 2.3e6 * inflight / (inflight + 300 / depth ** 0.3) * (1 + late / 2e6)
    p99 = 300_000 + late + inflight * 1e9 / per_s * (0.9 + 0.1 * depth)
    name, runs = f"p{number:03d}", []
    for repeat in range(1, 4):
        noise = chance.uniform(0.97, 1.03)
        runs.append({"dir": f"runs/{name}-r{repeat:02d}", "kept": True, "per_s": per_s * noise,
                     "p50": int(p99 / 3), "p99": int(p99 / noise), "p999": int(p99 * 2)})
    if number % 11 == 5:
        runs[1].update(kept=False, why="6.2 % of the time was stolen; the point's median is 0.1 %")
    return {"id": name, "runs": runs, "per_s": per_s, "p50": int(p99 / 3), "p99": int(p99),
            "p999": int(p99 * 2), "meets_slo": p99 < 1_000_000, "pareto": False,
            "settings": {"inflight": str(inflight), "wal.depth": str(depth), "wal.delay": delay}}


def sweep():
    chance, points = random.Random(3), []
    for inflight in INFLIGHT:
        for depth in DEPTHS:
            for delay in DELAYS:
                points.append(sweep_point(len(points) + 1, inflight, depth, delay, chance))
    for point in points:
        point["pareto"] = not any(other["per_s"] >= point["per_s"] and other["p99"] < point["p99"]
                                  for other in points)
    best = max((point for point in points if point["meets_slo"]), key=lambda each: each["per_s"])
    curves = [{"load": "inflight", "settings": {"wal.depth": str(depth), "wal.delay": delay},
               "points": [f"p{1 + 9 * i + 3 * d + w:03d}" for i in range(len(INFLIGHT))],
               "knee": f"p{1 + 9 * 3 + 3 * d + w:03d}", "inside": True}
              for d, depth in enumerate(DEPTHS) for w, delay in enumerate(DELAYS)]
    axes = [{"key": key, "unit": unit, "values": [{"text": str(each), "value": place}
                                                  for place, each in enumerate(values)]}
            for key, unit, values in (("inflight", "count", INFLIGHT),
                                      ("wal.depth", "count", DEPTHS), ("wal.delay", "ns", DELAYS))]
    row = {"load": {"inflight": "1024"}, "default": "p037", "best": "p043", "lowest_p99": "p037",
           "throughput_ratio": 0.94, "p99_ratio": 0.88, "p99_over_lowest": 1.0, "holds": True}
    return {"schema": "whitewater.sweep/1", "version": "0.1.0", "name": "batching",
            "load": {"duration": "1s", "size": "64B"}, "config": {"wal.prepare": "256MiB"},
            "vary": ["inflight", "wal.depth", "wal.delay"], "axes": axes, "repeat": 3,
            "order": "random", "seed": 1, "objective": "max per_s", "slo": "p99<1ms",
            "environment": result()["environment"],
            "runs": {"planned": 162, "kept": 157, "noisy": 5, "failed": 0, "missing": 0},
            "noise": {"rule": "thrown out: runs whose own limit probe is off its point's median",
                      "limits": {"cpu.steal_fraction": 0.02}},
            "points": points, "best": best["id"],
            "knee": {"method": "the load with the most power, per_s / p99", "curves": curves},
            "default": {"throughput_goal": 0.9, "p99_goal": 1.1, "loads": [row], "holds": True}}


def compare():
    rows = (("throughput", "commits/s", "1/s", 1_810_672, 1_873_010, 0.034, 0.021, 0.048, "better"),
            ("p50", "p50", "ns", 498_700, 486_100, -0.025, -0.041, -0.009, "better"),
            ("p99", "p99", "ns", 1_446_000, 1_581_000, 0.093, 0.052, 0.141, "worse"),
            ("p999", "p99.9", "ns", 2_700_000, 2_730_000, 0.011, -0.071, 0.102, "same"),
            ("bandwidth_over_limit", "bandwidth / limit", "", 0.2826, 0.2911, 0.03, 0.018, 0.044,
             "better"),
            ("cycles", "work cycles / entry, replica", "", 212, 209, -0.014, None, None, "unknown"))
    names = ("name", "title", "unit", "a", "b", "change", "low", "high", "verdict")
    metrics = [{"samples_a": 5, "samples_b": 5, "from": "runs", **{
        name: value for name, value in zip(names, row) if value is not None}} for row in rows]
    sides = [{"path": path, "kind": "runs", "points": 1, "runs": 5, "version": "0.1.0",
              "started_at": "2026-03-01T12:00:00Z", "conditions": f"dsync, wal.depth {depth}"}
             for path, depth in (("results/main", 2), ("results/depth-4", 4))]
    return {"schema": "whitewater.compare/1", "a": sides[0], "b": sides[1], "confidence": 0.95,
            "strict": False, "metrics": metrics,
            "differences": [{"key": "config.wal_depth", "a": "2", "b": "4", "allowed": True}],
            "gates": [{"gate": "p99>+5%", "metric": "p99", "change": 0.093, "low": 0.052,
                       "high": 0.141, "verdict": "failed"}]}


def experiment():
    cells, series = [], []
    for mode, scale in (("dsync", 1.0), ("fdatasync", 1.9), ("buffered", 0.12)):
        points = []
        for inflight in (1, 64, 1024):
            p50, runs = 160_000 * scale * (1 + inflight / 700), []
            for shift in (0.96, 1, 1.07):
                runs.append({"p50": p50 * shift, "p99": p50 * 2.8 * shift,
                             "per_s": inflight / p50 * 1e9 / shift})
            cells.append({"durability": mode, "window": "self", "inflight": inflight, **runs[1],
                          "runs": runs})
            points.append([inflight, p50 / 1e3])
        series.append({"name": mode, "points": points})
    return {"schema": "whitewater.experiment/1", "version": "0.1.0", "experiment": "fsync",
            "started_at": "2026-03-01T12:00:00Z", "environment": result()["environment"],
            "config": {"replicas": 3, "entry_bytes": 64, "repeats": 3, "duration_s": 1},
            "cells": cells, "verified": {"replicas_identical": True, "acknowledged": 63_000_000},
            "plots": [{"title": "Commit p50 by number in flight",
                       "x": {"label": "in flight", "scale": "log"},
                       "y": {"label": "microseconds", "scale": "log"}, "series": series},
                      {"title": "Rate by mode", "x": {"label": "mode"},
                       "y": {"label": "commits per_s", "scale": "linear"},
                       "series": [{"name": "1,024 in flight",
                                   "points": [[cell["durability"], cell["per_s"]]
                                              for cell in cells if cell["inflight"] == 1024]}]}]}
