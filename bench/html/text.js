// SPDX-License-Identifier: Apache-2.0
// Elements, figures with units, and tables. Text from the data only ever becomes text nodes.
"use strict";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false)
      node.setAttribute(name, value);
  }
  const there = (child) => child !== undefined && child !== null && child !== false;
  node.append(...children.flat(Infinity).filter(there));
  return node;
}

const el = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);
const draw = (name, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

// ---- figures, rounded as the table on the terminal rounds them ----

const none = "\u2013";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value) => (Array.isArray(value) ? value : []);

function scaled(value, units) {
  let at = 0;
  while (Math.abs(value) >= 999.5 && at + 1 < units.length) {
    value /= 1000;
    at++;
  }
  const size = Math.abs(value);
  const whole = at === 0 && Number.isInteger(value);
  return value.toFixed(whole ? 0 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0) + "\u00a0" + units[at];
}

const when = (show) => (value) => (isNumber(value) ? show(value) : none);
const showNs = when((ns) => scaled(ns, ["ns", "\u00b5s", "ms", "s"]));
const showBytes = when((bytes) => scaled(bytes, ["B", "KB", "MB", "GB", "TB"]));
const showByteRate = when((bytes) => showBytes(bytes) + "/s");
const showCount = when((count) =>
  count.toLocaleString("en-US", { maximumFractionDigits: Math.abs(count) < 100 ? 2 : 0 }),
);
const showRate = when((rate) => showCount(rate) + "\u00a0/s");
const showRatio = when((ratio) => ratio.toFixed(Math.abs(ratio) < 10 ? 3 : 1));
const showTimes = when(
  (ratio) => ratio.toFixed(ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0) + "\u00a0\u00d7",
);
const showPercent = when((part) => {
  const percent = part * 100;
  return percent.toFixed(Math.abs(percent) < 99.95 ? 1 : 0) + "\u00a0%";
});
const showSeconds = when((seconds) => (seconds === 0 ? "0" : showNs(seconds * 1e9)));
const showPlain = (value) =>
  isNumber(value) ? showCount(value) : value === undefined || value === null ? none : String(value);

// Ticks of an axis: as short as they can be.
const trimmed = (text) => text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
const tickNs = (ns) => (ns === 0 ? "0" : trimmed(showNs(ns)));
const tickBytes = (bytes) => (bytes === 0 ? "0" : trimmed(showBytes(bytes)));
const tickCount = when((count) =>
  Math.abs(count) < 1000
    ? String(Number(count.toPrecision(3)))
    : trimmed(scaled(count, ["", "k", "M", "G"]).replace("\u00a0", "")),
);
const tickPercent = (part) => Number((part * 100).toPrecision(3)) + "\u00a0%";

const units = {
  ns: { show: showNs, tick: tickNs },
  bytes: { show: showBytes, tick: tickBytes },
  "bytes/s": { show: showByteRate, tick: (value) => tickBytes(value) + "/s" },
  "/s": { show: showRate, tick: tickCount },
  s: { show: showSeconds, tick: (value) => tickNs(value * 1e9) },
  fraction: { show: showPercent, tick: tickPercent },
  ratio: { show: showRatio, tick: tickCount },
  plain: { show: showPlain, tick: tickCount },
};

// What a figure counts, by its name in the result files.
function unitOf(key) {
  if (/_over_|(^|_)ratio$/.test(key)) return units.ratio;
  if (/bytes_per_s$/.test(key)) return units["bytes/s"];
  if (/^(min|max|mean|median|p\d+)$|(^|_)(p\d+|ns)$|_ns_per_/.test(key)) return units.ns;
  if (/per_s$|^rate$|_rate$/.test(key)) return units["/s"];
  if (/bytes/.test(key)) return units.bytes;
  if (/fraction|share/.test(key)) return units.fraction;
  if (/_s$/.test(key)) return units.s;
  return units.plain;
}

// "p999" -> "p99.9", "wal_bytes_over_payload" -> "wal bytes \u00f7 payload", "pause_ns" -> "pause":
// the unit stands with the figure.
function nameOf(key) {
  return String(key)
    .replace(/(^|_)p(\d\d)(\d+)(?=_|$)/g, "$1p$2.$3")
    .replaceAll("_over_", " \u00f7 ")
    .replace(/_ns$|(?<!per)_s$/, "")
    .replaceAll("_", " ");
}

function show(key, value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (isObject(value))
    return flat(value)
      .map(([path, each]) => `${nameOf(path)} ${show(lastOf(path), each)}`)
      .join(" ");
  if (Array.isArray(value)) return value.map((each) => show(key, each)).join(", ") || none;
  return isNumber(value) ? unitOf(key).show(value) : showPlain(value);
}

const headingOf = (key) => nameOf(key)[0].toUpperCase() + nameOf(key).slice(1);

// A figure that says where in the data it stands.
const figureOf = (key, value, text) =>
  el("span", { "data-key": key, "data-value": String(value) }, text);

