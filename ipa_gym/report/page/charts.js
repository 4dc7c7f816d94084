// The other plots: a function a section, each a small multiple over the pipelines where it has several.
"use strict";

function agentsIn(points) {
  return REPORT.agents.filter((agent) => points.some((point) => point.agent === agent));
}

function loadChoice(controls, points, all, update) {
  const loads = unique(points.map((point) => point.trace)).filter((name) => name !== all);
  return dropdown(controls, "load", [{ value: all, text: "all loads" }, ...loads], update);
}

function startFrontier(section, data) {
  const controls = section.querySelector(".controls");
  const box = section.querySelector(".plots");
  box.classList.add("many");
  const update = () => unique(data.points.map((point) => point.pipeline)).forEach((pipeline) => {
    const here = data.points.filter((point) => point.pipeline === pipeline && point.trace === load.value);
    const traces = chosen().flatMap((agent) => here
      .filter((point) => point.agent === agent)
      .map((point) => frontierPoint(point, data.hollow_above_percent)));
    const settings = layout(330, { xaxis: axis({ label: "cost (cores)", ...logTicks(here.map((point) => point.cost_cores)) }), yaxis: axis({ label: "PAS (%)" }) });
    draw(plotIn(box, pipeline, pipeline), traces, settings);
  });
  const load = loadChoice(controls, data.points, data.all, update);
  const chosen = agentFilter(controls, agentsIn(data.points), agentsIn(data.points), update);
  return update;
}

function frontierPoint(point, hollowAbove) {
  const look = lookOf(point.agent);
  const hollow = point.violations_percent > hollowAbove || look.symbol === "x-thin" ? "-open" : "";
  return {
    type: "scatter", mode: "markers", name: plain(point.agent), x: [point.cost_cores], y: [100 * point.pas],
    error_x: errorBars([point.cost_cores], [point.cost_cores_half], look.colour),
    error_y: errorBars([100 * point.pas], [100 * point.pas_half], look.colour),
    marker: { color: look.colour, symbol: look.symbol + hollow, size: look.symbol.startsWith("triangle") ? 13 : 11, line: { color: look.colour, width: 2 * (hollow !== "") } },
    hovertemplate: `<b>${plain(point.agent)}</b><br>%{x:.4~g} cores, PAS %{y:.2f} %<br>`
      + `SLA violations ${point.violations_percent} %<extra></extra>`,
  };
}

function startLatency(section, data) {
  const controls = section.querySelector(".controls");
  const box = section.querySelector(".plots");
  box.classList.add("many");
  const update = () => unique(data.curves.map((curve) => curve.pipeline)).forEach((pipeline) => {
    const sla_s = data.sla_s[pipeline];
    const late = scale.value === "late";
    const traces = chosen().flatMap((agent) => data.curves
      .filter((curve) => curve.pipeline === pipeline && curve.trace === load.value && curve.agent === agent)
      .map((curve) => latencyCurve(curve, sla_s / data.bins_per_sla, 2 * sla_s, late)));
    const line = { color: cssColour("sla"), width: 1.5, dash: "dash" };
    const yaxis = late ? { label: "share later", type: "log", range: [-5, 0.05], dtick: 1 } : { label: "share within", range: [0, 1.03] };
    draw(plotIn(box, pipeline, pipeline), traces, layout(310, {
      xaxis: axis({ label: `latency (s), SLA ${sla_s} s`, range: [0, 2 * sla_s] }), yaxis: axis(yaxis),
      shapes: [{ type: "line", x0: sla_s, x1: sla_s, yref: "paper", y0: 0, y1: 1, line }],
    }));
  });
  const load = loadChoice(controls, data.curves, data.all, update);
  const scale = dropdown(controls, "show", [{ value: "within", text: "share served within" }, { value: "late", text: "share later (logarithmic)" }], update);
  const present = agentsIn(data.curves);
  const chosen = agentFilter(controls, present, present.filter((agent) => agent !== "random"), update);
  return update;
}

