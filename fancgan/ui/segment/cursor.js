// A cursor on the picture for who has no pointer: arrow keys move it, Enter is a press and a lift.
import { finish } from "./pointer.js";

const STEP_PX = 4; // in window pixels, one pixel of the picture at least
const FAR = 8; // steps with Shift
const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const LINES = ["split", "join", "add", "scale", "diameter"];

export class Cursor {
  from = null; // where a line began

  constructor(tab) {
    this.tab = tab;
    this.picture = tab.picture;
    this.picture.canvas.addEventListener("pointerdown", () => this.hide());
    this.picture.canvas.addEventListener("blur", () => this.hide());
  }

  // Returns whether the key was the cursor's.
  onKey(key, far) {
    const { picture } = this;
    if (!picture.base) return false;
    if (ARROWS[key]) this.move(...ARROWS[key], far ? FAR : 1);
    else if (key === "enter" || key === " ") this.press();
    else if (key === "escape" && picture.cursor) this.hide();
    else return false;
    picture.draw();
    return true;
  }

  get at() {
    this.picture.cursor ??= this.beginning();
    return this.picture.cursor;
  }

  // The chosen particle, or what is in the middle of the window.
  beginning() {
    const { picture } = this;
    const box = picture.labels.boxes.get(picture.selected);
    if (box) return { x: box.x / box.n + 0.5, y: box.y / box.n + 0.5 };
    const { clientWidth, clientHeight } = picture.canvas;
    return picture.view.toPicture(clientWidth / 2, clientHeight / 2);
  }

  move(dx, dy, steps) {
    const { picture } = this;
    const step = Math.max(1, STEP_PX / picture.view.scale) * steps;
    const { width, rows } = picture.answer;
    const within = (value, end) => Math.min(Math.max(value, 0.5), end - 0.5);
    const { x, y } = this.at;
    picture.cursor = { x: within(x + dx * step, width), y: within(y + dy * step, rows) };
    picture.view.keepInside(picture.cursor);
    if (!this.from) return;
    const here = [picture.cursor.x, picture.cursor.y];
    if (this.tab.tools.tool === "add") picture.drawn.push(here);
    else picture.drawn = [picture.drawn[0], here];
  }

  press() {
    const { picture, tab } = this;
    const { tool, brushRadius } = tab.tools;
    const here = this.place();
    if (tool === "region") {
      tab.regions.down(here, "mouse");
      tab.regions.up(here, false);
    } else if (!LINES.includes(tool)) finish(tab, here, here, null);
    else if (this.from) {
      const { from } = this;
      const points = picture.drawn;
      this.from = picture.drawn = null;
      finish(tab, from, here, points);
    } else {
      this.from = here;
      picture.drawn = [[here.x, here.y]];
      picture.brush = tool === "add" ? brushRadius : null;
      picture.ruled = tool === "scale" || tool === "diameter";
    }
  }

  // The cursor as a place of a pointer: in the picture and in the window.
  place() {
    const { view } = this.picture;
    const { x, y } = this.at;
    return { x, y, px: view.x + x * view.scale, py: view.y + y * view.scale };
  }

  hide() {
    if (this.from) this.picture.drawn = null;
    this.from = this.picture.cursor = null;
    this.picture.draw();
  }
}
