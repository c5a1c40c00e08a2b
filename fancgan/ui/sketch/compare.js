// Two pictures of the same field, parted by a slider: mask, image, read-back, differences.
import { hear } from "../shared/events.js";
import { bytesOf, pictureOf } from "../shared/pixels.js";

const PICTURES = { mask: "Mask", image: "Image", read: "Read back", differences: "Differences" };
const FIRST = { left: "image", right: "differences" };
const rgba = (r, g, b, alpha) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0; // little-endian
const ON = rgba(241, 245, 249, 255);
const OFF = rgba(11, 18, 28, 255);

// Colours of neither, only drawn, only read back, both; see-through pixels show the image below.
const COLOURS = {
  mask: () => [OFF, ON, OFF, ON],
  read: () => [OFF, OFF, ON, ON],
  differences: (named) => [
    0,
    named("--fa-drawn", 215),
    named("--fa-read", 215),
    named("--fa-agree", 90),
  ],
};

export class Comparison {
  // { width, height, pixels } of the image that is shown; null until the check of it has come.
  classes = null;

  // root: the view's. isShown: whether an image's mark is that of the image shown.
  constructor(root, isShown) {
    this.root = root;
    const compare = root.querySelector(".fa-compare");
    this.sides = Object.keys(FIRST).map((side) => {
      const select = compare.querySelector(`select[data-side=${side}]`);
      select.append(...Object.entries(PICTURES).map(([value, words]) => new Option(words, value)));
      select.value = FIRST[side];
      const one = { select, canvas: compare.querySelector(`canvas[data-side=${side}]`) };
      select.addEventListener("change", () => this.fill(one));
      return one;
    });
    const slider = compare.querySelector("input");
    slider.addEventListener("input", () => {
      root.style.setProperty("--fa-wipe", `${slider.value}%`);
    });
    hear("cycle", async (cycle) => {
      const classes = await classesOf(cycle.classes);
      if (isShown(cycle.round)) this.show(classes);
    });
  }

  forget() {
    this.show(null);
  }

  show(classes) {
    this.classes = classes;
    for (const side of this.sides) this.fill(side);
  }

  fill({ select, canvas }) {
    const { width, height, pixels } = this.classes ?? { width: 1, height: 1 };
    canvas.width = width;
    canvas.height = height;
    this.root.toggleAttribute("data-unread", !this.classes);
    if (!this.classes || !COLOURS[select.value]) return;
    const colours = COLOURS[select.value]((name, alpha) => this.named(name, alpha));
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) words[i] = colours[pixels[i]];
    context.putImageData(image, 0, 0);
  }

  // A colour of the style sheet.
  named(name, alpha) {
    const words = getComputedStyle(this.root).getPropertyValue(name);
    return rgba(...words.match(/\d+/g).map(Number), alpha);
  }
}

// One number a pixel: 1 drawn, 2 read back, 3 both.
async function classesOf(url) {
  const canvas = await pictureOf(url);
  const bytes = bytesOf(canvas);
  const { width, height } = canvas;
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => bytes[4 * i]);
  return { width, height, pixels };
}
