// SPDX-License-Identifier: Apache-2.0
// The page of an experiment (schema whitewater.experiment/1): its plots, then a table of each list.

// Labels end with their unit: "one-way delay, milliseconds". Ticks then carry it.
const nsOf = { nanoseconds: 1, microseconds: 1e3, milliseconds: 1e6, seconds: 1e9 };

function unitOfLabel(label) {
  const [, before, word] = /^(.*?),? *(\w*)$/.exec(label);
  if (word in nsOf)
    return {
      label: before || "time",
      tick: (value) => tickNs(value * nsOf[word]),
      show: (value) => showNs(value * nsOf[word]),
    };
  return { label, tick: tickCount, show: showCount };
}

// An axis of the result file: {label, scale, unit}. Texts for x make an axis of names.
function axisOf(axis, values) {
  const { label = "", scale = "linear", unit } = axis || {};
  const about = units[unit] ? { label, ...units[unit] } : unitOfLabel(label);
  if (values.some((value) => typeof value === "string"))
    return { label, scale: "category", name: label, tick: String, show: String };
  return { ...about, scale, name: about.label };
}

function plotOf(plot) {
  const series = listOf(plot.series).map((each) => ({
    name: each.name,
    points: listOf(each.points),
    all: true,
    kind: listOf(each.points).some(([x]) => typeof x === "string") ? "points" : "line",
  }));
  const xs = series.flatMap((each) => each.points.map(([x]) => x));
  return xyPlots({
    title: plot.title,
    note: plot.note,
    x: axisOf(plot.x, xs),
    y: axisOf(plot.y, []),
    series,
  });
}

// A list of objects as a table; what was repeated stands beside its median as a range.
function listTable(name, rows) {
  const keys = [...new Set(rows.flatMap(Object.keys))].filter((key) => key !== "runs");
  const range = (row, key) => {
    const runs = listOf(row.runs)
      .map((run) => run[key])
      .filter(isNumber);
    if (runs.length < 2) return null;
    return el(
      "div",
      { class: "soft" },
      `${show(key, Math.min(...runs))} \u2013 ${show(key, Math.max(...runs))}`,
    );
  };
  const ranged = rows.some((row) => listOf(row.runs).length > 1);
  return el(
    "div",
    { class: "panel" },
    ranged &&
      el(
        "p",
        { class: "soft" },
        "Medians, and below them the smallest and the largest of the repeats.",
      ),
    tableOf(
      name,
      keys.map((key) => {
        const text = rows.every((row) => !isNumber(row[key]));
        return {
          name: nameOf(key),
          text,
          value: (row) => row[key],
          show: (value, row) =>
            value === undefined
              ? none
              : text
                ? show(key, value)
                : [figureOf(`${name}.${key}`, value, show(key, value)), range(row, key)],
        };
      }),
      rows,
      { sort: true },
    ),
  );
}

const isTable = (value) => listOf(value).length > 0 && value.every(isObject);

page(
  (data) => `ww experiment ${data.experiment}`,
  (data) => {
    const plots = listOf(data.plots).flatMap(plotOf);
    const lists = Object.entries(data).filter(([key, value]) => key !== "plots" && isTable(value));
    const objects = Object.entries(data).filter(
      ([, value]) => isObject(value) && flat(value).length > 0,
    );
    const sections = [
      sectionOf(
        "plots",
        "Plots",
        plots.length > 0
          ? el("div", { class: "grid" }, plots)
          : missing("This experiment draws no plot."),
      ),
      lists.map(([key, rows]) => sectionOf(`list-${key}`, headingOf(key), listTable(key, rows))),
      sectionOf(
        "setting",
        "Configuration and environment",
        objects.length > 0
          ? el(
              "div",
              { class: "grid" },
              objects.map(([key, value]) => keyTable(headingOf(key), key, value)),
            )
          : missing("The result file names neither."),
      ),
      rawSection(`${data.experiment}.json`, data),
    ].flat();
    return [
      el(
        "header",
        {},
        el("div", { class: "brand" }, "Whitewater experiment"),
        el("h1", {}, data.title || data.experiment),
        el(
          "p",
          { class: "soft" },
          [
            data.started_at,
            data.version && `Whitewater ${data.version}`,
            (data.environment || {}).cpu,
          ]
            .filter(Boolean)
            .join(" \u00b7 "),
        ),
      ),
      navigation(sections),
      sections,
    ];
  },
);
