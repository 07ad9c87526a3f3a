// SPDX-License-Identifier: Apache-2.0
// Plots by name: bars and ranges in rows, columns of a histogram, heat maps.

// spec: {title, note, x: axis, rows: [{name, note, bar, low, high, points: [[style, value]], quiet,
// about}], series, zero}. A row has a bar from zero, or a range with points on it.
function rowPlot(spec) {
  const values = spec.rows
    .flatMap((row) => [row.bar, row.low, row.high, ...(row.points || []).map(([, value]) => value)])
    .filter(isNumber);
  const render = (width) => {
    const beside = width >= 420,
      step = beside ? 32 : 48;
    const names = Math.max(...spec.rows.map((row) => row.name.length)) * 6.6 + 14;
    const left = beside ? Math.min(names, width * 0.36) : 18;
    const area = { left, right: width - (spec.rows.some((row) => row.note) ? 66 : 16), top: 6 };
    area.bottom = area.top + step * spec.rows.length;
    const x = scaleOf(spec.x, values, area.left, area.right);
    const stops = [],
      nodes = spec.rows.map((row, place) => {
        const y = area.top + step * place + (beside ? step / 2 : step - 14);
        stops.push({
          x: x.at(row.bar ?? row.high),
          y,
          title: row.name,
          rows: row.about,
          dots: [[x.at(row.bar ?? row.high), y, 0]],
        });
        return drawRow(row, { x, y, area, beside });
      });
    return {
      height: area.bottom + (spec.x.label ? 46 : 26),
      area,
      stops,
      nodes: [
        xAxis(spec.x, x, area),
        spec.zero &&
          draw("line", { class: "axis", x1: x.at(0), x2: x.at(0), y1: area.top, y2: area.bottom }),
        nodes,
      ],
    };
  };
  return figureWith(spec, render, spec.table, "point");
}

function drawRow(row, { x, y, area, beside }) {
  const ranged = isNumber(row.low) && isNumber(row.high);
  const style = row.style ?? 0;
  return [
    draw(
      "text",
      {
        class: `strong ${beside ? "end" : ""}`,
        x: beside ? area.left - 8 : 0,
        y: beside ? y + 4 : y - 14,
      },
      row.name,
    ),
    isNumber(row.bar) &&
      draw("rect", {
        class: `bar s${style} ${row.quiet ? "quiet" : ""}`,
        x: area.left,
        y: y - 8,
        width: Math.max(1.5, x.at(row.bar) - area.left),
        height: 16,
        rx: 3,
      }),
    ranged && [
      draw("line", {
        class: `stroke s${style}`,
        x1: x.at(row.low),
        x2: x.at(row.high),
        y1: y,
        y2: y,
      }),
      [row.low, row.high].map((value) =>
        draw("line", {
          class: `stroke s${style}`,
          x1: x.at(value),
          x2: x.at(value),
          y1: y - 5,
          y2: y + 5,
        }),
      ),
    ],
    (row.points || []).map(
      ([place, value]) => isNumber(value) && marker(place, x.at(value), y, {}, 5),
    ),
    row.note &&
      draw(
        "text",
        { class: "strong", x: isNumber(row.bar) ? x.at(row.bar) + 6 : area.right + 6, y: y + 4 },
        row.note,
      ),
  ];
}

// spec: {title, note, x: {label}, y: axis, columns: [{name, value, rows}]}
function columnPlot(spec) {
  const render = (width) => {
    const height = width < 500 ? 230 : 280;
    const area = { top: 26, bottom: height - 46, right: width - 10 };
    const y = scaleOf(
      { ...spec.y, from: 0 },
      spec.columns.map((each) => each.value),
      area.bottom,
      area.top,
    );
    area.left = leftOf(y.ticks);
    const axis = { scale: "category", tick: (value) => value, label: spec.x.label };
    const x = scaleOf(
      axis,
      spec.columns.map((each) => each.name),
      area.left,
      area.right,
    );
    const wide = Math.max(2, x.wide * 0.78);
    return {
      height,
      area,
      stops: spec.columns.map((each) => ({
        x: x.at(each.name),
        y: y.at(each.value),
        title: each.title,
        rows: each.rows,
        dots: [],
      })),
      nodes: [
        yAxis(spec.y, y, area),
        xAxis(axis, x, area),
        spec.columns.map((each) =>
          draw("rect", {
            class: "bar s0",
            x: x.at(each.name) - wide / 2,
            width: wide,
            rx: 2,
            y: y.at(each.value),
            height: Math.max(each.value > 0 ? 1 : 0, area.bottom - y.at(each.value)),
          }),
        ),
      ],
    };
  };
  return figureWith(spec, render, spec.table);
}

// A table whose cells are shaded by their value; the figures stand in it, so no hue has to be told
// apart. spec: {title, note, xName, yName, xs, ys, label: x or y -> text,
// cell: (x, y) -> value or undefined, show, lowIsBest}
function heatMap(spec) {
  const all = spec.ys.flatMap((y) => spec.xs.map((x) => spec.cell(x, y))).filter(isNumber);
  const low = Math.min(...all),
    high = Math.max(...all),
    best = spec.lowIsBest ? low : high;
  const wide = low > 0 && high / low > 20;
  const shade = (value) =>
    high === low
      ? 0.3
      : wide
        ? Math.log(value / low) / Math.log(high / low)
        : (value - low) / (high - low);
  const cellOf = (x, y) => {
    const value = spec.cell(x, y);
    if (!isNumber(value)) return el("td", { class: "soft" }, none);
    const strength = spec.lowIsBest ? 1 - shade(value) : shade(value);
    return el(
      "td",
      {
        class: value === best ? "best" : null,
        style: `background: rgb(var(--heat) / ${(0.04 + 0.4 * strength).toFixed(3)})`,
      },
      spec.show(value),
    );
  };
  return el(
    "figure",
    { "data-plot": spec.title },
    el("figcaption", {}, el("h3", {}, spec.title), el("p", {}, spec.note)),
    scroll(
      spec.title,
      el(
        "table",
        { class: "heat" },
        el("caption", { class: "sr" }, spec.title),
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col" }, `${spec.yName} \\ ${spec.xName}`),
            spec.xs.map((x) => el("th", { scope: "col" }, spec.label(x))),
          ),
        ),
        el(
          "tbody",
          {},
          spec.ys.map((y) =>
            el(
              "tr",
              {},
              el("th", { scope: "row" }, spec.label(y)),
              spec.xs.map((x) => cellOf(x, y)),
            ),
          ),
        ),
      ),
    ),
  );
}
