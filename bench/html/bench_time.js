// SPDX-License-Identifier: Apache-2.0
// Of one run: latency by percentile, and all that is drawn over time.

const percentileKeys = ["min", "p50", "p90", "p99", "p999", "p9999", "max"];
const partOf = { min: 0, p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999, p9999: 0.9999 };

const latencyAxis = { label: "latency", scale: "log", ...units.ns };
const timeAxis = {
  label: "seconds since the load began",
  scale: "linear",
  tight: true,
  name: "at",
  tick: (value) => String(value),
  show: (value) => `${Number(value.toFixed(2))} s`,
};

// ---- latency ----

const summaryPoints = (latency) =>
  percentileKeys
    .filter((key) => key in partOf && isNumber((latency || {})[key]))
    .map((key) => [partOf[key], latency[key]]);

function percentilePlot({ result, percentiles }) {
  const { limits = {}, rotation = {}, commit } = result;
  const rows = listOf(percentiles),
    last = rows.length > 0 ? rows[rows.length - 1] : null;
  const all = last ? 1 - 1 / Math.max(10, 2 * last[2]) : 1;
  const points = rows.map(([value, part]) => [Math.min(part, all), value]);
  return xyPlot({
    title: "Commit latency by percentile",
    toggle: true,
    note: "Each nine takes as much room as the one before, as HdrHistogram plots it.",
    x: {
      scale: "percentile",
      label: "percentile",
      name: "at",
      tick: String,
      show: (part) => `${Number((part * 100).toPrecision(8))}\u00a0%`,
    },
    y: latencyAxis,
    series: [
      {
        name: "commit",
        points: points.length > 0 ? points : summaryPoints(commit.latency),
        kind: "plain",
        style: 0,
      },
      { name: "limit: durable write", points: summaryPoints(limits.wal_write), style: 1 },
      { name: "limit: round trip", points: summaryPoints(limits.net_rtt), style: 2 },
      {
        name: "commits at a new segment",
        points: summaryPoints(rotation.crossing),
        kind: "points",
        style: 3,
        hollow: true,
      },
    ],
  });
}

function latencyTable({ commit, rotation = {}, limits = {}, config }) {
  const rows = [
    ["commit", commit.latency, "commit.latency"],
    ["  at a new segment", rotation.crossing, "rotation.crossing"],
    ["  all others", rotation.others, "rotation.others"],
    [
      `limit: durable write, ${showCount(config.replicas)} at once`,
      limits.wal_write,
      "limits.wal_write",
    ],
    ["limit: round trip", limits.net_rtt, "limits.net_rtt"],
  ].filter(([, latency]) => latency);
  const over = (name, below) =>
    below &&
    rows.push([
      name,
      Object.fromEntries(
        percentileKeys
          .filter((key) => below[key] > 0)
          .map((key) => [key, commit.latency[key] / below[key]]),
      ),
      null,
    ]);
  over("commit \u00f7 durable write", limits.wal_write);
  if (!limits.wal_write) over("commit \u00f7 round trip", limits.net_rtt);
  return el(
    "div",
    { class: "panel" },
    tableOf(
      "Latencies",
      [
        { name: "latency", text: true, value: ([name]) => name },
        ...percentileKeys.map((key) => ({
          name: nameOf(key),
          value: ([, latency]) => latency[key],
          show: (value, [, , path]) =>
            path ? figureOf(`${path}.${key}`, value, showNs(value)) : showRatio(value),
        })),
      ],
      rows,
    ),
  );
}

// ---- over time ----

// The measured phase has pauses between its rounds, in which the limits are measured. Injections
// count from its begin.
function timeline(intervals, result) {
  const measured = intervals.filter((each) => each.phase === "measure");
  const from = Math.min(...intervals.map(beginOf));
  const begin = measured.length > 0 ? Math.min(...measured.map(beginOf)) : from;
  const bands = begin > from + 0.01 ? [{ from, to: begin }] : [],
    marks = [];
  measured.forEach((each, place) => {
    const before = measured[place - 1];
    if (!before || !isNumber(each.round) || each.round === before.round) return;
    bands.push({ from: before.at_s, to: beginOf(each) });
    marks.push({ x: beginOf(each), label: `round ${each.round}` });
  });
  for (const each of listOf(result.injections))
    if (isNumber(each.at_s))
      marks.push({ x: begin + each.at_s, label: String(each.action), loud: true });
  marks.sort((one, other) => one.x - other.x);
  const to = Math.max(...intervals.map((each) => each.at_s));
  return { x: { ...timeAxis, from, to }, marks, bands };
}

// An interval stands at its middle.
const beginOf = (each) => each.at_s - each.seconds;
const middleOf = (each) => Number((each.at_s - each.seconds / 2).toFixed(3));
const alongTime = (intervals, key) => intervals.map((each) => [middleOf(each), each[key]]);

function timePlots(intervals, result) {
  const frame = timeline(intervals, result);
  const plot = (title, y, keys, more = {}) => {
    const series = keys
      .filter(([key]) => intervals.some((each) => isNumber(each[key])))
      .map(([key, name, style]) => ({ name, style, points: alongTime(intervals, key) }));
    return series.length === 0 ? null : xyPlot({ title, y, series, ...frame, ...more });
  };
  const { rate } = result.config;
  const shaded =
    frame.bands.length > 0 ? " Shaded is what does not count: warm-up, pauses between rounds." : "";
  const small = [
    plot(
      "Batch size over time",
      { label: "entries per write", scale: "linear", from: 0, ...units.plain },
      [["entries_per_write", "entries per write", 0]],
      { height: 220 },
    ),
    plot(
      "In flight over time",
      { label: "entries, at the end of each interval", scale: "linear", from: 0, ...units.plain },
      [["in_flight", "in flight", 0]],
      { height: 220 },
    ),
    plot(
      "Stolen time",
      { label: "of all cores\u2019 time", scale: "linear", from: 0, to: 0.01, ...units.fraction },
      [["steal_fraction", "taken by the hypervisor", 0]],
      { height: 220 },
    ),
  ].filter(Boolean);
  return [
    plot(
      "Latency over time",
      latencyAxis,
      [
        ["p50", "p50", 0],
        ["p99", "p99", 1],
        ["p999", "p99.9", 2],
        ["max", "max", 3],
      ],
      { toggle: true, note: `Of the commits of each interval of about a second.${shaded}` },
    ),
    plot(
      "Throughput over time",
      { label: "commits/s", scale: "linear", from: 0, ...units["/s"] },
      [["per_s", "commits/s", 0]],
      { levels: rate ? [{ y: rate, label: "the rate asked for" }] : [] },
    ),
    small.length > 0 && el("div", { class: "grid small" }, small),
  ];
}

function timeSection({ intervals, result }) {
  const list = listOf(intervals).filter(
    (each) =>
      isNumber(each.at_s) && isNumber(each.seconds) && ["warmup", "measure"].includes(each.phase),
  );
  return sectionOf(
    "time",
    "Over time",
    list.length > 0
      ? timePlots(list, result)
      : missing("No intervals: ", el("code", {}, "intervals.jsonl"), " was not there or is empty."),
    injectionsOf(result),
  );
}

function injectionsOf({ injections }) {
  if (listOf(injections).length === 0) return null;
  const keys = [...new Set(injections.flatMap(Object.keys))];
  return el(
    "div",
    { class: "panel" },
    el("h3", {}, "Faults injected"),
    tableOf(
      "Faults injected",
      keys.map((key) => ({
        name: nameOf(key),
        text: key === "action",
        value: (each) => each[key],
        show: (value) => show(key, value),
      })),
      injections,
    ),
  );
}