function latencyCurve(curve, bin_s, end_s, late) {
  const look = lookOf(curve.agent);
  const x = curve.shares.map((_, index) => index * bin_s);
  const y = curve.shares.map((share) => (late ? (share < 1 ? 1 - share : null) : share));
  if (x[x.length - 1] < end_s) {
    x.push(end_s);
    y.push(y[y.length - 1]);
  }
  return {
    type: "scatter", mode: "lines", name: plain(curve.agent), x, y,
    line: { color: look.colour, dash: look.dash, width: 1.7 },
    hovertemplate: `${plain(curve.agent)}: %{y:.5~g} ${late ? "later than" : "within"} %{x:.2f} s<extra></extra>`,
  };
}

// Panels of quantities over a common axis, one stack a pipeline.
function quantityStack(points, agents, panels, describe) {
  const traces = [];
  panels.forEach((panel, number) => agents.forEach((agent, place) => {
    const own = points.filter((point) => point.agent === agent);
    if (!own.length) return;
    const look = lookOf(agent);
    const values = own.map((point) => panel.factor * point[panel.key]);
    traces.push({
      type: "scatter", name: plain(agent), yaxis: `y${number ? number + 1 : ""}`, y: values,
      error_y: errorBars(values, own.map((point) => panel.factor * point[`${panel.key}_half`]), look.colour),
      cliponaxis: false,
      marker: { color: look.colour, symbol: look.symbol, size: 8 }, line: { color: look.colour, dash: look.dash, width: 1.5 },
      hovertemplate: `${plain(agent)}: %{y:.4~g}<extra></extra>`, ...describe(own, place, agents.length),
    });
  }));
  return traces;
}

const QUANTITIES = [
  { key: "pas", label: "%", title: "PAS", factor: 100 },
  { key: "cost_cores", label: "cores", title: "cost", factor: 1 },
  { key: "violations_percent", label: "%", title: "SLA violations", factor: 1 },
];

function startPreferences(section, data) {
  const controls = section.querySelector(".controls");
  const box = section.querySelector(".plots");
  box.classList.add("many");
  const update = () => {
    const here = data.points.filter((point) => point.knob === knob.value);
    const factors = unique(here.map((point) => point.factor)).sort((a, b) => a - b);
    const pipelines = unique(here.map((point) => point.pipeline));
    pipelines.forEach((pipeline) => {
      const traces = quantityStack(here.filter((point) => point.pipeline === pipeline), chosen(), QUANTITIES, (own) => ({
        mode: "lines+markers", x: own.map((point) => point.factor),
      }));
      const settings = stacked(QUANTITIES, 520, 1, [{}, {}, { rangemode: "tozero" }]);
      const greek = knob.value === "alpha" ? "α" : "β";
      settings.xaxis = axis({ label: `${greek}, times the card's own`, type: "log", tickvals: factors, ticktext: factors.map(String), anchor: "y3" });
      draw(plotIn(box, pipeline, pipeline), traces, settings);
    });
    keepPlots(box, pipelines);
  };
  const names = { alpha: "α (accuracy)", beta: "β (cores)" };
  const options = unique(data.points.map((point) => point.knob)).map((value) => ({ value, text: names[value] }));
  const knob = dropdown(controls, "weight", options, update);
  const chosen = agentFilter(controls, agentsIn(data.points), agentsIn(data.points), update);
  return update;
}

