// SPDX-License-Identifier: Apache-2.0
// Reads a histogram log as HdrHistogram's own tools do, and prints what it holds as JSON.
// Usage: read_hlog.js FOLDER_OF_THE_PACKAGES FILE
const { createRequire } = require("node:module");
const fs = require("node:fs");

const [packages, path] = process.argv.slice(2);
const hdr = createRequire(`${packages}/`)("hdr-histogram-js");
const reader = new hdr.HistogramLogReader(fs.readFileSync(path, "utf8"));
const total = hdr.build({ numberOfSignificantValueDigits: 3 });
const intervals = [];
for (let one = reader.nextIntervalHistogram(); one; one = reader.nextIntervalHistogram()) {
  intervals.push({
    begin_ms: one.startTimeStampMsec,
    end_ms: one.endTimeStampMsec,
    count: one.totalCount,
    p50: one.getValueAtPercentile(50),
    p99: one.getValueAtPercentile(99),
  });
  total.add(one);
}
const at = (percent) => total.getValueAtPercentile(percent);
console.log(JSON.stringify({
  start_ms: reader.startTimeSec * 1000,
  intervals,
  total: {
    count: total.totalCount, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9),
    max: total.maxValue,
  },
}));
