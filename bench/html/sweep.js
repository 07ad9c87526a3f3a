// SPDX-License-Identifier: Apache-2.0
// The page of a sweep: sweep.json (schema whitewater.sweep/1).

const latencies = ["p50", "p99", "p999"];
const showSetting = (value) => (isNumber(value) ? showCount(value) : String(value));
const settingsText = (settings) =>
  Object.entries(settings || {})
    .map(([key, value]) => `${key} ${showSetting(value)}`)
    .join(", ");
const keptOf = (point) => listOf(point.runs).filter((run) => run.kept);
const isMeasured = (point) => point.per_s > 0 && point.p99 > 0;
const pointOf = (data, id) => listOf(data.points).find((point) => point.id === id);
const textOf = (value) =>
  value === undefined || value === null
    ? null
    : isObject(value)
      ? flat(value)
          .map(([key, each]) => `${nameOf(key)} ${show(key, each)}`)
          .join(", ")
      : String(value);

// What else there is to say of a point.
function remarksOf(data, point) {
  return [
    point.id === data.best && "best",
    point.pareto && "on the front",
    point.rate_missed && "rate not reached",
    point.unsettled && "unsettled",
    keptOf(point).length === 0 && "no run kept",
  ]
    .filter(Boolean)
    .join(", ");
}

// The values of a key in the order of its axis.
function valuesOf(data, points, key) {
  const there = new Set(
    points.map((point) => point.settings[key]).filter((value) => value !== undefined),
  );
  const axis = listOf(data.axes).find((each) => each.key === key);
  const listed = axis
    ? listOf(axis.values)
        .map((value) => value.text)
        .filter((text) => there.has(text))
    : [];
  return listed.length === there.size ? listed : [...there].sort(compareValues);
}

// ---- throughput against p99 ----

function pointRows(data, point) {
  return [
    ...Object.entries(point.settings).map(([key, value]) => ({
      name: key,
      text: showSetting(value),
    })),
    { name: "commits", text: showRate(point.per_s) },
    ...latencies
      .filter((key) => isNumber(point[key]))
      .map((key) => ({ name: nameOf(key), text: showNs(point[key]) })),
    data.slo && { name: "meets the SLO", text: point.meets_slo ? "yes" : "no" },
  ].filter(Boolean);
}

function paretoPlot(data, points) {
  const groups = [
    { name: "Pareto front", style: 0, all: true, test: (point) => point.pareto },
    { name: "the others", style: 4, kind: "points", hollow: true, test: (point) => !point.pareto },
    {
      name: "best by the objective",
      style: 3,
      kind: "points",
      size: 7,
      test: (point) => point.id === data.best,
    },
  ];
  const series = groups
    .map((group) => ({
      ...group,
      points: points
        .filter(group.test)
        .map((point) => [point.per_s, point.p99])
        .sort((a, b) => a[0] - b[0]),
    }))
    .filter((group) => group.points.length > 0);
  const spec = {
    title: "Throughput against p99",
    series,
    note:
      "Right and down is better: than a point on the front, no other has both more commits and a " +
      "lower p99.",
    x: { label: "commits/s", scale: "log", ...units["/s"] },
    y: { label: "commit p99", scale: "log", ...units.ns },
  };
  const table = pointTable(data, points, keysOf(data, points));
  return figureWith(
    spec,
    (width) => {
      const drawn = renderXy(spec, width, {});
      const stops = points.map((point) => {
        const x = drawn.x.at(point.per_s),
          y = drawn.y.at(point.p99);
        return {
          x,
          y,
          title: [point.id, remarksOf(data, point)].filter(Boolean).join(": "),
          rows: pointRows(data, point),
          dots: [[x, y, 0]],
        };
      });
      return { ...drawn, stops: stops.sort((a, b) => a.x - b.x) };
    },
    table,
    "point",
  );
}

// ---- two keys at a time ----

const metrics = {
  p99: { name: "p99", show: showNs, lowIsBest: true },
  p50: { name: "p50", show: showNs, lowIsBest: true },
  per_s: { name: "commits/s", show: showCount },
};

function heatOf(data, points, [xKey, yKey], metric) {
  const about = metrics[metric];
  const best = (values) =>
    values.length === 0 ? undefined : about.lowIsBest ? Math.min(...values) : Math.max(...values);
  return heatMap({
    title: `${about.name}: ${yKey} against ${xKey}`,
    xName: xKey,
    yName: yKey,
    note:
      `The best ${about.name} over all other keys. The stronger the better; the best of all has ` +
      "a frame.",
    xs: valuesOf(data, points, xKey),
    ys: valuesOf(data, points, yKey),
    label: showSetting,
    show: about.show,
    lowIsBest: about.lowIsBest,
    cell: (x, y) =>
      best(
        points
          .filter((point) => point.settings[xKey] === x && point.settings[yKey] === y)
          .map((point) => point[metric])
          .filter(isNumber),
      ),
  });
}

