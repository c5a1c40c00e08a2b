// Where the picture lies in the window it is seen through: scale and offset in window pixels.
const MAX_ZOOM = 40;
const EDGE_PX = 24; // how far from the window's edge the cursor stays

export class Viewport {
  scale = 1;
  x = 0;
  y = 0;
  fitted = true;

  // window, picture: functions that return { width, height } as they are now.
  constructor(window, picture) {
    this.window = window;
    this.picture = picture;
  }

  // The scale at which the whole picture is seen.
  get fitScale() {
    const { width, height } = this.window();
    const picture = this.picture();
    return Math.min(width / picture.width, height / picture.height) || 1;
  }

  fit() {
    const { width, height } = this.window();
    const picture = this.picture();
    this.scale = this.fitScale;
    this.x = (width - picture.width * this.scale) / 2;
    this.y = (height - picture.height * this.scale) / 2;
    this.fitted = true;
  }

  // Zoom by a factor; the point of the window, its middle if none is given, keeps its place.
  zoom(factor, px = this.window().width / 2, py = this.window().height / 2) {
    const scale = Math.min(Math.max(this.scale * factor, this.fitScale), MAX_ZOOM);
    const ratio = scale / this.scale;
    this.scale = scale;
    this.x = px - (px - this.x) * ratio;
    this.y = py - (py - this.y) * ratio;
    if (scale <= this.fitScale) this.fit();
    else this.fitted = false;
  }

  move(dx, dy) {
    if (this.fitted) return;
    this.x += dx;
    this.y += dy;
  }

  // Bring a point of the picture to the middle of the window.
  centre(x, y) {
    if (this.fitted) return;
    const { width, height } = this.window();
    this.x = width / 2 - x * this.scale;
    this.y = height / 2 - y * this.scale;
  }

  // Move the picture so far that a point of it is in the window.
  keepInside({ x, y }) {
    if (this.fitted) return;
    const { width, height } = this.window();
    const [px, py] = [this.x + x * this.scale, this.y + y * this.scale];
    this.x += Math.min(Math.max(px, EDGE_PX), width - EDGE_PX) - px;
    this.y += Math.min(Math.max(py, EDGE_PX), height - EDGE_PX) - py;
  }

  toPicture(px, py) {
    return { x: (px - this.x) / this.scale, y: (py - this.y) / this.scale };
  }
}
