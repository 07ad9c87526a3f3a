// SPDX-License-Identifier: Apache-2.0
// The page of one run, and its head. Data: {"result": result.json, "intervals": [...],
// "percentiles": [[ns, part, count]]}.

// ---- the head: what ran, whether it counts, the figures ----

function loadOf(config) {
  return config.loop === "open"
    ? `${showCount(config.rate)} entries/s, ${config.arrivals || "fixed"} arrivals`
    : `${showCount(config.inflight)} in flight`;
}

function sizeOf(config) {
  return config.size && /[:-]/.test(config.size) ? config.size : showBytes(config.entry_bytes);
}

function titleOf({ config }) {
  const count = (number, word) => `${showCount(number)} ${word}${number === 1 ? "" : "s"}`;
  return [
    count(config.replicas, "replica"),
    config.groups > 1 && count(config.groups, "group"),
    config.durability,
    config.transport,
    `${sizeOf(config)} entries`,
    loadOf(config),
  ]
    .filter(Boolean)
    .join(", ");
}

function verdictOf({ verified }) {
  const good = verified.replicas_identical && !(verified.lost > 0);
  const read = verified.read_back
    ? `${showCount(verified.lost)} lost (every log read back)`
    : "digests compared; nothing is on a disk to be read back";
  return notice(
    good ? "good" : "bad",
    good ? "\u2713 Verified." : "\u2717 VERIFICATION FAILED.",
    `Replicas ${verified.replicas_identical ? "identical" : "DIFFER"}, ` +
      `${showCount(verified.entries)} ` +
      `entries, ${showCount(verified.acknowledged)} acknowledged, ${read}.`,
    verified.detail && el("div", {}, verified.detail),
  );
}

const troubles = {
  busy: "BUSY answers",
  redirects: "changes of leader",
  resent: "entries sent again",
  drops: "datagrams dropped at the client",
  node_drops: "datagrams dropped at the nodes",
};

function warningsOf(result) {
  const { config, load = {} } = result;
  const found = listOf(result.warnings).map((warning) => warning.text);
  if (config.achieved_rate < 0.99 * config.rate)
    found.unshift(
      `The rate asked for was NOT REACHED: ${showRate(config.achieved_rate)} of ` +
        `${showRate(config.rate)} (${showPercent(config.achieved_rate / config.rate)}). ` +
        "The latencies show " +
        "the queue that built up.",
    );
  const trouble = Object.entries(troubles)
    .filter(([key]) => load[key] > 0)
    .map(([key, what]) => `${showCount(load[key])} ${what}`);
  if (trouble.length > 0) found.push(`While measured: ${trouble.join(", ")}.`);
  if (found.length === 0) return null;
  return el(
    "div",
    { class: "notice warn", role: "alert" },
    el("strong", {}, `\u26a0 ${found.length === 1 ? "One warning" : `${found.length} warnings`}`),
    el(
      "ul",
      {},
      found.map((text) => el("li", {}, text)),
    ),
  );
}

function latencyCard(result, key) {
  const { latency } = result.commit,
    limits = result.limits || {};
  const value = latency[key],
    disk = (limits.wal_write || {})[key],
    trip = (limits.net_rtt || {})[key];
  if (!isNumber(value)) return null;
  return card(`commit ${nameOf(key)}`, figureOf(`commit.latency.${key}`, value, showNs(value)), [
    disk > 0
      ? `${showTimes(value / disk)} the durable write (${showNs(disk)})`
      : trip > 0 && `${showTimes(value / trip / 2)} two round trips (${showNs(2 * trip)})`,
  ]);
}

const tailShape = ({ p999, p50 }) => p50 > 0 && `${showTimes(p999 / p50)} the p50`;

