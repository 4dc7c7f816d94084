// Filters: dropdowns and a list of agents with checkboxes. Names are set as text, never as HTML.
"use strict";

// A dropdown; returns what is chosen now.
function dropdown(box, label, options, onChange) {
  const frame = document.createElement("label");
  frame.className = "choice";
  frame.append(label);
  const select = document.createElement("select");
  select.name = label;
  for (const { value, text } of options.map((o) => (typeof o === "string" ? { value: o, text: o } : o))) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = text;
    select.append(option);
  }
  select.addEventListener("change", onChange);
  frame.append(select);
  box.append(frame);
  return select;
}

function button(text, onClick) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.addEventListener("click", onClick);
  return element;
}

// Checkboxes of agents with their looks, which are the plots' legend; returns a function that tells who is chosen.
function agentFilter(box, agents, chosen, onChange) {
  const frame = document.createElement("details");
  frame.className = "agents";
  frame.open = window.innerWidth > 640;
  const summary = document.createElement("summary");
  const names = document.createElement("div");
  names.className = "names";
  const inputs = agents.map((agent) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "checkbox";
    input.value = agent;
    input.checked = chosen.length === 0 || chosen.includes(agent);
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.dataset.agent = agent;
    label.append(input, swatch, agent);
    names.append(label);
    return input;
  });
  const changed = () => {
    const n = inputs.filter((input) => input.checked).length;
    summary.textContent = `agents: ${n} of ${agents.length} shown`;
  };
  const setAll = (value) => () => {
    inputs.forEach((input) => { input.checked = value; });
    changed();
    onChange();
  };
  inputs.forEach((input) => input.addEventListener("change", () => { changed(); onChange(); }));
  names.prepend(button("all", setAll(true)), button("none", setAll(false)));
  frame.append(summary, names);
  box.append(frame);
  changed();
  return () => inputs.filter((input) => input.checked).map((input) => input.value);
}