function startForecasts(section, data) {
  const controls = section.querySelector(".controls");
  const box = section.querySelector(".plots");
  box.classList.add("many");
  const panels = [QUANTITIES[2], QUANTITIES[1], QUANTITIES[0]];
  const update = () => unique(data.points.map((point) => point.pipeline)).forEach((pipeline) => {
    const here = data.points.filter((point) => point.pipeline === pipeline && point.trace === load.value);
    const traces = quantityStack(here, chosen(), panels, (own, place, n) => ({
      mode: "markers", x: own.map((point) => data.forecasts.indexOf(point.forecast) + 0.5 * ((place + 0.5) / n - 0.5)),
    }));
    const settings = stacked(panels, 520, 1, [{ rangemode: "tozero" }, {}, {}]);
    settings.xaxis = axis({
      tickvals: data.forecasts.map((_, index) => index), ticktext: data.forecasts.map(plain),
      range: [-0.5, data.forecasts.length - 0.5], anchor: "y3",
    });
    draw(plotIn(box, pipeline, pipeline), traces, settings);
  });
  const load = loadChoice(controls, data.points, data.all, update);
  const chosen = agentFilter(controls, agentsIn(data.points), agentsIn(data.points), update);
  return update;
}

function startDecisions(section, data) {
  const controls = section.querySelector(".controls");
  const box = section.querySelector(".plots");
  const update = () => {
    const here = data.points.filter((point) => point.pipeline === pipeline.value);
    const agents = chosen().filter((agent) => here.some((point) => point.agent === agent)).reverse();
    const traces = agents.map((agent) => {
      const point = here.find((one) => one.agent === agent);
      const look = lookOf(agent);
      return {
        type: "scatter", mode: "lines+markers", name: plain(agent), x: [point.decision_mean_ms, point.decision_p99_ms],
        y: [plain(agent), plain(agent)], line: { color: look.colour, width: 1.2 },
        marker: { color: look.colour, size: 9, symbol: [look.symbol, `${look.symbol}-open`], line: { width: 1.5, color: look.colour } },
        hovertemplate: `${plain(agent)}: %{x:.3~g} ms<extra></extra>`,
      };
    });
    draw(plotIn(box, "decisions", ""), traces, layout(90 + 24 * agents.length, {
      xaxis: axis({ label: "milliseconds a decision", ...logTicks(here.map((point) => point.decision_mean_ms)) }),
      yaxis: axis({ type: "category" }), margin: { l: 110, r: 12, t: 14, b: 42 },
    }));
  };
  const pipeline = dropdown(controls, "pipeline", unique(data.points.map((point) => point.pipeline)), update);
  const chosen = agentFilter(controls, agentsIn(data.points), agentsIn(data.points), update);
  return update;
}

// From dark to light blue-green: more variants are lighter on dark ground, darker on light.
function shade(index, n) {
  const share = n > 1 ? index / (n - 1) : 0;
  const light = isDark() ? 38 + 42 * share : 72 - 46 * share;
  return `hsl(${265 - 90 * share}, 60%, ${light}%)`;
}

function startGrowth(section, data) {
  const controls = section.querySelector(".controls");
  const box = section.querySelector(".plots");
  box.classList.add("many");
  const other = { stages: "variants", variants: "stages" };
  const timesOf = (solver) => data.points.filter((point) => point.solver === solver).flatMap((point) => [point.best_ms, point.worst_ms]);
  const update = () => unique(data.points.map((point) => point.solver)).forEach((solver) => {
    const lines = unique(data.points.map((point) => point[other[over.value]])).sort((a, b) => a - b);
    const traces = lines.map((line, index) => {
      const own = data.points.filter((point) => point.solver === solver && point[other[over.value]] === line);
      own.sort((a, b) => a[over.value] - b[over.value]);
      const colour = shade(index, lines.length);
      const bars = { type: "data", symmetric: false, color: colour, thickness: 0.8, width: 2 };
      bars.array = own.map((point) => point.worst_ms - point.median_ms);
      bars.arrayminus = own.map((point) => point.median_ms - point.best_ms);
      return {
        type: "scatter", mode: "lines+markers", name: `${line} ${other[over.value]}`, x: own.map((point) => point[over.value]),
        y: own.map((point) => point.median_ms), error_y: bars, line: { color: colour, width: 1.5 }, marker: { color: colour, size: 6 },
        hovertemplate: `${line} ${other[over.value]}, %{x} ${over.value}: %{y:.3~g} ms<extra></extra>`,
      };
    });
    draw(plotIn(box, solver, solver), traces, layout(360, {
      xaxis: axis({ label: over.value, dtick: 1 }), yaxis: axis({ label: "a decision (ms)", ...logTicks(timesOf(solver)) }),
      showlegend: true, legend: { orientation: "h", y: -0.2 },
    }));
  });
  const over = dropdown(controls, "over", [{ value: "stages", text: "stages" }, { value: "variants", text: "variants a stage" }], update);
  return update;
}

