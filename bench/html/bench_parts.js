// SPDX-License-Identifier: Apache-2.0
// Of one run: stages, batches, limits, costs, surroundings.

// ---- stages and batches ----

function stageTable(stages) {
  const heads = {
    share: "share of the path",
    on_path: "on the path of",
    mean: "mean",
    p50: "p50",
    p99: "p99",
    p999: "p99.9",
  };
  const keys = Object.keys(heads).filter((key) => stages.some(([, stage]) => isNumber(stage[key])));
  const text = (key, value) => (key === "on_path" ? showPercent(value) : show(key, value));
  return tableOf(
    "Stages",
    [
      { name: "stage", text: true, value: ([name]) => nameOf(name) },
      ...keys.map((key) => ({
        name: heads[key],
        value: ([, stage]) => stage[key],
        show: (value, [name]) => figureOf(`stages.${name}.${key}`, value, text(key, value)),
      })),
    ],
    stages,
  );
}

function stagePlots(stages, path) {
  const limit = path.limit || "";
  const about = ([, stage]) =>
    ["share", "mean", "p50", "p99", "p999"]
      .filter((key) => isNumber(stage[key]))
      .map((key) => ({ name: nameOf(key), text: show(key, stage[key]) }));
  const shares = stages.filter(([, stage]) => isNumber(stage.share));
  const marks = [
    { name: "p50", style: 0, kind: "points" },
    { name: "p99", style: 1, kind: "points" },
    { name: "p99.9", style: 3, kind: "points" },
  ];
  const keys = ["p50", "p99", "p999"];
  return el(
    "div",
    { class: "grid" },
    shares.length > 0 &&
      rowPlot({
        title: "Share of the mean critical path",
        note: limit ? `What limits: ${nameOf(limit)}.` : "",
        x: { scale: "linear", from: 0, ...units.fraction },
        rows: shares.map((each) => ({
          name: nameOf(each[0]),
          bar: each[1].share,
          note: showPercent(each[1].share),
          quiet: limit !== "" && each[0] !== limit,
          about: about(each),
        })),
      }),
    rowPlot({
      title: "Time in each stage",
      note: "From the p50 over the p99 to the p99.9.",
      series: marks,
      x: { scale: "log", ...units.ns },
      rows: stages.map((each) => ({
        name: nameOf(each[0]),
        style: 4,
        low: each[1].p50,
        high: each[1].p999 ?? each[1].p99,
        about: about(each),
        points: keys.map((key, place) => [marks[place].style, each[1][key]]),
      })),
    }),
  );
}

function stageSection(result) {
  const stages = Object.entries(result.stages || {}).filter(([, stage]) => isObject(stage));
  const path = result.critical_path || {};
  if (stages.length === 0)
    return sectionOf(
      "stages",
      "Where the time goes",
      missing("Not measured: no entries were sampled in this run."),
    );
  const left = ["incomplete", "disordered", "missed_answers", "dropped_records"]
    .filter((key) => path[key] > 0)
    .map((key) => `${showCount(path[key])} ${nameOf(key)}`);
  const sampled =
    isNumber(path.samples) &&
    el(
      "p",
      { class: "soft" },
      `${showCount(path.samples)} commits were sampled through every stage` +
        (left.length > 0 ? ` (left out: ${left.join(", ")})` : "") +
        (isNumber(path.recording_share_of_work)
          ? `, at ${showPercent(path.recording_share_of_work)} of the work`
          : "") +
        (isNumber(path.mean_ns)
          ? `; their critical path took ${showNs(path.mean_ns)} on average.`
          : "."),
    );
  return sectionOf(
    "stages",
    "Where the time goes",
    sampled,
    stagePlots(stages, path),
    el("div", { class: "panel" }, stageTable(stages)),
    replicaTable(path.replica_paths),
  );
}

// Over which replica's write the path of each sampled commit went.
function replicaTable(replicas) {
  const rows = Object.entries(replicas || {}).filter(([, count]) => isNumber(count));
  const all = rows.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return null;
  return el(
    "div",
    { class: "panel" },
    el("h3", {}, "The replica whose write completed the majority"),
    tableOf(
      "Critical paths by replica",
      [
        { name: "replica", text: true, value: ([name]) => nameOf(name) },
        {
          name: "commits sampled",
          value: ([, count]) => count,
          show: (count, [name]) =>
            figureOf(`critical_path.replica_paths.${name}`, count, showCount(count)),
        },
        { name: "of all", value: ([, count]) => count / all, show: showPercent },
      ],
      rows,
    ),
  );
}

function batchSection(result) {
  const rows = listOf((result.batches || {}).entries_per_write).filter((row) => Array.isArray(row));
  const total = rows.reduce((sum, [, writes]) => sum + writes, 0);
  if (total === 0) return sectionOf("batches", "Batches", missing("Not measured in this run."));
  const first = rows.findIndex(([, writes]) => writes > 0);
  const last = rows.findLastIndex(([, writes]) => writes > 0);
  const name = ([bound], place) => {
    const below = place > 0 ? rows[place - 1][0] + 1 : Math.floor(bound / 2) + 1;
    return below >= bound ? showCount(bound) : `${showCount(below)}\u2013${showCount(bound)}`;
  };
  const columns = rows
    .map((row, place) => ({
      name: showCount(row[0]),
      value: row[1],
      title: `${name(row, place)} entries`,
      rows: [
        { name: "writes", text: showCount(row[1]) },
        { name: "of all", text: showPercent(row[1] / total) },
      ],
    }))
    .slice(first, last + 1);
  return sectionOf(
    "batches",
    "Batches",
    columnPlot({
      title: "Entries per write to the log",
      note:
        `${showCount(total)} writes of all nodes while measured; each column goes up to its ` +
        "number.",
      x: { label: "entries in the write, up to" },
      y: { label: "writes", scale: "linear", ...units.plain, tick: tickCount },
      columns,
      table: tableOf(
        "Entries per write",
        [
          { name: "entries", text: true, value: (each) => each.title },
          { name: "writes", value: (each) => each.value, show: showCount },
          { name: "of all", value: (each) => each.value / total, show: showPercent },
        ],
        columns,
      ),
    }),
  );
}