function heatSection(data, points, keys) {
  const varied = keys.filter((key) => valuesOf(data, points, key).length > 1);
  const size = (key) => valuesOf(data, points, key).length;
  // The key with fewer values goes across, so that a map fits a narrow screen.
  const pairs = varied.flatMap((one, place) =>
    varied.slice(place + 1).map((other) => (size(one) > size(other) ? [other, one] : [one, other])),
  );
  if (pairs.length === 0)
    return sectionOf(
      "heat",
      "Two keys at a time",
      missing("Fewer than two keys were varied: there is no pair to draw."),
    );
  const maps = el("div", { class: "grid" });
  const buttons = Object.keys(metrics).map((metric) =>
    el("button", { type: "button", onclick: () => choose(metric) }, metrics[metric].name),
  );
  function choose(metric) {
    buttons.forEach((button, place) =>
      button.setAttribute("aria-pressed", String(Object.keys(metrics)[place] === metric)),
    );
    maps.replaceChildren(...pairs.map((pair) => heatOf(data, points, pair, metric)));
  }
  choose("p99");
  return sectionOf(
    "heat",
    "Two keys at a time",
    el("div", { class: "tools spaced", role: "group", "aria-label": "Figure shown" }, buttons),
    maps,
  );
}

// ---- latency against load ----

// One curve for each configuration, as sweep.json has them.
function curvesOf(data) {
  return listOf((data.knee || {}).curves)
    .map((curve) => {
      const points = listOf(curve.points)
        .map((id) => pointOf(data, id))
        .filter((point) => point && isMeasured(point));
      return {
        name: settingsText(curve.settings) || "p99",
        load: curve.load,
        knee: pointOf(data, curve.knee),
        inside: curve.inside,
        points: points.map((point) => [point.per_s, point.p99]),
      };
    })
    .filter((curve) => curve.points.length > 1);
}

function kneeTable(curves) {
  return el(
    "div",
    { class: "panel" },
    tableOf(
      "Knees",
      [
        { name: "configuration", text: true, value: (curve) => curve.name },
        {
          name: "knee at",
          value: (curve) => (curve.knee ? curve.knee.settings[curve.load] : none),
          show: (value, curve) => `${curve.load} ${showSetting(value)}`,
        },
        { name: "commits/s", value: (curve) => (curve.knee || {}).per_s, show: showCount },
        { name: "p99", value: (curve) => (curve.knee || {}).p99, show: showNs },
        {
          name: "remark",
          text: true,
          value: (curve) => (curve.inside ? "" : "at the end of what was measured"),
        },
      ],
      curves,
      { sort: true },
    ),
  );
}

function kneeSection(data) {
  const curves = curvesOf(data);
  if (curves.length === 0)
    return sectionOf(
      "knee",
      "Latency against load",
      missing("No configuration was measured under three rates or numbers in flight, or more."),
    );
  const plots = xyPlots(
    {
      title: "p99 against throughput as the load grows",
      series: curves,
      note: "Rings: the knees.",
      x: { label: "commits/s", name: "commits/s", scale: "linear", from: 0, ...units["/s"] },
      y: { label: "commit p99", scale: "log", ...units.ns },
    },
    (some) => ({
      rings: some.filter((curve) => curve.knee).map((curve) => [curve.knee.per_s, curve.knee.p99]),
    }),
  );
  return sectionOf(
    "knee",
    "Latency against load",
    el("p", { class: "soft" }, `Knee: ${data.knee.method}.`),
    el("div", { class: plots.length > 1 ? "grid" : "" }, plots),
    kneeTable(curves),
  );
}

// ---- the default against the best ----

function defaultSection(data) {
  const rows = listOf((data.default || {}).loads);
  if (rows.length === 0) return null;
  const ratio = (key, name) => ({ name, value: (row) => row[key], show: showRatio });
  return sectionOf(
    "default",
    "The default against the best",
    notice(
      data.default.holds ? "good" : "warn",
      data.default.holds ? "\u2713" : "\u26a0",
      `The default is to reach ${showRatio(data.default.throughput_goal)} of the best throughput ` +
        "and at most " +
        `${showRatio(data.default.p99_goal)} of its p99, at every load.`,
    ),
    el(
      "div",
      { class: "panel" },
      tableOf(
        "The default against the best",
        [
          { name: "load", text: true, value: (row) => settingsText(row.load) },
          { name: "default", text: true, value: (row) => row.default },
          { name: "best", text: true, value: (row) => row.best },
          ratio("throughput_ratio", "throughput \u00f7 best"),
          ratio("p99_ratio", "p99 \u00f7 best"),
          ratio("p99_over_lowest", "p99 \u00f7 lowest"),
          { name: "", text: true, value: (row) => (row.holds ? "holds" : "does not hold") },
        ],
        rows,
      ),
    ),
  );
}

// ---- tables ----

const keysOf = (data, points) =>
  listOf(data.vary).length > 0
    ? listOf(data.vary)
    : [...new Set(points.flatMap((point) => Object.keys(point.settings)))];

