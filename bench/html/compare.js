// SPDX-License-Identifier: Apache-2.0
// The page of `ww compare A B` (schema whitewater.compare/1).

const changeText = (part) =>
  isNumber(part) ? `${part >= 0 ? "+" : "\u2212"}${showPercent(Math.abs(part))}` : none;
const rangeText = (metric) =>
  isNumber(metric.low) ? `${changeText(metric.low)} to ${changeText(metric.high)}` : none;
const valueText = (value, metric) =>
  metric.unit === "1/s"
    ? showRate(value)
    : metric.unit
      ? (units[metric.unit] || units.plain).show(value)
      : Math.abs(value) >= 100
        ? showCount(value)
        : showRatio(value);
const titleOfMetric = (metric) => metric.title || metric.name;
const marks = {
  better: "\u2713 better",
  worse: "\u2717 worse",
  same: "= no change shown",
  unknown: "? unknown",
};
const verdictText = (metric) => marks[metric.verdict] || metric.verdict || none;
const pathOfSide = (side, otherwise) => side.path || side.dir || otherwise;

// ---- the changes, with their intervals ----

function changePlot(metrics, point, interval) {
  const rows = metrics
    .filter((metric) => isNumber(metric.change))
    .map((metric) => ({
      name: titleOfMetric(metric),
      low: metric.low,
      high: metric.high,
      style: 4,
      points: [
        [metric.verdict === "better" ? 2 : metric.verdict === "worse" ? 1 : 0, metric.change],
      ],
      note: changeText(metric.change),
      about: [
        { name: "change", text: changeText(metric.change) },
        { name: "interval", text: rangeText(metric) },
        { name: "verdict", text: verdictText(metric) },
      ],
    }));
  const title = `Change from A to B${point ? `: ${point}` : ""}`;
  if (rows.length === 0) return missing(`${title}: no figure stands on both sides.`);
  return rowPlot({
    title,
    zero: true,
    rows,
    table: metricTable(metrics, interval),
    series: [
      { name: "better", style: 2, kind: "points" },
      { name: "worse", style: 1, kind: "points" },
      { name: "neither", style: 0, kind: "points" },
    ],
    note: `With the ${interval}. Where it reaches over zero, no change is shown.`,
    x: {
      scale: "linear",
      from: -0.01,
      to: 0.01,
      tick: (part) => (part > 0 ? "+" : "") + tickPercent(part).replace("-", "\u2212"),
    },
  });
}

function metricTable(metrics, interval) {
  return tableOf(
    "Figures",
    [
      { name: "figure", text: true, value: titleOfMetric },
      ...["a", "b"].map((side) => ({
        name: side.toUpperCase(),
        value: (metric) => metric[side],
        show: (value, metric) => (isNumber(value) ? valueText(value, metric) : none),
      })),
      { name: "change", value: (metric) => metric.change, show: changeText },
      { name: interval, value: (metric) => metric.low, show: (_, metric) => rangeText(metric) },
      { name: "verdict", text: true, value: verdictText },
      {
        name: "samples",
        value: (metric) => metric.samples_a,
        show: (count, metric) =>
          isNumber(count)
            ? `${showCount(count)}, ${showCount(metric.samples_b)} ${metric.from || ""}`
            : none,
      },
    ],
    metrics,
    { sort: true },
  );
}

// ---- what ran on each side ----

function differencesOf(data) {
  const rows = listOf(data.differences);
  if (rows.length === 0) return missing("Both sides ran under the same conditions.");
  return el(
    "div",
    { class: "panel" },
    el(
      "p",
      { class: "soft" },
      "The runs are not alike; they are compared because that was asked for.",
    ),
    tableOf(
      "What differs",
      [
        { name: "what", text: true, value: (row) => row.key },
        { name: "A", text: true, value: (row) => row.a },
        { name: "B", text: true, value: (row) => row.b },
        { name: "", text: true, value: (row) => (row.allowed ? "allowed" : "not allowed") },
      ],
      rows,
    ),
  );
}