function bandwidthCard(result) {
  const ratio = result.ratios.bandwidth_over_shape_limit ?? result.ratios.bandwidth_over_limit;
  const shaped = result.ratios.bandwidth_over_shape_limit !== undefined;
  const limit = shaped ? result.limits.wal_shape_bytes_per_s : result.limits.wal_bytes_per_s;
  if (!isNumber(ratio)) return null;
  return card(
    "of the disk\u2019s bandwidth",
    [
      figureOf(`ratios.bandwidth_over_${shaped ? "shape_" : ""}limit`, ratio, showPercent(ratio)),
      el(
        "div",
        { class: "meter", "aria-hidden": "true" },
        el("div", { style: `width: ${Math.min(100, ratio * 100).toFixed(1)}%` }),
      ),
    ],
    [
      `${showCount(result.config.replicas)} \u00d7 payload; limit ${showByteRate(limit)}` +
        (shaped ? `, writes of ${showBytes(result.limits.wal_shape_bytes)}` : ", 1 MiB writes"),
    ],
  );
}

function cardsOf(result) {
  const { commit, cpu = {}, wal = {}, ratios } = result;
  const cards = [
    card("commits", figureOf("commit.per_s", commit.per_s, showRate(commit.per_s)), [
      `${showByteRate(commit.bytes_per_s)} of payload`,
    ]),
    latencyCard(result, "p50"),
    latencyCard(result, "p99"),
    isNumber(commit.latency.p999) &&
      card(
        "commit p99.9",
        figureOf("commit.latency.p999", commit.latency.p999, showNs(commit.latency.p999)),
        [tailShape(commit.latency), `max ${showNs(commit.latency.max)}`],
      ),
    bandwidthCard(result),
    isNumber(ratios.wal_bytes_over_payload) &&
      card(
        "log bytes over payload",
        figureOf(
          "ratios.wal_bytes_over_payload",
          ratios.wal_bytes_over_payload,
          showTimes(ratios.wal_bytes_over_payload),
        ),
        [wal.bytes_per_write_avg && `${showBytes(wal.bytes_per_write_avg)} a write`],
      ),
    isNumber(cpu.work_cycles_per_entry_per_replica) &&
      card(
        "work cycles",
        figureOf(
          "cpu.work_cycles_per_entry_per_replica",
          cpu.work_cycles_per_entry_per_replica,
          showCount(Math.round(cpu.work_cycles_per_entry_per_replica)),
        ),
        [
          `per entry and replica; ${showNs(cpu.nodes_ns_per_entry)} of all ` +
            "nodes\u2019 time per entry",
        ],
      ),
    result.critical_path &&
      result.critical_path.limit &&
      card("the stage that limits", nameOf(result.critical_path.limit), [
        `${showPercent(result.critical_path.limit_share)} of the mean critical path`,
      ]),
  ];
  return el("dl", { class: "cards" }, cards);
}

page(
  ({ result }) => `ww bench: ${titleOf(result)}`,
  (data) => {
    const { result } = data;
    const latency = sectionOf(
      "latency",
      "Latency",
      result.commit.count > 0
        ? percentilePlot(data)
        : missing("Nothing was committed in the measured phase."),
    );
    const sections = [
      latency,
      timeSection(data),
      stageSection(result),
      batchSection(result),
      limitSection(data),
      costSection(result),
      surroundings(result),
      rawSection("result.json", result),
    ];
    return [
      el(
        "header",
        {},
        el("div", { class: "brand" }, "Whitewater bench"),
        el("h1", {}, titleOf(result)),
        el(
          "p",
          { class: "soft" },
          [
            result.started_at,
            `Whitewater ${result.version}`,
            `${result.config.duration_s} s measured after ${result.config.warmup_s} s of warm-up`,
            (result.environment || {}).cpu,
          ]
            .filter(Boolean)
            .join(" \u00b7 "),
        ),
      ),
      result.conditions && el("p", {}, result.conditions),
      verdictOf(result),
      warningsOf(result),
      cardsOf(result),
      navigation(sections),
      sections,
    ];
  },
);
