// How agents look: colour, marker and line of each, and small pictures of them for tables and filters.
"use strict";
const REPORT = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

function isDark() {
  return document.documentElement.classList.contains("dark");
}

function lookOf(agent) {
  const look = REPORT.looks[agent];
  return { colour: isDark() ? look.dark : look.light, symbol: look.symbol, dash: look.dash };
}

function cssColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Plotly reads text as HTML-like: names from outside must not be.
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function polygon(corners, turn, inner) {
  const points = [];
  const steps = inner ? 2 * corners : corners;
  for (let step = 0; step < steps; step += 1) {
    const radius = inner && step % 2 ? inner : 1;
    const angle = ((turn + (360 * step) / steps) * Math.PI) / 180;
    points.push([radius * Math.sin(angle), -radius * Math.cos(angle)]);
  }
  return points;
}

function plus(half, turn) {
  const [sine, cosine] = [Math.sin((turn * Math.PI) / 180), Math.cos((turn * Math.PI) / 180)];
  const arm = [[-half, -1], [half, -1], [half, -half]]; // the top arm, then the same a quarter further
  const quarter = ([x, y]) => [-y, x];
  const points = [];
  let part = arm;
  for (let step = 0; step < 4; step += 1) {
    points.push(...part);
    part = part.map(quarter);
  }
  return points.map(([x, y]) => [x * cosine - y * sine, x * sine + y * cosine]);
}

const SHAPES = {
  "circle": polygon(24, 0), "square": polygon(4, 45), "diamond": polygon(4, 0), "star": polygon(5, 0, 0.45),
  "diamond-tall": polygon(4, 0).map(([x, y]) => [0.6 * x, y]), "cross": plus(0.33, 0), "x": plus(0.33, 45),
  "triangle-up": polygon(3, 0), "triangle-down": polygon(3, 180), "triangle-left": polygon(3, 270),
  "triangle-right": polygon(3, 90), "pentagon": polygon(5, 0), "octagon": polygon(8, 22.5),
  "hexagon": polygon(6, 0), "hexagon2": polygon(6, 30), "x-thin": plus(0.1, 45),
};
const DASHES = { solid: "", dash: "6 3", dot: "1.5 2.5", dashdot: "6 2 1.5 2" };

function svgElement(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function drawSwatch(place) {
  const look = lookOf(place.dataset.agent);
  const picture = svgElement("svg", { width: 26, height: 14, viewBox: "0 0 26 14", "aria-hidden": "true" });
  const line = { x1: 0, y1: 7, x2: 26, y2: 7, stroke: look.colour, "stroke-width": 2, "stroke-dasharray": DASHES[look.dash] };
  picture.append(svgElement("line", line));
  const points = SHAPES[look.symbol].map(([x, y]) => `${13 + 5.5 * x},${7 + 5.5 * y}`).join(" ");
  picture.append(svgElement("polygon", { points, fill: look.colour, stroke: look.colour }));
  place.replaceChildren(picture);
}

function drawSwatches() {
  document.querySelectorAll(".swatch[data-agent]").forEach((place) => {
    if (REPORT.looks[place.dataset.agent]) drawSwatch(place);
  });
}
