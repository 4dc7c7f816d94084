// Draws with Plotly: one look for all plots, redrawn when the colours change.
"use strict";
const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
const REDRAW = []; // a function a section
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

function axis(settings) {
  const colours = { gridcolor: cssColour("grid"), linecolor: cssColour("line"), zerolinecolor: cssColour("grid") };
  const title = { text: settings.label || "", standoff: 6, font: { size: 12 } };
  const { label, ...rest } = settings;
  return { ...colours, title, automargin: true, ticks: "outside", tickcolor: cssColour("line"), ...rest };
}

function layout(height, settings) {
  return {
    height, margin: { l: 54, r: 12, t: 14, b: 42 }, showlegend: false, hovermode: "closest", dragmode: "zoom",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: FONT, size: 12, color: cssColour("text") },
    hoverlabel: { bgcolor: cssColour("panel"), bordercolor: cssColour("line"), font: { color: cssColour("text") } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: cssColour("muted"), activecolor: cssColour("accent") },
    ...settings,
  };
}

// On paper a plot is as wide as its place says now; on a screen Plotly follows the place by itself.
function draw(place, traces, settings) {
  const printing = document.documentElement.classList.contains("printing");
  const wasFixed = place.layout && place.layout.width;
  Plotly.react(place, traces, printing ? { ...settings, width: place.clientWidth } : settings, CONFIG);
  if (wasFixed && !printing) Plotly.relayout(place, { autosize: true });
  else if (!printing && place._fullLayout.width !== place.clientWidth) Plotly.Plots.resize(place);
}

// The place for a plot, made where there is none yet.
function plotIn(box, name, title) {
  let place = [...box.children].find((child) => child.dataset.plot === name);
  if (!place) {
    place = document.createElement("div");
    place.className = "plot";
    place.dataset.plot = name;
    if (title) {
      const heading = document.createElement("h3");
      heading.textContent = title;
      place.append(heading);
    }
    place.append(document.createElement("div"));
    box.append(place);
  }
  return place.lastElementChild;
}

// Takes away the plots whose names are not among these.
function keepPlots(box, names) {
  [...box.children].filter((child) => !names.includes(child.dataset.plot)).forEach((child) => {
    child.querySelectorAll(".js-plotly-plot").forEach((plot) => Plotly.purge(plot));
    child.remove();
  });
}

function unique(values) {
  return [...new Set(values)];
}

// Bars of a half-width; those of a share or a count end at zero.
function errorBars(values, halves, colour) {
  const array = halves.map((half) => half || 0);
  const arrayminus = values.map((value, index) => Math.min(array[index], Math.max(value, 0)));
  return { type: "data", symmetric: false, array, arrayminus, color: colour, thickness: 1.2, width: 3 };
}

// Ticks of a logarithmic axis at 1, 2 and 5, or at powers of ten where these are many.
function logTicks(values) {
  const known = values.filter((value) => value > 0);
  const [least, most] = [Math.log10(Math.min(...known)), Math.log10(Math.max(...known))];
  const [low, high] = [Math.floor(least), Math.ceil(most)];
  const parts = most - least > 2.2 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = low; power <= high; power += 1) parts.forEach((step) => ticks.push(Number(`${step}e${power}`)));
  return { type: "log", tickvals: ticks, ticktext: ticks.map(String) };
}

// The first agent is drawn last and thinnest: of lines that coincide, all are seen.
function behind(agents) {
  return agents.map((agent, depth) => ({ agent, width: 1.5 + Math.min(0.3 * depth, 1.8) })).reverse();
}

function redrawAll() {
  drawSwatches();
  REDRAW.forEach((redraw) => redraw());
}