function sidesOf(a, b) {
  const left = new Map(flat(a)),
    right = new Map(flat(b));
  const rows = [...new Set([...left.keys(), ...right.keys()])].map((path) => ({
    path,
    a: left.get(path),
    b: right.get(path),
  }));
  const differs = (row) => JSON.stringify(row.a) !== JSON.stringify(row.b);
  const shown = (row, value) => (value === undefined ? none : show(lastOf(row.path), value));
  return el(
    "div",
    { class: "panel" },
    tableOf(
      "Both sides",
      [
        { name: "what", text: true, value: (row) => nameOf(row.path.replaceAll(".", ", ")) },
        { name: "A", text: true, value: (row) => shown(row, row.a) },
        { name: "B", text: true, value: (row) => shown(row, row.b) },
      ],
      rows,
      { mark: (row) => (differs(row) ? "differs" : null) },
    ),
  );
}

// ---- gates ----

function gateSection(gates) {
  const failed = gates.filter((gate) => gate.verdict !== "passed");
  return sectionOf(
    "gates",
    "Gates",
    notice(
      failed.length === 0 ? "good" : "bad",
      failed.length === 0
        ? "\u2713 All gates passed."
        : `\u2717 ${failed.length} of ${gates.length} gates not passed.`,
    ),
    el(
      "div",
      { class: "panel" },
      tableOf(
        "Gates",
        [
          { name: "gate", text: true, value: (gate) => gate.gate },
          { name: "point", text: true, value: (gate) => gate.point || "" },
          {
            name: "found",
            value: (gate) => gate.change ?? gate.b,
            show: (value, gate) => (isNumber(gate.change) ? changeText(value) : showPlain(value)),
          },
          { name: "verdict", text: true, value: (gate) => gate.verdict },
        ],
        gates,
      ),
    ),
  );
}

page(
  ({ a = {}, b = {} }) => `ww compare: ${pathOfSide(a, "A")}, ${pathOfSide(b, "B")}`,
  (data) => {
    const metrics = listOf(data.metrics),
      { a = {}, b = {} } = data;
    const interval = isNumber(data.confidence)
      ? `${Number((data.confidence * 100).toPrecision(3))} % interval`
      : "confidence interval";
    const points = [...new Set(metrics.map((metric) => metric.point || ""))];
    const of = (point) => metrics.filter((metric) => (metric.point || "") === point);
    const single = metrics.some((metric) => metric.from === "intervals");
    const changes =
      metrics.length === 0
        ? missing("No figure was compared.")
        : points.map((point) => changePlot(of(point), point, interval));
    const sections = [
      sectionOf(
        "change",
        "Changes",
        single &&
          notice(
            "warn",
            "\u26a0 One run a side.",
            "These intervals come from the seconds within the runs, and know nothing of how two " +
              "runs of one " +
              "program differ. Give directories of several runs to see that.",
          ),
        changes,
      ),
      sectionOf(
        "figures",
        "Figures",
        metrics.length === 0
          ? missing("No figure was compared.")
          : points.map((point) =>
              el(
                "div",
                { class: "panel" },
                point && el("h3", {}, point),
                metricTable(of(point), interval),
              ),
            ),
      ),
      listOf(data.gates).length > 0 && gateSection(data.gates),
      sectionOf("unlike", "What is not alike", differencesOf(data)),
      sectionOf("sides", "Both sides", sidesOf(a, b)),
      rawSection("compare.json", data),
    ].filter(Boolean);
    return [
      el(
        "header",
        {},
        el("div", { class: "brand" }, "Whitewater compare"),
        el("h1", {}, `${pathOfSide(a, "A")} \u2192 ${pathOfSide(b, "B")}`),
        el(
          "p",
          { class: "soft" },
          "A is ",
          el("code", {}, pathOfSide(a, "A")),
          ", B is ",
          el("code", {}, pathOfSide(b, "B")),
          ".",
        ),
      ),
      navigation(sections),
      sections,
    ];
  },
);