// ---- tables ----

const scroll = (label, table) =>
  el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table);

function bodyRow(columns, row, mark) {
  const cells = columns.map((column, place) => {
    const value = column.value(row);
    const text = column.show ? column.show(value, row) : value;
    const attributes = { class: column.text ? null : "number" };
    return place === 0 && column.text
      ? el("th", { scope: "row" }, text)
      : el("td", attributes, text);
  });
  return el("tr", { class: mark ? mark(row) : null }, cells);
}

function compareValues(a, b) {
  if (isNumber(a) && isNumber(b)) return a - b;
  if (isNumber(a) || isNumber(b)) return isNumber(a) ? -1 : 1;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

// columns: [{name, value: row -> any, show: value -> text or node, text: bool}]; options.mark gives
// a row its class; options.sort lets its reader sort.
function tableOf(label, columns, rows, options = {}) {
  const body = el("tbody");
  const rowsOf = (list) => list.map((row) => bodyRow(columns, row, options.mark));
  const heads = columns.map((column) => {
    const head = el("th", { scope: "col", class: column.text ? null : "number" });
    head.append(
      !options.sort
        ? column.name
        : el("button", { type: "button", onclick: () => sortBy(column, head) }, column.name),
    );
    return head;
  });
  function sortBy(column, head) {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const sorted = [...rows].sort((a, b) => compareValues(column.value(a), column.value(b)));
    body.replaceChildren(...rowsOf(up ? sorted : sorted.reverse()));
  }
  body.append(...rowsOf(rows));
  return scroll(
    label,
    el(
      "table",
      {},
      el("caption", { class: "sr" }, label),
      el("thead", {}, el("tr", {}, heads)),
      body,
    ),
  );
}

// Every value of an object, however deep, as [path, value].
function flat(object, path = "") {
  return Object.entries(object || {}).flatMap(([key, value]) =>
    isObject(value) ? flat(value, `${path}${key}.`) : [[path + key, value]],
  );
}

const lastOf = (path) => path.slice(path.lastIndexOf(".") + 1);

// `unit` is that of the figures whose name tells none.
function keyTable(title, prefix, object, unit) {
  return el(
    "div",
    { class: "panel" },
    el("h3", {}, title),
    tableOf(
      title,
      [
        { name: "what", text: true, value: ([path]) => nameOf(path.replaceAll(".", ", ")) },
        {
          name: "value",
          text: true,
          value: ([path, value]) =>
            figureOf(
              `${prefix}.${path}`,
              value,
              unit && isNumber(value) && unitOf(lastOf(path)) === units.plain
                ? unit.show(value)
                : show(lastOf(path), value),
            ),
        },
      ],
      flat(object),
    ),
  );
}

// ---- the frame of a page ----

const sectionOf = (id, title, ...content) =>
  el("section", { id: `section-${id}`, "aria-labelledby": id }, el("h2", { id }, title), content);

const missing = (...why) => el("p", { class: "missing panel" }, why);

const notice = (kind, word, ...content) =>
  el(
    "div",
    { class: `notice ${kind}`, role: kind === "good" ? "note" : "alert" },
    el("p", {}, el("strong", {}, word), " ", content),
  );

const card = (name, big, ...notes) =>
  el(
    "div",
    { class: "card" },
    el("dt", {}, name),
    el("dd", { class: typeof big === "string" ? "big word" : "big" }, big),
    notes
      .flat()
      .filter(Boolean)
      .map((note) => el("dd", {}, note)),
  );

const navigation = (sections) =>
  el(
    "nav",
    { "aria-label": "Sections" },
    sections.map((section) => {
      const head = section.querySelector("h2");
      return el("a", { href: `#${head.id}` }, head.textContent);
    }),
  );

function rawSection(name, data) {
  const text = JSON.stringify(data, null, 2);
  const save = () => {
    const link = el("a", {
      download: name,
      href: URL.createObjectURL(new Blob([text], { type: "application/json" })),
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const section = sectionOf(
    "raw",
    "Raw data",
    el(
      "div",
      { class: "panel" },
      el("button", { type: "button", onclick: save }, `Save ${name}`),
      el("details", {}, el("summary", {}, name), el("pre", { tabindex: 0 }, text)),
    ),
  );
  section.classList.add("raw");
  return section;
}

// Builds the page from the data embedded in it; `build` returns its nodes.
function page(title, build) {
  const report = document.getElementById("report");
  let nodes;
  try {
    const data = JSON.parse(document.getElementById("data").textContent);
    document.title = title(data);
    nodes = build(data);
  } catch (error) {
    report.append(notice("bad", "This report cannot be shown.", String(error)));
    throw error;
  }
  report.append(
    ...nodes.flat(Infinity).filter(Boolean),
    el(
      "footer",
      {},
      "Made by Whitewater. Only ratios within one run mean something: absolute " +
        "figures of a machine drift from hour to hour.",
    ),
  );
}
