// Starts the page: light or dark as the system is or as the reader says, tables, then one section after another.
"use strict";
const START = {
  series: startSeries, frontier: startFrontier, latency: startLatency, preferences: startPreferences,
  forecasts: startForecasts, decisions: startDecisions, growth: startGrowth, profiles: startProfiles, better: startBetter,
};

function setScheme(dark) {
  document.documentElement.classList.toggle("dark", dark);
  document.getElementById("scheme").textContent = dark ? "light" : "dark";
}

function startScheme() {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("scheme");
  const change = (dark) => { setScheme(dark); redrawAll(); };
  setScheme(system.matches);
  button.hidden = false;
  button.addEventListener("click", () => change(!isDark()));
  system.addEventListener("change", () => change(system.matches));
  let before = false;
  const print = (on) => {
    document.documentElement.classList.toggle("printing", on);
    change(on ? false : before); // paper is white
  };
  window.addEventListener("beforeprint", () => { before = isDark(); print(true); });
  window.addEventListener("afterprint", () => print(false));
}

startScheme();
startTables();
drawSwatches();

async function startSections() {
  for (const [name, data] of Object.entries(REPORT.sections)) {
    const redraw = START[name](document.getElementById(name), data);
    REDRAW.push(redraw);
    redraw();
    await new Promise((resolve) => { setTimeout(resolve); }); // the page answers meanwhile
  }
  drawSwatches();
  document.documentElement.dataset.ready = "yes";
}
startSections();
