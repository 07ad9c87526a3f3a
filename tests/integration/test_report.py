#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The HTML reports in a browser, and `ww report`."""
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import report_data  # noqa
from browser import Browser  # noqa
from harness import (BUILD, Directory, check, check_equal, check_in, run_tests, skip, ww,  # noqa
                     ww_fails)

SECTIONS = {
    "bench": ["latency", "time", "stages", "batches", "limits", "cost", "setting", "raw"],
    "sweep": ["pareto", "heat", "knee", "default", "points", "thrown", "setting", "raw"],
    "compare": ["change", "figures", "gates", "unlike", "sides", "raw"],
    "experiment": ["plots", "list-cells", "setting", "raw"],
}
PLOTS = {
    "bench": ["Commit latency by percentile", "Latency over time", "Throughput over time",
              "Batch size over time", "In flight over time", "Stolen time",
              "Share of the mean critical path", "Time in each stage",
              "Entries per write to the log", "The limits\u2019 latency, probe by probe",
              "The disk\u2019s bandwidth, probe by probe"],
    "sweep": ["Throughput against p99", "p99: inflight against wal.depth",
              "p99: inflight against wal.delay", "p99: wal.delay against wal.depth",
              "p99 against throughput as the load grows (1)",
              "p99 against throughput as the load grows (2)"],
    "compare": ["Change from A to B"],
    "experiment": ["Commit p50 by number in flight", "Rate by mode"],
}
REPORT = "document.getElementById('report').textContent.replaceAll('\\u00a0', ' ')"
UNITS = {"ns": 1, "\u00b5s": 1e3, "ms": 1e6, "s": 1e9, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9,
         "%": 0.01, "/s": 1, "\u00d7": 1}


def bench_page(directory, whole=None, lines=None):
    report_data.write_bench(directory, whole or report_data.result(),
                            report_data.intervals() if lines is None else lines)
    done = ww("report", directory)
    check_equal(done.returncode, 0, done.errors)
    return directory / "report.html"


def made_page(directory, name, data):
    source, path = directory / f"{name}.json", directory / f"{name}.html"
    source.write_text(json.dumps(data))
    subprocess.run([BUILD / "tests/integration/write_page", name, source, path], check=True)
    return path


def all_pages(directory):
    return {"bench": bench_page(directory / "bench"),
            **{name: made_page(directory, name, getattr(report_data, name)())
               for name in ("sweep", "compare", "experiment")}}


def browser():
    if shutil.which("chromium") is None:
        skip("no chromium here")
    return Browser()


def each(page, selector, what, condition="true"):
    """What every element of the selector has that fulfils the condition; both speak of `it`."""
    return page.evaluate(f"[...document.querySelectorAll('{selector}')].filter(it => {condition})"
                         f".map(it => {what})")


def check_quiet(page, path):
    check_equal(page.problems, [], f"{path.name}: errors in the console")
    check_equal(page.requests, [path.resolve().as_uri()], "requests")


def check_no_overflow(page, name, width):
    wide = page.evaluate("document.documentElement.scrollWidth")
    check(wide <= width, f"{name}: {wide} px wide on a screen of {width} px")
    out = each(page, ".drawing text", "it.textContent", "it.getBoundingClientRect().left < -1 || "
               "it.getBoundingClientRect().right > innerWidth + 1")
    check_equal(out, [], f"{name} at {width} px: texts outside")


def test_every_page_draws_all_its_parts_at_any_width_light_and_dark():
    with Directory() as directory, browser() as chromium:
        for name, path in all_pages(directory).items():
            page = chromium.open(path)
            backgrounds = set()
            for width, dark in ((1400, False), (360, True), (360, False), (1400, True)):
                page.shape(width, dark)
                page.settle()
                check_no_overflow(page, name, width)
                colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
                backgrounds.add((dark, colour))
            check_equal(len(backgrounds), 2, f"{name}: light and dark: {backgrounds}")
            check_equal(each(page, "section h2", "it.id"), SECTIONS[name], f"{name}: sections")
            check_equal(each(page, "[data-plot]", "it.dataset.plot"), PLOTS[name], f"{name}: plots")
            check_equal(each(page, ".canvas", "it.textContent",
                             "!it.querySelector('.line, .dot, .bar, .stroke, .hollow')"), [],
                        f"{name}: empty plots")
            check_equal(each(page, ".drawing *", "it.outerHTML",
                             "/NaN|undefined|Infinity/.test(it.outerHTML)"), [],
                        f"{name}: shapes without a place")
            check_equal(each(page, ".missing", "it.textContent"), [], f"{name}: parts are missing")
            check(b"%PDF" in page.paper()[:8], "printed")
            check_quiet(page, path)


