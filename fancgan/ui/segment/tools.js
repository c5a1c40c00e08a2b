// The tool in hand, the brush's size, and the question how long the scale bar is.
import { numberOf } from "./number_field.js";

export class Tools {
  tool = "select";

  // tab: { picture, refresh(), say(state, words), request(action) }.
  constructor(root, tab) {
    this.tab = tab;
    this.root = root;
    this.buttons = [...root.querySelectorAll("button[data-tool]")];
    this.brush = root.querySelector(".fa-brush");
    this.brushInput = this.brush.querySelector("input");
    this.question = root.querySelector(".fa-ask");
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.take(button.dataset.tool));
    }
    this.brushInput.addEventListener("input", () => tab.refresh());
    this.question.addEventListener("submit", (event) => this.onLength(event));
  }

  get brushRadius() {
    return Number(this.brushInput.value);
  }

  take(name) {
    this.tool = name;
    this.tab.regions.leave();
    this.forget();
    this.tab.refresh();
  }

  // A line across a typical particle, of that length in pixels, is drawn.
  onDiameter(length) {
    this.take("select");
    this.tab.panel.set({ diameter_px: Number(length.toPrecision(3)) });
  }

  // Leave the line along the scale bar, and the question.
  forget() {
    this.question.hidden = true;
    this.tab.picture.marked = null;
    this.tab.picture.draw();
  }

  ask() {
    this.question.hidden = false;
    this.question.querySelector("input").focus();
  }

  onLength(event) {
    event.preventDefault();
    const unit = this.question.querySelector("select").value === "nm" ? 1 : 1000;
    const length = numberOf(this.question.querySelector("input").value) * unit;
    const [[x0, y0], [x1, y1]] = this.tab.picture.marked;
    if (!(length > 0)) {
      this.tab.say("done", "the length must be a positive number");
      return;
    }
    this.take("select");
    const nmPerPx = length / Math.hypot(x1 - x0, y1 - y0);
    this.tab.panel.set({ nm_per_px: Number(nmPerPx.toPrecision(6)) });
  }

  refresh() {
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === this.tool));
    }
    this.root.dataset.tool = this.tool;
    this.brush.hidden = this.tool !== "add";
    this.brush.querySelector("span").textContent = `${this.brushInput.value} px`;
  }
}