// ---- limits, costs, surroundings ----

function limitPlots(rounds) {
  const name = (place) =>
    rounds[place].between
      ? `between ${place}`
      : place === 0
        ? "before"
        : place === rounds.length - 1
          ? "after"
          : `probe ${place + 1}`;
  const along = (of) => rounds.map((round, place) => [name(place), of(round)]);
  const x = {
    scale: "category",
    tick: String,
    label: "in the order of the run",
    names: rounds.map((_, place) => name(place)),
  };
  const of = (part, key) => (round) => (round[part] || {})[key];
  return el(
    "div",
    { class: "grid" },
    xyPlot({
      title: "The limits\u2019 latency, probe by probe",
      x,
      y: latencyAxis,
      note: "Measured before, between the rounds of the load, and after.",
      series: [
        { name: "durable write p50", points: along(of("wal_write", "p50")), style: 0 },
        { name: "durable write p99", points: along(of("wal_write", "p99")), style: 1 },
        { name: "round trip p50", points: along(of("net_rtt", "p50")), style: 2 },
      ],
    }),
    xyPlot({
      title: "The disk\u2019s bandwidth, probe by probe",
      x,
      y: { label: "durable bytes/s", scale: "linear", from: 0, ...units["bytes/s"] },
      note: "All replicas together.",
      series: [
        { name: "1 MiB writes", points: along((round) => round.wal_bytes_per_s), style: 0 },
        {
          name: "the nodes\u2019 shape",
          points: along((round) => round.wal_shape_bytes_per_s),
          style: 1,
        },
      ],
    }),
  );
}

function limitSection({ result }) {
  const { commit, config, limits = {}, ratios = {} } = result;
  const rows = [
    ["commit.bytes_per_s", "payload committed", "of one replica"],
    ["limits.wal_bytes_per_s", "limit: durable bandwidth", "1 MiB writes, all replicas together"],
    [
      "limits.wal_shape_bytes_per_s",
      "limit: the same shape",
      `writes of ${showBytes(limits.wal_shape_bytes)}, as large as the nodes\u2019 own`,
    ],
    ["limits.memcpy_bytes_per_s", "limit: memory copy", "one core"],
  ]
    .map(([path, name, note]) => [
      path,
      path.startsWith("commit") ? commit.bytes_per_s : limits[lastOf(path)],
      name,
      note,
    ])
    .filter(([, value]) => isNumber(value));
  const rounds = listOf(limits.rounds);
  return sectionOf(
    "limits",
    "The machine\u2019s limits beside the figures",
    el(
      "p",
      {},
      `Measured in the same run, on the same file system and transport, with ${showCount(
        config.replicas,
      )} writer${config.replicas === 1 ? "" : "s"} at once.`,
    ),
    latencyTable(result),
    el(
      "div",
      { class: "grid" },
      el(
        "div",
        { class: "panel" },
        el("h3", {}, "Throughput"),
        tableOf(
          "Throughput",
          [
            { name: "what", text: true, value: ([, , name]) => name },
            {
              name: "bytes/s",
              value: ([, value]) => value,
              show: (value, [path]) => figureOf(path, value, showByteRate(value)),
            },
            { name: "", text: true, value: ([, , , note]) => note },
          ],
          rows,
        ),
      ),
      Object.keys(ratios).length > 0
        ? keyTable("Ratios", "ratios", ratios)
        : missing("No ratios: nothing was committed, or no limit was measured."),
    ),
    rounds.length > 0
      ? limitPlots(rounds)
      : missing("The limits were not measured between rounds of the load in this run."),
  );
}

function costSection({ wal, network, cpu, memory, load }) {
  return sectionOf(
    "cost",
    "What it cost",
    el(
      "div",
      { class: "grid" },
      [
        ["Log", "wal", wal],
        ["Network", "network", network],
        ["Processor", "cpu", cpu],
        ["Memory", "memory", memory],
        ["Load generator", "load", load],
      ].map(
        ([title, key, part]) =>
          isObject(part) && keyTable(title, key, part, key === "memory" ? units.bytes : undefined),
      ),
    ),
  );
}

// Which cores each busy thread ran on.
function placementOf(threads) {
  const keys = [...new Set(threads.flatMap((each) => Object.keys(each)))];
  if (keys.length === 0) return null;
  const columns = keys.map((key) => ({
    name: nameOf(key),
    text: threads.some((each) => !isNumber(each[key])),
    value: (each) => each[key],
    show: (value) => show(key, value),
  }));
  return el(
    "div",
    { class: "panel" },
    el("h3", {}, "Placement of threads"),
    tableOf("Placement of threads", columns, threads),
  );
}

function surroundings(result) {
  return sectionOf(
    "setting",
    "Configuration and environment",
    el(
      "div",
      { class: "grid" },
      keyTable("Configuration", "config", result.config),
      keyTable("Environment", "environment", result.environment || {}),
    ),
    placementOf(listOf(result.placement)),
  );
}