def shown(text):
    """The number that a person reads, and half of its last decimal: what rounding may take."""
    text = text.replace("\u00a0", " ").replace(",", "")
    number, _, unit = text.partition(" ")
    scale = 1
    for part in unit.replace("/s", " /s").split():
        scale *= UNITS[part]
    return float(number) * scale, 0.51 * scale * 10.0 ** -len(number.partition(".")[2])


def check_figures(page, data, count):
    """Every figure stands in the data at its key, and what is shown is that value, rounded."""
    figures = each(page, "[data-key]", "[it.dataset.key, it.dataset.value, it.textContent]")
    numbers = 0
    for key, value, text in figures:
        place = data
        for part in key.split("."):
            place = place[part]
        if isinstance(place, bool):
            check_equal((value, text), (str(place).lower(), "yes" if place else "no"), key)
        elif isinstance(place, str):
            check_equal((value, text), (place, place), key)
        elif isinstance(place, (int, float)):
            check_equal(float(value), float(place), key)
            scale = 1e9 if key.endswith("_s") and "per_s" not in key else 1
            value_shown, half = shown(text)
            check(math.isclose(value_shown, place * scale, rel_tol=0.0051, abs_tol=half),
                  f"{key}: {text!r} for {place}")
            numbers += 1
    check(numbers >= count, f"{numbers} figures")


def test_figures_are_those_of_the_result():
    with Directory() as directory, browser() as chromium:
        whole = report_data.result()
        page = chromium.open(bench_page(directory, whole))
        check_figures(page, whole, 100)
        text = page.evaluate(REPORT)
        for part in ("Verified.", "0 lost", "2 warnings", "5 busy threads share 2 cores",
                     "round 2", "What limits: follower write", "AMD EPYC",
                     "3 replicas, dsync, memif, 64 B entries", "on ext4, /dev/vda1", "ww-shard",
                     "name cc1 pid 23,895 cores 0.05"):
            check_in(part, text)


def test_a_run_of_ww_bench_has_its_page():
    with Directory() as data, Directory() as output, browser() as chromium:
        done = ww("bench", "--data", data, "-o", output, "--durability", "memory", "--duration",
                  "500ms", "--warmup", "100ms", "--inflight", "64")
        check_equal(done.returncode, 0, done.errors)
        first = (output / "report.html").read_text()
        again = ww("report", output)
        check_equal(again.text, done.text, "the table")
        check_equal((output / "report.html").read_text(), first, "the page")
        whole = json.loads((output / "result.json").read_text())
        check_equal(json.loads(ww("report", output, "--format", "json").text), whole, "result.json")
        page = chromium.open(output / "report.html")
        check_quiet(page, output / "report.html")
        check_figures(page, whole, 30)


def test_comparisons_and_experiments_have_their_pages():
    with Directory() as top, browser() as chromium:
        for name in ("a", "b"):
            report_data.write_bench(top / name, report_data.result(), report_data.intervals())
        done = ww("compare", top / "a", top / "b", "-o", top)
        check_equal(done.returncode, 0, done.errors)
        done = ww("experiment", "backtracking", "-o", top)
        check_equal(done.returncode, 0, done.errors)
        for name, part in (("compare", "Change from A to B"), ("backtracking", "Round trips")):
            page = chromium.open(top / f"{name}.html")
            check_quiet(page, top / f"{name}.html")
            plots = each(page, "figure.plot .drawing", "it.closest('figure').dataset.plot")
            check(any(part in plot for plot in plots), f"{name}: {plots}")


