// SPDX-License-Identifier: Apache-2.0
// Axes: from values to places, and where the ticks stand.
// An axis is {label, scale: "linear" | "log" | "percentile" | "category", tick: value -> text,
// show: value -> text, from, to}; `from` and `to` widen it.

const stepsUp = (least) => {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least * 0.999999);
};
const stepsDown = (most) => {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((each) => each * power).find((each) => each <= most * 1.000001);
};

function linearScale(axis, values, from, to) {
  let low = Math.min(...values),
    high = Math.max(...values);
  if (high === low) {
    high += Math.abs(high) || 1;
    low -= axis.from === undefined ? Math.abs(low) / 2 : 0;
  }
  const step = stepsUp((high - low) / Math.max(2, Math.min(10, Math.abs(to - from) / 65)));
  if (!axis.tight) {
    low = Math.floor(low / step + 1e-9) * step;
    high = Math.ceil(high / step - 1e-9) * step;
  }
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++)
    ticks.push({ value: at * step, text: axis.tick(Number((at * step).toPrecision(12))) });
  return { at: (value) => from + ((value - low) / (high - low)) * (to - from), ticks };
}

function logScale(axis, values, from, to) {
  const positive = values.filter((value) => value > 0);
  let low = stepsDown(Math.min(...positive)),
    high = stepsUp(Math.max(...positive));
  if (low === high) high = stepsUp(high * 1.5);
  const ticks = [],
    room = Math.abs(to - from) / Math.log10(high / low); // px a decade
  const digits = room > 64 ? [1, 2, 5] : [1],
    every = room < 18 ? 2 : 1;
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high * 1.000001; power++)
    for (const digit of digits) {
      const value = digit * 10 ** power;
      if (value >= low * 0.999999 && value <= high * 1.000001 && power % every === 0)
        ticks.push({ value, text: axis.tick(Number(value.toPrecision(3))) });
    }
  const at = (value) =>
    value > 0 ? from + (Math.log(value / low) / Math.log(high / low)) * (to - from) : NaN;
  return { at, ticks };
}

// As HdrHistogram plots it: each nine is as wide as the one before.
const ninesOf = (part) => -Math.log10(1 - part);

function percentileScale(axis, values, from, to) {
  const high = Math.max(1, ...values.map(ninesOf));
  const ticks = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 0.9999999]
    .filter((part) => ninesOf(part) <= high + 1e-9)
    .map((part) => ({ value: part, text: `${Number((part * 100).toPrecision(9))}\u00a0%` }));
  return { at: (part) => from + (Math.min(ninesOf(part), high) / high) * (to - from), ticks };
}

function categoryScale(axis, values, from, to) {
  const names = [...new Set(values)],
    wide = (to - from) / names.length;
  const at = (value) => from + (names.indexOf(value) + 0.5) * wide;
  return { at, wide, ticks: names.map((value) => ({ value, text: axis.tick(value) })) };
}

function scaleOf(axis, values, from, to) {
  const kinds = { log: logScale, percentile: percentileScale, category: categoryScale };
  const named = axis.scale === "category";
  const all = [...values, axis.from, axis.to].filter((value) =>
    named ? value !== undefined : isNumber(value),
  );
  const usable = axis.scale !== "log" || all.some((value) => value > 0);
  return (usable && kinds[axis.scale] ? kinds[axis.scale] : linearScale)(axis, all, from, to);
}

// Ticks whose texts would touch are left out; about 7 px a character.
function spaced(ticks, at, gap = 10) {
  let end = -Infinity;
  return ticks.filter((tick) => {
    const half = tick.text.length * 3.5,
      middle = at(tick.value);
    if (middle - half < end + gap) return false;
    end = middle + half;
    return true;
  });
}

function xAxis(axis, scale, area) {
  const shown = spaced(scale.ticks, scale.at);
  return [
    scale.ticks.map(({ value }) =>
      axis.scale === "category"
        ? null
        : draw("line", {
            class: "gridline",
            x1: scale.at(value),
            x2: scale.at(value),
            y1: area.top,
            y2: area.bottom,
          }),
    ),
    draw("line", {
      class: "axis",
      x1: area.left,
      x2: area.right,
      y1: area.bottom,
      y2: area.bottom,
    }),
    shown.map(({ value, text }) =>
      draw("text", { class: "middle", x: scale.at(value), y: area.bottom + 17 }, text),
    ),
    axis.label &&
      draw(
        "text",
        { class: "middle strong", x: (area.left + area.right) / 2, y: area.bottom + 36 },
        axis.label,
      ),
  ];
}

function yAxis(axis, scale, area) {
  return [
    scale.ticks.map(({ value }) =>
      draw("line", {
        class: "gridline",
        x1: area.left,
        x2: area.right,
        y1: scale.at(value),
        y2: scale.at(value),
      }),
    ),
    scale.ticks.map(({ value, text }) =>
      draw("text", { class: "end", x: area.left - 7, y: scale.at(value) + 4 }, text),
    ),
    axis.label && draw("text", { class: "strong", x: 0, y: 12 }, axis.label),
  ];
}
