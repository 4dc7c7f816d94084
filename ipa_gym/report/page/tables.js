// Tables: a click on a heading sorts, a dropdown shows one group at a time.
"use strict";

function orderOf(row, column) {
  const text = row.cells[column].dataset.order;
  const value = text === "" || Number.isNaN(Number(text)) ? text : Number(text);
  return value;
}

function compare(one, other, direction) {
  if (one === "" || other === "") return (one === "") - (other === ""); // what has no value goes last
  if (typeof one === "number" && typeof other === "number") return direction * (one - other);
  return direction * String(one).localeCompare(String(other));
}

function sortBy(table, column) {
  const heading = table.tHead.rows[0].cells[column];
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const numeric = rows.some((row) => typeof orderOf(row, column) === "number");
  const before = heading.getAttribute("aria-sort");
  const ascending = before === null ? !numeric : before === "descending"; // numbers: the largest first
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  rows.sort((a, b) => compare(orderOf(a, column), orderOf(b, column), ascending ? 1 : -1));
  body.append(...rows);
}

function startTables() {
  for (const table of document.querySelectorAll("table")) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      cell.querySelector("button").addEventListener("click", () => sortBy(table, column));
    });
  }
  for (const section of document.querySelectorAll("section")) startGroups(section);
}

function startGroups(section) {
  const tables = [...section.querySelectorAll(".table[data-group]")];
  if (tables.length < 2) return;
  const options = tables.map((table) => table.dataset.group);
  const box = document.createElement("div");
  box.className = "controls";
  tables[0].before(box);
  const everything = { value: "\u0000all", text: "all" }; // no pipeline's name
  const show = () => tables.forEach((table) => {
    table.hidden = select.value !== everything.value && table.dataset.group !== select.value;
  });
  const select = dropdown(box, "pipeline", [...options, everything], show);
  show();
  window.addEventListener("beforeprint", () => tables.forEach((table) => { table.hidden = false; }));
  window.addEventListener("afterprint", show);
}