def test_what_is_missing_is_said_and_never_an_empty_frame():
    whole = report_data.result(limits={}, ratios={}, injections=[])
    for part in ("stages", "critical_path", "batches", "warnings", "rotation"):
        del whole[part]
    with Directory() as directory, browser() as chromium:
        report_data.write_bench(directory / "run", whole, [])
        for companion in ("intervals.jsonl", "commit.hgrm"):
            (directory / "run" / companion).unlink()
        check_equal(ww("report", directory / "run").returncode, 0)
        pages = {"run": directory / "run" / "report.html",
                 "sweep": made_page(directory, "sweep", {"name": "x", "points": []}),
                 "compare": made_page(directory, "compare", {"metrics": []}),
                 "experiment": made_page(directory, "experiment", {"experiment": "x"})}
        for name, path in pages.items():
            page = chromium.open(path)
            check_quiet(page, path)
            check(len(each(page, ".missing", "1")) >= 1, name)
            check_equal(each(page, "section", "it.id",
                             "it.innerText.trim() === it.querySelector('h2').innerText.trim()"),
                        [], f"{name}: sections without content")
            text = page.evaluate(REPORT)
            for wrong in ("NaN", "undefined", "null", "[object"):
                check(wrong not in text, f"{name} says {wrong}")


def test_text_of_the_data_stays_text():
    evil = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 1'>"
    whole = report_data.result(warnings=[{"code": "x", "text": evil}], version=evil)
    whole["config"]["payload"] = evil
    whole["stages"][evil] = {"p50": 1, "p99": 2, "p999": 3, "mean": 1, "share": 0}
    sweep = report_data.sweep()
    sweep["name"] = sweep["points"][0]["settings"]["wal.delay"] = evil
    with Directory() as directory, browser() as chromium:
        for path in (bench_page(directory, whole), made_page(directory, "sweep", sweep)):
            page = chromium.open(path)
            check_quiet(page, path)
            check_equal(page.evaluate("typeof window.evil"), "undefined", "script from the data")
            check_equal(each(page, "img", "it.outerHTML"), [], "elements")
            check_in(evil, page.evaluate(REPORT))


def test_plots_are_read_with_the_keyboard_and_have_tables():
    with Directory() as directory, browser() as chromium:
        page = chromium.open(bench_page(directory))
        plot = "[data-plot=\\'Latency over time\\']"
        page.evaluate(f"document.querySelector('{plot} .canvas').focus()")
        page.key("Home")
        first = each(page, f"{plot} [aria-live]", "it.textContent")[0]
        for part in ("p50", "p99.9", "max"):
            check_in(part, first)
        page.key("ArrowRight")
        check(each(page, f"{plot} [aria-live]", "it.textContent") != [first], "the next second")
        check_equal(len(each(page, ".tip", "1", "!it.hidden")), 1, "open")
        page.key("Escape")
        check_equal(each(page, ".tip", "it.textContent", "!it.hidden"), [], "closed")
        check_equal(each(page, "figure.plot", "it.dataset.plot", "!it.querySelector('table')"),
                    ["Share of the mean critical path", "Time in each stage"],
                    "plots without a table of their own: that of the section has all")


def test_points_of_a_sweep_are_sorted_by_a_click():
    with Directory() as directory, browser() as chromium:
        page = chromium.open(made_page(directory, "sweep", report_data.sweep()))
        rows = "#section-points tbody tr"
        page.evaluate("[...document.querySelectorAll('#section-points th button')]"
                      ".find(each => each.textContent === 'p50').click()")
        rising = [shown(text) for text in each(page, rows, "it.cells[5].textContent")]
        check_equal(rising, sorted(rising), "rising")
        page.evaluate("document.querySelector('#section-points th[aria-sort] button').click()")
        falling = [shown(text) for text in each(page, rows, "it.cells[5].textContent")]
        check_equal(falling, rising[::-1], "falling")
        check_equal(len(each(page, "#section-points tr.chosen", "1")), 1, "the best point")
        check_in("6.2 % of the time was stolen",
                 each(page, "#section-thrown", "it.textContent")[0])


def test_bad_directories_are_refused():
    with Directory() as directory:
        ww_fails(2, "report", says=["DIR is missing"])
        ww_fails(2, "report", directory / "nowhere", says=["nowhere", "No such file"])
        ww_fails(2, "report", directory, says=[str(directory), "result.json"])
        report_data.write_bench(directory, report_data.result(), report_data.intervals())
        (directory / "intervals.jsonl").write_text('{"at_s":1}\n{"at')
        ww_fails(4, "report", directory, says=["intervals.jsonl:2"])
        (directory / "result.json").write_text('{"schema":"whitewater.bench/2"}')
        ww_fails(4, "report", directory, says=["result.json", "'whitewater.bench/2'"])
        (directory / "result.json").write_text("{")
        ww_fails(4, "report", directory, says=["result.json:1"])
        check(not (directory / "report.html").exists(), "no page of damaged files")


run_tests(globals())
