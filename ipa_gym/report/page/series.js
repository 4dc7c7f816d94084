// Time series of one pipeline under one load, and the decisions, stage by stage (the paper's Figs. 8 to 12).
"use strict";
const SHOWN_FIRST = ["ipa", "fa2-low", "fa2-high", "rim", "trained"];
const SERIES_PANELS = [
  { key: "capacity_rps", label: "requests/s", title: "load (grey: mean to busiest second) and capacity", share: 1.2 },
  { key: "cost_cores", label: "cores", title: "cost" },
  { key: "pas", label: "%", title: "PAS", factor: 100, free: true },
  { key: "latency_p99_s", label: "s", title: "99th percentile of the latency, and the SLA" },
];
const STAGE_PANELS = [
  { key: "variants", label: "", title: "variant" },
  { key: "replicas", label: "replicas", title: "replicas" },
  { key: "batches", label: "batch", title: "batch size" },
];

// Steps: a value holds over its interval, so the first starts at 0 and the last is drawn to the end.
function steps(time_s, values, factor) {
  const shown = factor ? values.map((value) => (value === null ? null : factor * value)) : values;
  return { x: [0, ...time_s], y: [...shown, shown[shown.length - 1]], line: { shape: "hv" } };
}

// From top to bottom: where each panel of a stack lies, with room for its title.
function stack(panels) {
  const shares = panels.map((panel) => panel.share || 1);
  const gap = 0.075;
  const free = 1 - gap * (panels.length - 1);
  const total = shares.reduce((sum, share) => sum + share, 0);
  let top = 1;
  return shares.map((share) => {
    const height = (free * share) / total;
    const domain = [Math.max(0, top - height), top];
    top -= height + gap;
    return domain;
  });
}

function stacked(panels, height, end_s, axes) {
  const domains = stack(panels);
  const settings = layout(height, { hovermode: "x", margin: { l: 54, r: 12, t: 28, b: 42 } });
  settings.xaxis = axis({ label: "time (s)", range: [0, end_s], anchor: `y${panels.length > 1 ? panels.length : ""}` });
  settings.annotations = [];
  panels.forEach((panel, number) => {
    const name = `yaxis${number ? number + 1 : ""}`;
    settings[name] = axis({ label: panel.label, domain: domains[number], anchor: "x", ...axes[number] });
    settings.annotations.push({
      text: panel.title, xref: "paper", yref: "paper", x: 0, y: domains[number][1], xanchor: "left", yanchor: "bottom",
      showarrow: false, font: { size: 12, color: cssColour("muted") },
    });
  });
  return settings;
}

function agentLine({ agent, width }, run, values, number, panel) {
  const look = lookOf(agent);
  const path = steps(run.time_s, values, panel.factor);
  return {
    ...path, type: "scatter", mode: "lines", name: plain(agent), yaxis: `y${number ? number + 1 : ""}`,
    line: { ...path.line, color: look.colour, dash: look.dash, width },
    hovertemplate: `${plain(agent)}: %{y:.4~g}<extra></extra>`,
  };
}

function loadLines(group) {
  const line = { shape: "hv", width: 0 };
  const common = { type: "scatter", mode: "lines", hoverinfo: "skip" };
  const mean = steps(group.time_s, group.load_mean_rps);
  const most = steps(group.time_s, group.load_max_rps);
  return [
    { ...common, ...mean, line, name: "load" },
    { ...common, ...most, line, fill: "tonexty", fillcolor: cssColour("load"), name: "busiest second" },
    { ...common, ...mean, line: { shape: "hv", width: 1.3, color: cssColour("load-line") }, name: "mean load" },
  ];
}