function translucent(colour, share) {
  const number = parseInt(colour.slice(1), 16);
  return `rgba(${number >> 16}, ${(number >> 8) & 255}, ${number & 255}, ${share})`;
}

// Without the stretch on the left in which every curve is at 1.
function profileRange(curves) {
  const scores = curves.flatMap((curve) => curve.score);
  const full = curves.map((curve) => curve.score[Math.max(0, curve.fraction.findIndex((fraction) => fraction < 1) - 1)]);
  return scores.length ? [Math.min(...full) - 0.02, Math.max(...scores)] : [0, 1];
}

function startProfiles(section, data) {
  const controls = section.querySelector(".controls");
  const box = section.querySelector(".plots");
  const update = () => {
    const shown = data.curves.filter((curve) => chosen().includes(curve.agent));
    const traces = shown.flatMap((curve) => {
      const look = lookOf(curve.agent);
      const edge = { type: "scatter", mode: "lines", x: curve.score, line: { width: 0 }, hoverinfo: "skip" };
      return [
        { ...edge, y: curve.low },
        { ...edge, y: curve.high, fill: "tonexty", fillcolor: translucent(look.colour, 0.13) },
        {
          type: "scatter", mode: "lines", name: plain(curve.agent), x: curve.score, y: curve.fraction,
          line: { color: look.colour, dash: look.dash, width: 1.8 },
          hovertemplate: `${plain(curve.agent)}: %{y:.3f} of the runs above %{x:.4f}<extra></extra>`,
        },
      ];
    });
    draw(plotIn(box, "profiles", ""), traces, layout(460, {
      xaxis: axis({ label: "score (0: random, 1: ipa-perfect)", range: profileRange(shown) }),
      yaxis: axis({ label: "share of runs above the score", range: [0, 1.02] }),
    }));
  };
  const present = agentsIn(data.curves);
  const chosen = agentFilter(controls, present, present.filter((agent) => agent !== "random"), update);
  return update;
}

function startBetter(section, data) {
  const box = section.querySelector(".plots");
  return () => {
    const points = [...data.points].reverse();
    const traces = points.map((point) => {
      const look = lookOf(point.agent);
      const bars = { type: "data", symmetric: false, color: look.colour, thickness: 2, width: 0 };
      bars.array = [(point.p_better_high ?? point.p_better) - point.p_better];
      bars.arrayminus = [point.p_better - (point.p_better_low ?? point.p_better)];
      return {
        type: "scatter", mode: "markers", name: plain(point.agent), x: [point.p_better], y: [plain(point.agent)], error_x: bars,
        marker: { color: look.colour, symbol: look.symbol, size: 10, line: { color: look.colour, width: 1 } },
        hovertemplate: `${plain(point.agent)}: %{x:.3f}, ${point.n_common} common runs<extra></extra>`,
      };
    });
    const line = { color: cssColour("muted"), width: 1.2, dash: "dash" };
    draw(plotIn(box, "better", ""), traces, layout(90 + 24 * points.length, {
      xaxis: axis({ label: `probability of earning more than ${plain(data.baseline)}`, range: [-0.02, 1.02] }),
      yaxis: axis({ type: "category" }), margin: { l: 110, r: 12, t: 14, b: 42 },
      shapes: [{ type: "line", x0: 0.5, x1: 0.5, yref: "paper", y0: 0, y1: 1, line }],
    }));
  };
}
