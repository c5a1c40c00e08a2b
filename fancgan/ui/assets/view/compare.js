// Two pictures of the same field, parted by a slider: mask, image, read-back, differences.
const compare = root.querySelector(".fa-compare");
const PICTURES = { mask: "Mask", image: "Image", read: "Read back", differences: "Differences" };
const FIRST = { left: "image", right: "differences" };
const rgba = (r, g, b, alpha) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0; // little-endian
const ON = rgba(241, 245, 249, 255), OFF = rgba(11, 18, 28, 255);

// { width, height, pixels } of the image that is shown; null until the check of it has come.
let classes = null;

const sides = Object.fromEntries(
  Object.keys(FIRST).map((side) => {
    const select = compare.querySelector(`select[data-side=${side}]`);
    select.append(...Object.entries(PICTURES).map(([value, words]) => new Option(words, value)));
    select.value = FIRST[side];
    select.addEventListener("change", () => fill(side));
    return [side, { select, canvas: compare.querySelector(`canvas[data-side=${side}]`) }];
  }),
);

function named(name, alpha) {
  return rgba(...getComputedStyle(root).getPropertyValue(name).match(/\d+/g).map(Number), alpha);
}

// Colours of neither, only drawn, only read back, both; see-through pixels show the image underneath.
const painters = {
  mask: () => [OFF, ON, OFF, ON],
  read: () => [OFF, OFF, ON, ON],
  differences: () =>
    [0, named("--fa-drawn", 215), named("--fa-read", 215), named("--fa-agree", 90)],
};

function fill(side) {
  const { select, canvas } = sides[side];
  const { width, height, pixels } = classes ?? { width: 1, height: 1 };
  canvas.width = width;
  canvas.height = height;
  root.toggleAttribute("data-unread", !classes);
  if (!classes || !painters[select.value]) return;
  const colours = painters[select.value]();
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) words[i] = colours[pixels[i]];
  context.putImageData(image, 0, 0);
}

function refill() {
  for (const side of Object.keys(sides)) fill(side);
}

function forgetClasses() {
  classes = null;
  refill();
}

async function takeClasses(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const surface = document.createElement("canvas");
  surface.width = image.naturalWidth;
  surface.height = image.naturalHeight;
  const context = surface.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { width, height } = surface;
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, pixels: Uint8Array.from({ length: width * height }, (_, i) => data[4 * i]) };
}

document.addEventListener("fancgan:cycle", async ({ detail }) => {
  const found = await takeClasses(detail.classes);
  if (detail.round !== round) return;
  classes = found;
  refill();
});

const slider = compare.querySelector("input");
slider.addEventListener("input", () => root.style.setProperty("--fa-wipe", `${slider.value}%`));
