// Which particles count: two handles on the histogram, the same as numbers, and all filters in words.
import { axes, FRAME } from "./histogram_geometry.js";
import { numberOf } from "./number_field.js";
import { nameOf, quantityOf, significant, unitOf } from "./quantities.js";

const STEPS = 200; // of a handle from one end of the histogram to the other
const FAR = 10; // steps with Shift

export class Filters {
  answer = null;
  ends = [null, null];
  dragged = null; // the handle that is held

  constructor(root, request) {
    this.request = request;
    this.svg = root.querySelector(".fa-handles");
    this.handles = [...this.svg.querySelectorAll(".fa-handle")];
    this.form = root.querySelector(".fa-filter");
    this.inputs = [...this.form.querySelectorAll("input")];
    this.unit = this.form.querySelector("[data-text=filter-unit]");
    this.list = root.querySelector(".fa-filters");
    this.svg.setAttribute("viewBox", `0 0 ${FRAME.width} ${FRAME.height}`);
    for (const [end, handle] of this.handles.entries()) this.attach(handle, end);
    for (const [end, input] of this.inputs.entries()) {
      input.addEventListener("change", () => this.onNumber(end, numberOf(input.value)));
    }
  }

  attach(handle, end) {
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus({ preventScroll: true });
      handle.setPointerCapture(event.pointerId);
      this.dragged = end;
    });
    handle.addEventListener("pointermove", (event) => {
      if (this.dragged === end) this.move(end, this.valueAt(event.clientX));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      handle.addEventListener(name, () => {
        this.dragged = null;
      });
    }
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (step) this.move(end, this.valueOf(end) + step * this.step * (event.shiftKey ? FAR : 1));
      else if (event.key === "Home" || event.key === "Delete") this.set(end, null);
      else return;
      event.preventDefault();
    });
  }

  get step() {
    return (this.at.high - this.at.low) / STEPS;
  }

  // The value that a handle stands for: that end of the histogram where nothing is left out.
  valueOf(end) {
    return this.ends[end] ?? [this.at.low, this.at.high][end];
  }

  valueAt(clientX) {
    const box = this.svg.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * FRAME.width;
    const share = (x - FRAME.left) / (FRAME.width - FRAME.left - FRAME.right);
    return this.at.low + share * (this.at.high - this.at.low);
  }

  move(end, value) {
    this.set(end, held(end, value, this.valueOf(1 - end), this.at, this.step));
  }

  onNumber(end, value) {
    if (Number.isNaN(value)) this.place();
    else this.set(end, value);
  }

  set(end, value) {
    if (value === this.ends[end]) return;
    this.ends = this.ends.with(end, value);
    this.place();
    this.request({ do: "filter", name: this.answer.filter, ends: this.ends });
  }

  show(answer) {
    this.answer = answer;
    this.at = axes(answer.edges, answer.share);
    if (this.dragged === null) this.ends = answer.filters[answer.filter] ?? [null, null];
    const possible = Boolean(answer.filter) && this.at.high > this.at.low;
    this.svg.toggleAttribute("hidden", !possible);
    this.form.hidden = !possible;
    this.unit.textContent = answer.unit;
    this.list.replaceChildren(...Object.entries(answer.filters).map((one) => this.chip(one)));
    if (possible) this.place();
  }

  clear() {
    this.svg.setAttribute("hidden", "");
    this.form.hidden = true;
    this.list.replaceChildren();
  }

  place() {
    for (const [end, handle] of this.handles.entries()) {
      const value = this.valueOf(end);
      const x = this.at.x(Math.min(Math.max(value, this.at.low), this.at.high));
      handle.setAttribute("transform", `translate(${x} 0)`);
      handle.setAttribute("aria-valuemin", significant(this.at.low));
      handle.setAttribute("aria-valuemax", significant(this.at.high));
      handle.setAttribute("aria-valuenow", significant(value));
      const input = this.inputs[end];
      if (document.activeElement !== input) input.value = this.ends[end] ?? "";
      input.placeholder = significant(value, 3);
    }
  }

  chip([name, ends]) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = `${wordsOnFilter(name, ends)} ✕`;
    made.title = "Take this filter away";
    made.addEventListener("click", () => this.request({ do: "filter", name, ends: [null, null] }));
    return made;
  }
}

// Where a handle stops: at the other one, and at its end of the histogram, where it filters nothing.
export function held(end, value, other, { low, high }, step) {
  const within = end ? Math.max(value, other) : Math.min(value, other);
  if (end ? within >= high - step / 2 : within <= low + step / 2) return null;
  return Number(within.toPrecision(4));
}

export function wordsOnFilter(name, [low, high]) {
  const from = low === null ? "" : ` from ${significant(low)}`;
  const to = high === null ? "" : ` to ${significant(high)}`;
  const unit = unitOf(name).replace(" / ", " ");
  return nameOf(quantityOf(name)) + from + to + unit;
}
