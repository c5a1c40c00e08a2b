// How the micrograph shall look. Sliders that nobody moved follow what the seed drew.
const root = element.querySelector(".fa-look");
const find = (selector) => root.querySelector(selector);
const seedInput = find("#seed input");
const fan = find(".fa-fan"), mixRow = find(".fa-mix"), referenceRow = find(".fa-reference");
const mixInput = find(".fa-mix input");
const ranges = JSON.parse(root.dataset.ranges);
const PAUSE_MS = 80;
const MAX_SEED = 2147483647;
const FINISH = {
  brightness: [-0.3, 0.3, 0],
  contrast: [0.5, 1.5, 1],
  gamma: [0.5, 2, 1],
  shadows: [-0.3, 0.3, 0],
  highlights: [-0.3, 0.3, 0],
};
const TITLES = {
  background: "mean grey level of the background",
  contrast: "mean of the particles minus mean of the background",
  noise: "standard deviation of the background's noise",
};

let mixSeed = null, reference = null, token = null, timer = 0;
const drawn = {}, levels = {}, finish = {};

const seed = () => (seedInput.value === "" ? null : Number(seedInput.value));
const newSeed = () => Math.floor(Math.random() * 100000);

function ask(pause = 0) {
  clearTimeout(timer);
  timer = setTimeout(() => document.dispatchEvent(new CustomEvent("fancgan:ask")), pause);
}

// A slider with its value and, once moved, a way back to the default.
function dial(name, [low, high], digits, moved, put) {
  const label = document.createElement("label");
  const step = 10 ** -digits;
  label.className = "fa-level";
  label.dataset.level = name;
  if (TITLES[name]) label.title = TITLES[name];
  label.innerHTML = `<span>${name}</span><input type="range" min="${low}" max="${high}"
    step="${step}"><output></output><button type="button" aria-label="Default ${name}">↺</button>`;
  const [input, output, back] = label.querySelectorAll("input, output, button");
  const show = (value) => {
    input.value = value;
    output.textContent = Number(value).toFixed(digits);
    label.toggleAttribute("data-moved", name in moved);
  };
  input.addEventListener("input", () => {
    moved[name] = Number(input.value);
    show(input.value);
    ask(PAUSE_MS);
  });
  back.addEventListener("click", (event) => {
    event.preventDefault();
    delete moved[name];
    show(put());
    ask();
  });
  return { label, show };
}

const dials = {};
for (const [name, range] of Object.entries(ranges)) {
  dials[name] = dial(name, range, name === "noise" ? 1 : 0, levels, () => drawn[name]);
  find(".fa-levels").append(dials[name].label);
}
for (const [name, [low, high, middle]] of Object.entries(FINISH)) {
  const made = dial(name, [low, high], 2, finish, () => middle);
  made.show(middle);
  find(".fa-finish").append(made.label);
}

function refresh() {
  mixRow.hidden = mixSeed === null || reference;
  referenceRow.hidden = !reference;
  find("[data-text=from]").textContent = `seed ${seed()}`;
  find("[data-text=to]").textContent = `seed ${mixSeed}`;
  for (const tile of fan.children) {
    tile.toggleAttribute("data-taken", Number(tile.dataset.seed) === seed());
    tile.toggleAttribute("data-mixed", Number(tile.dataset.seed) === mixSeed);
  }
}

function take(number) {
  seedInput.value = number;
  reference = null;
  if (mixSeed === number) mixSeed = null;
  refresh();
  ask();
}

function tile(one) {
  const figure = document.createElement("figure");
  figure.dataset.seed = one.seed;
  figure.innerHTML = `<button type="button" class="fa-take" title="Take this look"><img alt="Look of
    seed ${one.seed}"></button><figcaption>${one.seed}<button type="button" class="fa-with"
    title="Go from the look taken towards this one">mix</button></figcaption>`;
  figure.querySelector("img").src = one.image;
  figure.querySelector(".fa-take").addEventListener("click", () => take(one.seed));
  figure.querySelector(".fa-with").addEventListener("click", () => {
    if (one.seed === seed()) return;
    mixSeed = mixSeed === one.seed ? null : one.seed;
    reference = null;
    refresh();
    ask();
  });
  return figure;
}

// The server's events read the look here, at the moment they are sent.
window.fancganLook = {
  take() {
    clearTimeout(timer);
    return this.peek();
  },
  peek() {
    const mix = mixSeed === null ? {} : { mix_seed: mixSeed, mix: Number(mixInput.value) };
    return { seed: seed(), reference, levels: { ...levels }, finish: { ...finish }, ...mix };
  },
  seeds() {
    const first = newSeed();
    return [0, 1, 2, 3].map((k) => (first + k) % MAX_SEED);
  },
};

const acts = {
  another: () => take(newSeed()),
  four: () => trigger("four"),
  paint: () => ask(),
  refer: () => document.querySelector("#reference-file").click(),
  unmix() {
    mixSeed = null;
    refresh();
    ask();
  },
  unrefer: () => take(seed()),
};
for (const [name, act] of Object.entries(acts)) {
  find(`[data-do=${name}]`).addEventListener("click", act);
}
seedInput.addEventListener("input", () => {
  refresh();
  ask(PAUSE_MS);
});
mixInput.addEventListener("input", () => ask(PAUSE_MS));

function follow(found) {
  for (const [name, value] of Object.entries(found)) {
    if (!(name in levels)) drawn[name] = value;
    dials[name].show(name in levels ? levels[name] : value);
  }
}

document.addEventListener("fancgan:levels", ({ detail }) => follow(detail));

watch("value", () => {
  const value = props.value;
  if (!value || value.token === token) return;
  token = value.token;
  if (value.tiles) {
    fan.replaceChildren(...value.tiles.map(tile));
    fan.hidden = false;
  }
  if (value.reference) {
    reference = value.reference;
    mixSeed = null;
    find("[data-text=reference]").textContent = `look of ${value.name}`;
    for (const name of Object.keys(levels)) delete levels[name];
    ask();
  }
  refresh();
});
follow(JSON.parse(root.dataset.levels));
refresh();