function pointTable(data, points, keys) {
  const order = Object.fromEntries(keys.map((key) => [key, valuesOf(data, points, key)]));
  return tableOf(
    "All points",
    [
      { name: "point", text: true, value: (point) => point.id },
      ...keys.map((key) => ({
        name: key,
        value: (point) => order[key].indexOf(point.settings[key]),
        show: (_, point) => showSetting(point.settings[key] ?? none),
      })),
      { name: "commits/s", value: (point) => point.per_s, show: showCount },
      ...latencies.map((key) => ({
        name: nameOf(key),
        value: (point) => point[key],
        show: showNs,
      })),
      {
        name: "runs kept",
        value: (point) => keptOf(point).length,
        show: (kept, point) => `${kept} of ${listOf(point.runs).length}`,
      },
      data.slo && {
        name: "SLO",
        text: true,
        value: (point) => (point.meets_slo ? "met" : "missed"),
      },
      { name: "remark", text: true, value: (point) => remarksOf(data, point) },
    ].filter(Boolean),
    points,
    { sort: true, mark: (point) => (point.id === data.best ? "chosen" : null) },
  );
}

function thrownOut(data, points) {
  const rows = points.flatMap((point) =>
    listOf(point.runs)
      .filter((run) => !run.kept)
      .map((run) => ({ point, run })),
  );
  const rule = (data.noise || {}).rule;
  return [
    rule && el("p", { class: "soft" }, `The rule: ${rule}.`),
    rows.length === 0
      ? missing("No run was thrown out.")
      : el(
          "div",
          { class: "panel" },
          tableOf(
            "Runs thrown out",
            [
              { name: "run", text: true, value: ({ run }) => run.dir },
              { name: "why", text: true, value: ({ run }) => run.why || none },
              { name: "commits/s", value: ({ run }) => run.per_s, show: showCount },
              { name: "p99", value: ({ run }) => run.p99, show: showNs },
              { name: "settings", text: true, value: ({ point }) => settingsText(point.settings) },
            ],
            rows,
          ),
        ),
  ];
}

function bestCards(data) {
  const best = pointOf(data, data.best),
    nearest = pointOf(data, data.nearest);
  if (!best || !isMeasured(best))
    return notice(
      "warn",
      "\u26a0 No point meets the objective.",
      nearest
        ? `The nearest is ${nearest.id}: ${settingsText(nearest.settings)}; ` +
            `${showRate(nearest.per_s)}, ` +
            `p99 ${showNs(nearest.p99)}.`
        : "",
    );
  const place = listOf(data.points).indexOf(best);
  return el(
    "dl",
    { class: "cards" },
    card(`best point, ${best.id}`, settingsText(best.settings)),
    card("its commits", figureOf(`points.${place}.per_s`, best.per_s, showRate(best.per_s))),
    ["p50", "p99"].map((key) =>
      card(
        `its ${nameOf(key)}`,
        figureOf(`points.${place}.${key}`, best[key], showNs(best[key])),
        key === "p99" && [`p99.9 ${showNs(best.p999)}`],
      ),
    ),
  );
}

function headOf(data, keys, points) {
  const runs = isObject(data.runs)
    ? Object.entries(data.runs)
        .filter(([, count]) => count > 0)
        .map(([what, count]) => `${showCount(count)} ${what}`)
        .join(", ")
    : showCount(points.reduce((sum, point) => sum + listOf(point.runs).length, 0));
  return el(
    "header",
    {},
    el("div", { class: "brand" }, "Whitewater sweep"),
    el("h1", {}, data.name || "Sweep"),
    el(
      "p",
      { class: "soft" },
      [
        `${showCount(points.length)} points`,
        `runs: ${runs}`,
        `varied: ${keys.join(", ")}`,
        textOf(data.objective) && `objective: ${textOf(data.objective)}`,
        textOf(data.slo) && `SLO: ${textOf(data.slo)}`,
        (data.environment || {}).cpu,
      ]
        .filter(Boolean)
        .join(" \u00b7 "),
    ),
  );
}

page(
  (data) => `ww sweep: ${data.name}`,
  (data) => {
    const points = listOf(data.points).filter((point) => isObject(point.settings));
    const measured = points.filter(isMeasured),
      keys = keysOf(data, points);
    const nothing = () => missing("No point was measured yet.");
    const about = ["load", "config", "environment"].filter((key) => flat(data[key]).length > 0);
    const sections = [
      sectionOf(
        "pareto",
        "The Pareto front",
        measured.length > 0 ? paretoPlot(data, measured) : nothing(),
      ),
      heatSection(data, measured, keys),
      kneeSection(data),
      defaultSection(data),
      sectionOf(
        "points",
        "All points",
        points.length === 0
          ? nothing()
          : el("div", { class: "panel" }, pointTable(data, points, keys)),
      ),
      sectionOf("thrown", "Runs thrown out", thrownOut(data, points)),
      sectionOf(
        "setting",
        "Configuration and environment",
        about.length === 0
          ? missing("sweep.json names neither.")
          : el(
              "div",
              { class: "grid" },
              about.map((key) => keyTable(headingOf(key), key, data[key])),
            ),
      ),
      rawSection("sweep.json", data),
    ].filter(Boolean);
    return [
      headOf(data, keys, points),
      measured.length > 0 && bestCards(data),
      navigation(sections),
      sections,
    ];
  },
);