function drawQuantities(place, group, agents) {
  const end_s = group.time_s[group.time_s.length - 1];
  const peak = Math.max(...group.load_max_rps);
  const runs = agents.map((agent) => group.agents[agent]);
  const capacity = Math.max(peak, ...runs.flatMap((run) => run.capacity_rps));
  const latency = Math.max(group.sla_s, ...runs.flatMap((run) => run.latency_p99_s.map((value) => value || 0)));
  const traces = loadLines(group);
  SERIES_PANELS.forEach((panel, number) => {
    behind(agents).forEach((one) => {
      const run = group.agents[one.agent];
      traces.push(agentLine(one, run, run[panel.key], number, panel));
    });
  });
  const axes = SERIES_PANELS.map((panel) => (panel.free ? {} : { rangemode: "tozero" }));
  axes[0].range = [0, 1.05 * Math.min(capacity, 4 * peak)];
  axes[3].range = [0, 1.08 * latency];
  const settings = stacked(SERIES_PANELS, 720, end_s, axes);
  const line = { color: cssColour("sla"), width: 1.5, dash: "dash" };
  settings.shapes = [{ type: "line", xref: "paper", x0: 0, x1: 1, yref: "y4", y0: group.sla_s, y1: group.sla_s, line }];
  draw(place, traces, settings);
}

function drawStage(place, group, agents, stage) {
  const end_s = group.time_s[group.time_s.length - 1];
  const names = group.variants[stage];
  const traces = [];
  STAGE_PANELS.forEach((panel, number) => {
    behind(agents).forEach((one) => {
      const run = group.agents[one.agent];
      const trace = agentLine(one, run, run[panel.key][stage], number, panel);
      if (panel.key === "variants") {
        trace.text = trace.y.map((index) => plain(names[index]));
        trace.hovertemplate = `${plain(one.agent)}: %{text}<extra></extra>`;
      }
      traces.push(trace);
    });
  });
  const ticks = { tickvals: names.map((_, index) => index), ticktext: names.map(plain), range: [-0.5, names.length - 0.5] };
  const sizes = unique(agents.flatMap((agent) => group.agents[agent].batches[stage])).sort((a, b) => a - b);
  const most = sizes.length ? sizes[sizes.length - 1] : 1;
  const batch = { type: "log", tickvals: sizes, range: [-0.1, Math.log10(most) + 0.1] };
  draw(place, traces, stacked(STAGE_PANELS, 470, end_s, [ticks, { rangemode: "tozero" }, batch]));
}

function startSeries(section, data) {
  const controls = section.querySelector(".controls");
  const box = section.querySelector(".plots");
  box.classList.add("wide");
  const update = () => {
    const group = data.groups.find((one) => one.pipeline === pipeline.value && one.trace === load.value);
    const agents = chosen().filter((agent) => group.agents[agent]);
    drawQuantities(plotIn(box, "quantities", ""), group, agents);
    keepPlots(box, ["quantities", "stages"]);
    const stages = plotIn(box, "stages", "Decisions");
    stages.className = "stages";
    const names = group.variants.map((_, stage) => `stage ${stage + 1}`);
    keepPlots(stages, names);
    const places = names.map((name) => plotIn(stages, name, name)); // all, before any is drawn: they share the width
    places.forEach((place, stage) => drawStage(place, group, agents, stage));
    where.textContent = `window ${group.window} s, seed ${group.seed}`;
  };
  const loadsOf = (name) => data.groups.filter((one) => one.pipeline === name).map((one) => one.trace);
  const pipeline = dropdown(controls, "pipeline", unique(data.groups.map((one) => one.pipeline)), () => {
    const before = load.value;
    const options = loadsOf(pipeline.value).map((name) => new Option(name, name));
    load.replaceChildren(...options);
    if (loadsOf(pipeline.value).includes(before)) load.value = before;
    update();
  });
  const load = dropdown(controls, "load", loadsOf(pipeline.value), update);
  const where = document.createElement("span");
  where.className = "caption";
  controls.append(where);
  const present = REPORT.agents.filter((agent) => data.groups.some((group) => group.agents[agent]));
  const first = present.filter((agent) => SHOWN_FIRST.includes(agent));
  const chosen = agentFilter(controls, present, first.length ? first : present.slice(0, 5), update);
  return update;
}
