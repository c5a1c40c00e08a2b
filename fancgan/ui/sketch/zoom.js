// Zoom and pan of the canvas: two fingers, Ctrl and the wheel, the middle button, or the buttons.
import { tell } from "../shared/events.js";

const MAX_ZOOM = 12;

const middleOf = (points) => ({
  clientX: points.reduce((sum, one) => sum + one.clientX, 0) / points.length,
  clientY: points.reduce((sum, one) => sum + one.clientY, 0) / points.length,
});
const spread = ([a, b]) => (b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1 : 1);

export class Zoom {
  // panX, panY: of the ground, in shares of the stage.
  zoom = 1;
  panX = 0;
  panY = 0;
  held = null;

  // ground moves over stage; root learns the factor, and button says it.
  constructor({ root, stage, ground, button }) {
    Object.assign(this, { root, stage, ground, button });
    stage.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
  }

  apply() {
    const { zoom, button } = this;
    this.zoom = Math.max(1, Math.min(MAX_ZOOM, zoom));
    this.panX = Math.max(1 - this.zoom, Math.min(0, this.panX));
    this.panY = Math.max(1 - this.zoom, Math.min(0, this.panY));
    const shift = `translate(${100 * this.panX}%, ${100 * this.panY}%)`;
    this.ground.style.transform = `${shift} scale(${this.zoom})`;
    this.root.style.setProperty("--fa-zoom", this.zoom);
    const words = this.zoom < 10 ? this.zoom.toFixed(1).replace(".0", "") : Math.round(this.zoom);
    button.textContent = `${words}×`;
    button.disabled = this.zoom === 1;
    tell("zoomed", { zoom: this.zoom, panX: this.panX, panY: this.panY });
  }

  // A point of the screen in shares of the stage; without one, its middle.
  share({ clientX, clientY } = {}) {
    const box = this.stage.getBoundingClientRect();
    if (clientX === undefined) return { x: 0.5, y: 0.5 };
    return { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
  }

  // Zoom by a factor so that what lay under `from` comes to lie under `to`, shares of the stage.
  zoomFrom(start, factor, from, to) {
    this.zoom = Math.max(1, Math.min(MAX_ZOOM, start.zoom * factor));
    this.panX = to.x - ((from.x - start.panX) * this.zoom) / start.zoom;
    this.panY = to.y - ((from.y - start.panY) * this.zoom) / start.zoom;
    this.apply();
  }

  zoomBy(factor, point) {
    const at = this.share(point);
    this.zoomFrom({ zoom: this.zoom, panX: this.panX, panY: this.panY }, factor, at, at);
  }

  fit() {
    this.zoom = 1;
    this.apply();
  }

  // What the fingers, or the mouse with its middle button, hold stays under them: always counted
  // from the beginning, so that nothing drifts where a limit was touched on the way.
  hold(points) {
    const { zoom, panX, panY } = this;
    const at = points.length && this.share(middleOf(points));
    this.held = points.length ? { zoom, panX, panY, at, apart: spread(points) } : null;
  }

  moveHeld(points) {
    const { held } = this;
    this.zoomFrom(held, spread(points) / held.apart, held.at, this.share(middleOf(points)));
  }

  onWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY / 300), event);
  }
}
