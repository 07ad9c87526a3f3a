// SPDX-License-Identifier: Apache-2.0
// Plots of x against y: lines, points, marks, and what stands under the pointer or the arrow keys.

const styleCount = 6;

// The marker of a series: series differ by shape and dashes, not by colour alone.
function marker(style, x, y, attributes = {}, size = 4.2) {
  const r = size,
    shapes = [
      `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
      `M${x - r * 0.9} ${y - r * 0.9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`,
      `M${x} ${y - r * 1.2}l${r * 1.1} ${r * 2}h${-r * 2.2}z`,
      `M${x} ${y - r * 1.3}l${r * 1.3} ${r * 1.3}l${-r * 1.3} ${r * 1.3}l${-r * 1.3} ${-r * 1.3}z`,
      `M${x} ${y + r * 1.2}l${r * 1.1} ${-r * 2}h${-r * 2.2}z`,
      `M${x - r / 3} ${y - r * 1.2}${"h v h v h v h v h v h v"
        .split(" ")
        .map(
          (to, at) =>
            to +
            r * [0.67, 0.87, 0.87, 0.67, -0.87, 0.87, -0.67, -0.87, -0.87, -0.67, 0.87, -0.87][at],
        )
        .join("")}z`,
    ];
  return draw("path", { class: `dot s${style}`, d: shapes[style % styleCount], ...attributes });
}

function swatch(series) {
  const style = `s${series.style}`,
    line = series.kind !== "points";
  return draw(
    "svg",
    { width: 30, height: 12, "aria-hidden": "true" },
    line && draw("line", { class: `line ${style}`, x1: 0, x2: 30, y1: 6, y2: 6 }),
    series.kind !== "plain" &&
      marker(series.style, 15, 6, series.hollow ? { class: `hollow ${style}` } : {}, 3.6),
  );
}

const legendOf = (series) =>
  series.length > 1 &&
  el(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    series.map((each) => el("li", {}, swatch(each), each.name)),
  );

// ---- reading: the pointer and the arrow keys go from stop to stop ----

// A stop is {x, y, title, rows: [{name, text, series}], dots: [[x, y, style]]}.
function showStop(frame, stop) {
  frame.cursor.replaceChildren();
  frame.tip.hidden = !stop;
  if (!stop) return;
  const { area, box, tip } = frame;
  if (frame.nearest === "x")
    frame.cursor.append(
      draw("line", { class: "cursor", x1: stop.x, x2: stop.x, y1: area.top, y2: area.bottom }),
    );
  for (const [x, y, style] of stop.dots) {
    if (frame.nearest !== "x")
      frame.cursor.append(draw("circle", { class: "ring", cx: x, cy: y, r: 9 }));
    else frame.cursor.append(marker(style, x, y, {}, 5));
  }
  tip.replaceChildren(
    el("strong", {}, stop.title),
    el(
      "ul",
      {},
      stop.rows.map((row) =>
        el("li", {}, row.series && swatch(row.series), row.name, el("b", {}, row.text)),
      ),
    ),
  );
  const scale = box.clientWidth / frame.width,
    left = stop.x * scale;
  const right = left + tip.offsetWidth + 18 > box.clientWidth;
  tip.style.left = `${Math.max(0, right ? left - tip.offsetWidth - 14 : left + 14)}px`;
  const lowest = area.bottom - tip.offsetHeight;
  tip.style.top = `${Math.max(0, Math.min((stop.y || area.top) * scale, lowest))}px`;
}

function nearestStop(frame, x, y) {
  let best = -1,
    least = Infinity;
  frame.stops.forEach((stop, place) => {
    const far = frame.nearest === "x" ? Math.abs(stop.x - x) : Math.hypot(stop.x - x, stop.y - y);
    if (far < least) [best, least] = [place, far];
  });
  return best;
}

function listen(frame) {
  const { box, live } = frame;
  const go = (place, aloud) => {
    frame.place = place;
    const stop = frame.stops[place];
    showStop(frame, stop);
    if (aloud && stop)
      live.textContent = [stop.title, ...stop.rows.map((row) => `${row.name} ${row.text}`)].join(
        ", ",
      );
  };
  const follow = (event) => {
    const bounds = box.getBoundingClientRect(),
      scale = frame.width / bounds.width;
    go(
      nearestStop(
        frame,
        (event.clientX - bounds.left) * scale,
        (event.clientY - bounds.top) * scale,
      ),
    );
  };
  box.addEventListener("pointermove", follow);
  box.addEventListener("pointerdown", follow);
  box.addEventListener("pointerleave", () => go(-1));
  box.addEventListener("blur", () => go(-1));
  box.addEventListener("keydown", (event) => {
    const last = frame.stops.length - 1,
      at = frame.place ?? -1;
    const places = {
      ArrowRight: Math.min(last, at + 1),
      ArrowLeft: Math.max(0, at - 1),
      Home: 0,
      End: last,
      Escape: -1,
    };
    if (!(event.key in places) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    go(places[event.key], true);
  });
}

// ---- the figure around a drawing ----

// spec: {title, note, series}; render(width, state) -> {height, area, nodes, stops}; `table` is the
// text alternative. It is drawn anew when its width changes.
function figureWith(spec, render, table, nearest = "x") {
  const box = el("div", {
    class: "canvas",
    tabindex: 0,
    role: "group",
    "aria-label": `${spec.title}: a plot. Arrow keys read its values; the table below has all.`,
  });
  const frame = {
    box,
    nearest,
    stops: [],
    tip: el("div", { class: "tip", hidden: true }),
    live: el("div", { class: "sr", "aria-live": "polite" }),
  };
  const state = { log: spec.y && spec.y.scale === "log" };
  const redraw = () => {
    frame.width = Math.max(260, box.clientWidth || 640);
    const drawn = render(frame.width, state);
    Object.assign(frame, { area: drawn.area, stops: drawn.stops, cursor: draw("g") });
    frame.tip.hidden = true;
    box.replaceChildren(
      draw(
        "svg",
        { class: "drawing", "aria-hidden": "true", viewBox: `0 0 ${frame.width} ${drawn.height}` },
        drawn.nodes,
        frame.cursor,
      ),
      frame.tip,
      frame.live,
    );
  };
  listen(frame);
  let seen = 0;
  new ResizeObserver(() => {
    if (box.clientWidth !== seen) redraw();
    seen = box.clientWidth;
  }).observe(box);
  const toggle =
    spec.toggle &&
    el(
      "button",
      {
        type: "button",
        "aria-pressed": String(state.log),
        onclick: () => {
          state.log = !state.log;
          toggle.setAttribute("aria-pressed", String(state.log));
          redraw();
        },
      },
      "Logarithmic",
    );
  const legend = legendOf(spec.series || []);
  const figure = el(
    "figure",
    { class: "plot", "data-plot": spec.title },
    el("figcaption", {}, el("h3", {}, spec.title), spec.note && el("p", {}, spec.note)),
    (legend || toggle || spec.tools) && el("div", { class: "tools" }, legend, toggle, spec.tools),
    box,
    table && el("details", {}, el("summary", {}, "Table"), table),
  );
  figure.redraw = redraw;
  return figure;
}

// ---- lines and points ----

const isPoint = ([x, y]) => (isNumber(x) || typeof x === "string") && isNumber(y);

function pathOf(points) {
  let open = false;
  return points
    .map(([x, y]) => {
      const there = Number.isFinite(x) && Number.isFinite(y);
      const step = there ? `${open ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}` : "";
      open = there;
      return step;
    })
    .join("");
}

function drawSeries(series, x, y) {
  const points = series.points.map(([a, b]) => [x.at(a), y.at(b)]);
  const real = points.filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
  const every = series.kind === "points" || series.all ? 1 : Math.ceil(real.length / 14);
  const line =
    series.kind !== "points" && draw("path", { class: `line s${series.style}`, d: pathOf(points) });
  const dots =
    series.kind === "plain"
      ? []
      : real
          .filter((_, place) => place % every === 0)
          .map(([a, b]) =>
            marker(
              series.style,
              a,
              b,
              series.hollow ? { class: `hollow s${series.style}` } : {},
              series.size,
            ),
          );
  return [line, dots];
}

// Vertical marks with a word above each, in rows where they would touch: [{mark, left, row}].
const markHeight = 15;

function placeMarks(marks, x, right) {
  const ends = [];
  return marks.map((mark) => {
    const wide = mark.label.length * 6.8 + 10;
    const left = Math.max(0, Math.min(x.at(mark.x) - 4, right - wide));
    let row = ends.findIndex((end) => end <= left);
    if (row < 0) row = ends.length;
    ends[row] = left + wide;
    return { mark, left, row };
  });
}

function drawMarks(placed, x, area) {
  return placed.map(({ mark, left, row }) => {
    const at = x.at(mark.x),
      loud = mark.loud ? "loud" : "";
    const y = area.top - 4 - markHeight * row;
    return [
      draw("line", { class: `mark ${loud}`, x1: at, x2: at, y1: y + 2, y2: area.bottom }),
      draw("text", { class: loud, x: left, y: y - 1 }, mark.label),
    ];
  });
}

function drawLevels(levels, y, area) {
  return levels.map((level) => {
    const at = y.at(level.y);
    return [
      draw("line", { class: "mark", x1: area.left, x2: area.right, y1: at, y2: at }),
      draw("text", { class: "end strong", x: area.right - 2, y: at - 5 }, level.label),
    ];
  });
}

function stopsOf(spec, x, y) {
  const places = new Map();
  for (const series of spec.series)
    for (const [a, b] of series.points)
      if (Number.isFinite(x.at(a)) && Number.isFinite(y.at(b))) {
        if (!places.has(a)) places.set(a, []);
        places.get(a).push([series, b]);
      }
  return [...places]
    .map(([a, found]) => ({
      x: x.at(a),
      value: a,
      title: `${spec.x.name ? `${spec.x.name} ` : ""}${(spec.x.show || spec.x.tick)(a)}`,
      rows: found.map(([series, b]) => ({
        name: series.name,
        text: (spec.y.show || spec.y.tick)(b),
        series,
      })),
      dots: found.map(([series, b]) => [x.at(a), y.at(b), series.style]),
    }))
    .sort((a, b) => a.x - b.x);
}

function leftOf(ticks) {
  return 12 + Math.max(...ticks.map((tick) => tick.text.length)) * 6.8;
}

function renderXy(spec, width, state) {
  const plain = spec.height || (width < 500 ? 250 : 310);
  const area = { right: width - 14 };
  const points = spec.series.flatMap((series) => series.points);
  const yAxisOf = { ...spec.y, scale: spec.toggle ? (state.log ? "log" : "linear") : spec.y.scale };
  if (yAxisOf.scale === "linear" && spec.toggle) yAxisOf.from = 0;
  const ys = [...points.map(([, b]) => b), ...(spec.levels || []).map((level) => level.y)].filter(
    isNumber,
  );
  area.left = leftOf(scaleOf(yAxisOf, ys, plain - 46, 26).ticks);
  const x = scaleOf(
    spec.x,
    [...(spec.x.names || []), ...points.map(([a]) => a)],
    area.left,
    area.right,
  );
  const marks = placeMarks(spec.marks || [], x, area.right);
  const above = markHeight * Math.max(0, ...marks.map((each) => each.row + 1));
  const height = plain + above;
  area.top = (spec.y.label ? 26 : 10) + above;
  area.bottom = height - (spec.x.label ? 46 : 26);
  const y = scaleOf(yAxisOf, ys, area.bottom, area.top);
  return {
    height,
    area,
    x,
    y,
    stops: stopsOf(spec, x, y),
    nodes: [
      (spec.bands || []).map((band) =>
        draw("rect", {
          class: "band",
          x: x.at(band.from),
          y: area.top,
          width: Math.max(0, x.at(band.to) - x.at(band.from)),
          height: area.bottom - area.top,
        }),
      ),
      yAxis(yAxisOf, y, area),
      xAxis(spec.x, x, area),
      drawLevels(spec.levels || [], y, area),
      drawMarks(marks, x, area),
      spec.series.map((series) => drawSeries(series, x, y)),
      (spec.rings || []).map(([a, b]) =>
        draw("circle", { class: "ring", cx: x.at(a), cy: y.at(b), r: 8 }),
      ),
    ],
  };
}

function xyTable(spec) {
  const xs = [...new Set(spec.series.flatMap((series) => series.points.map(([a]) => a)))];
  const maps = spec.series.map((series) => new Map(series.points.map(([a, b]) => [a, b])));
  return tableOf(
    spec.title,
    [
      {
        name: spec.x.name || spec.x.label || "",
        value: (a) => a,
        show: spec.x.show || spec.x.tick,
        text: spec.x.scale === "category",
      },
      ...spec.series.map((series, place) => ({
        name: series.name,
        value: (a) => maps[place].get(a),
        show: (value) => (isNumber(value) ? (spec.y.show || spec.y.tick)(value) : none),
      })),
    ],
    spec.x.scale === "category" ? xs : xs.sort((a, b) => a - b),
  );
}

// spec: {title, note, x, y: axes, series: [{name, points: [[x, y]], kind: "line" | "points" |
// "plain", hollow, all, size}], bands: [{from, to}], marks: [{x, label, loud}],
// levels: [{y, label}], rings: [[x, y]], toggle, height}. Series without points are left out.
function xyPlot(spec) {
  const series = spec.series
    .map((each, place) => ({
      style: place % styleCount,
      ...each,
      points: each.points.filter(isPoint),
    }))
    .filter((each) => each.points.length > 0);
  if (series.length === 0)
    return el(
      "figure",
      { class: "plot", "data-plot": spec.title },
      el("figcaption", {}, el("h3", {}, spec.title)),
      el("p", { class: "soft" }, "No data."),
    );
  const whole = { ...spec, series };
  return figureWith(
    whole,
    (width, state) => renderXy(whole, width, state),
    spec.table || xyTable(whole),
  );
}

// As many plots as it takes for each to hold as many series as can be told apart, on equal axes.
// `more(series)` is what else the spec of one of them has.
function xyPlots(spec, more = () => ({})) {
  const { series, title } = spec,
    points = series.flatMap((each) => each.points);
  const around = (axis, place) => {
    const values = points
      .map((point) => point[place])
      .filter((value) => isNumber(value) && (axis.scale !== "log" || value > 0));
    return values.length === 0
      ? axis
      : {
          ...axis,
          from: Math.min(axis.from ?? Infinity, ...values),
          to: Math.max(axis.to ?? -Infinity, ...values),
        };
  };
  const axes = { x: around(spec.x, 0), y: around(spec.y, 1) },
    plots = [];
  for (let at = 0; at < Math.max(1, series.length); at += styleCount) {
    const some = series.slice(at, at + styleCount);
    const number = series.length > styleCount ? ` (${at / styleCount + 1})` : "";
    plots.push(xyPlot({ ...spec, ...axes, ...more(some), series: some, title: title + number }));
  }
  return plots;
}

// Printed pages have a width of their own.
for (const event of ["beforeprint", "afterprint"])
  window.addEventListener(event, () =>
    document.querySelectorAll("figure.plot").forEach((figure) => figure.redraw && figure.redraw()),
  );
