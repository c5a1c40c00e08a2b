// One row per particle, sorted by any column; only the rows in sight are in the page.
import { cellWords, headOf } from "./quantities.js";

const ROW_PX = 26;

export class ParticleTable {
  columns = [];
  rows = [];
  order = []; // the rows as they are sorted
  sorting = { column: 0, down: false };
  selected = 0;

  // onChoose(label): a row was chosen; onDelete(): the chosen particle shall go.
  constructor(scroller, onChoose, onDelete) {
    this.onChoose = onChoose;
    this.onDelete = onDelete;
    this.scroller = scroller;
    this.head = scroller.querySelector("thead tr");
    this.body = scroller.querySelector("tbody");
    scroller.addEventListener("scroll", () => this.showRows());
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("[data-label]");
      if (row) onChoose(Number(row.dataset.label));
    });
    scroller.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.showRows()).observe(scroller);
  }

  // Arrow keys choose another row, which has the focus then.
  onKey(event) {
    if (event.target.closest("th")) return;
    const last = this.order.length - 1;
    const at = this.order.findIndex((row) => row[0] === this.selected);
    const places = { ArrowDown: at + 1, ArrowUp: at < 0 ? last : at - 1, Home: 0, End: last };
    if (event.key in places) {
      const row = this.order[Math.min(Math.max(places[event.key], 0), last)];
      if (!row) return;
      this.onChoose(row[0]);
      this.select(row[0], true);
      this.body.querySelector(".fa-chosen")?.focus({ preventScroll: true });
    } else if (event.key === "Delete") this.onDelete();
    else if (event.key === "Enter" && event.target.dataset.label) {
      this.onChoose(Number(event.target.dataset.label));
    } else return;
    event.preventDefault();
  }

  clear() {
    this.columns = this.rows = this.order = [];
    this.head.replaceChildren();
    this.body.replaceChildren();
  }

  fill(columns, rows) {
    this.columns = columns;
    this.rows = rows;
    this.showHeads();
    this.sort();
  }

  showHeads() {
    this.head.replaceChildren(...this.columns.map((name, i) => this.headCell(name, i)));
  }

  headCell(name, column) {
    const made = document.createElement("th");
    const button = document.createElement("button");
    made.scope = "col";
    made.setAttribute("aria-sort", orderOf(this.sorting, column));
    button.type = "button";
    button.textContent = headOf(name);
    button.addEventListener("click", () => {
      this.sorting = { column, down: this.sorting.column === column && !this.sorting.down };
      this.showHeads();
      this.sort();
    });
    made.append(button);
    return made;
  }

  sort() {
    this.order = sorted(this.rows, this.sorting);
    this.showRows();
  }

  showRows() {
    const { scroller, order } = this;
    if (!this.columns.length) return;
    const first = Math.max(0, Math.floor(scroller.scrollTop / ROW_PX) - 10);
    const last = Math.min(order.length, first + Math.ceil(scroller.clientHeight / ROW_PX) + 20);
    const made = order.slice(first, last).map((row) => this.line(row));
    const focused = this.body.contains(document.activeElement);
    this.body.replaceChildren(gap(first), ...made, gap(order.length - last));
    if (focused) {
      const chosen = this.body.querySelector(".fa-chosen");
      (chosen ?? scroller).focus({ preventScroll: true });
    }
  }

  line(row) {
    const made = document.createElement("tr");
    made.dataset.label = row[0];
    made.tabIndex = 0;
    if (row[0] === this.selected) made.className = "fa-chosen";
    for (const [i, value] of row.entries()) {
      const cell = document.createElement("td");
      cell.textContent = cellWords(value, this.columns[i]);
      made.append(cell);
    }
    return made;
  }

  // Mark a particle; intoSight: scroll to it.
  select(label, intoSight) {
    const { scroller } = this;
    this.selected = label;
    const at = this.order.findIndex((row) => row[0] === label);
    if (at >= 0 && intoSight) {
      const top = at * ROW_PX;
      const end = scroller.scrollTop + scroller.clientHeight - 3 * ROW_PX;
      if (top < scroller.scrollTop || top > end) {
        scroller.scrollTop = top - scroller.clientHeight / 2;
      }
    }
    this.showRows();
  }
}

function orderOf(sorting, column) {
  if (sorting.column !== column) return "none";
  return sorting.down ? "descending" : "ascending";
}

// What is not known comes first.
export function sorted(rows, { column, down }) {
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => sign * ((a[column] ?? -1) - (b[column] ?? -1)));
}

// Room for rows that are out of sight.
function gap(count) {
  const made = document.createElement("tr");
  made.style.height = `${count * ROW_PX}px`;
  made.className = "fa-space";
  return made;
}
