// How the micrograph shall look. Sliders that nobody moved follow what the seed drew.
import { hear, tell } from "../shared/events.js";
import { offer } from "../shared/parts.js";
import { dial } from "./dial.js";

const PAUSE_MS = 80;
const SEEDS_DRAWN = 100_000;
const TITLES = {
  background: "mean grey level of the background",
  contrast: "mean of the particles minus mean of the background",
  noise: "standard deviation of the background's noise",
};

export function mount({ element, props, trigger, watch }) {
  const panel = new LookPanel(element.querySelector(".fa-look"), props, trigger);
  let token = null;
  hear("levels", (answer) => panel.follow(answer.levels, answer.ranges));
  watch("value", () => {
    if (!props.value || props.value.token === token) return;
    token = props.value.token;
    panel.receive(props.value);
  });
  panel.follow(props.levels, props.ranges);
  panel.refresh();
  offer("look", panel);
}

const newSeed = () => Math.floor(Math.random() * SEEDS_DRAWN);

class LookPanel {
  mixSeed = null;
  reference = null;
  timer = 0;
  drawn = {}; // the levels that the seed drew; those, and the finish, that were moved
  levels = {};
  finish = {};

  // props: ranges {level: [low, high]}, finish {name: [low, high, neutral]}, max_seed.
  constructor(root, props, trigger) {
    this.root = root;
    this.maxSeed = props.max_seed;
    this.seedInput = this.find("#seed input");
    this.mixInput = this.find(".fa-mix input");
    this.fan = this.find(".fa-fan");
    this.find("[data-do=gallery]").hidden = !props.has_gallery;
    this.levelDials = this.addDials(props.ranges);
    this.addFinish(props.finish);
    this.attach(trigger);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  addDials(ranges) {
    const made = Object.entries(ranges).map(([name, [low, high]]) => {
      const digits = name === "noise" ? 1 : 0;
      const fallback = () => this.drawn[name];
      return [name, this.dial(name, { low, high, digits, moved: this.levels, fallback })];
    });
    for (const [, { label }] of made) this.find(".fa-levels").append(label);
    return Object.fromEntries(made);
  }

  addFinish(ranges) {
    for (const [name, [low, high, neutral]] of Object.entries(ranges)) {
      const fallback = () => neutral;
      const made = this.dial(name, { low, high, digits: 2, moved: this.finish, fallback });
      made.show(neutral);
      this.find(".fa-finish").append(made.label);
    }
  }

  dial(name, options) {
    const onMove = () => this.ask(PAUSE_MS);
    return dial(name, { title: TITLES[name], onMove, onBack: () => this.ask(), ...options });
  }

  attach(trigger) {
    const acts = {
      another: () => this.adopt(newSeed()),
      four: () => trigger("four"),
      gallery: () => trigger("gallery"),
      paint: () => this.ask(),
      refer: () => document.querySelector("#reference-file").click(),
      unmix: () => this.mixWith(null),
      unrefer: () => this.adopt(this.seed),
    };
    for (const [name, act] of Object.entries(acts)) {
      this.find(`[data-do=${name}]`).addEventListener("click", act);
    }
    this.seedInput.addEventListener("input", () => {
      this.refresh();
      this.ask(PAUSE_MS);
    });
    this.mixInput.addEventListener("input", () => this.ask(PAUSE_MS));
  }

  get seed() {
    return this.seedInput.value === "" ? null : Number(this.seedInput.value);
  }

  ask(pause = 0) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => tell("ask"), pause);
  }

  refresh() {
    const { mixSeed, reference, seed } = this;
    this.find(".fa-mix").hidden = mixSeed === null || reference;
    this.find(".fa-reference").hidden = !reference;
    this.find("[data-text=from]").textContent = `seed ${seed}`;
    this.find("[data-text=to]").textContent = `seed ${mixSeed}`;
    for (const tile of this.fan.children) {
      tile.toggleAttribute("data-taken", Number(tile.dataset.seed) === seed);
      tile.toggleAttribute("data-mixed", Number(tile.dataset.seed) === mixSeed);
    }
  }

  adopt(seed) {
    this.seedInput.value = seed;
    this.reference = null;
    if (this.mixSeed === seed) this.mixSeed = null;
    this.refresh();
    this.ask();
  }

  mixWith(seed) {
    this.mixSeed = seed;
    this.refresh();
    this.ask();
  }

  // found: the levels of the last image. ranges: what its painter can be asked for.
  follow(found, ranges) {
    for (const [name, value] of Object.entries(found)) {
      this.levelDials[name].within(ranges[name]);
      if (!(name in this.levels)) this.drawn[name] = value;
      this.levelDials[name].show(name in this.levels ? this.levels[name] : value);
    }
  }

  // Looks to choose from, or the look of a micrograph.
  receive({ tiles, reference, name }) {
    if (tiles) {
      const drawn = tiles.map((one) => (one.reference ? this.look(one) : this.tile(one)));
      this.fan.replaceChildren(...drawn);
      this.fan.hidden = false;
    }
    if (reference) this.refer(reference, `look of ${name}`);
    this.refresh();
  }

  refer(reference, words) {
    this.reference = reference;
    this.mixSeed = null;
    this.find("[data-text=reference]").textContent = words;
    for (const level of Object.keys(this.levels)) delete this.levels[level];
    this.refresh();
    this.ask();
  }

  look({ name, reference, image }) {
    const figure = document.createElement("figure");
    figure.innerHTML = `<button type="button" class="fa-take"><img alt=""></button>
      <figcaption></figcaption>`;
    figure.querySelector("img").src = image;
    figure.querySelector("figcaption").textContent = name;
    const button = figure.querySelector("button");
    button.setAttribute("aria-label", `Take this look: ${name}`);
    button.addEventListener("click", () => {
      this.refer(reference, name);
      for (const other of this.fan.children) other.toggleAttribute("data-taken", other === figure);
    });
    return figure;
  }

  tile({ seed, image }) {
    const figure = document.createElement("figure");
    figure.dataset.seed = seed;
    figure.innerHTML = `<button type="button" class="fa-take" title="Take this look"><img alt="Look
      of seed ${seed}"></button><figcaption>${seed}<button type="button" class="fa-with"
      title="Go from the look taken towards this one">mix</button></figcaption>`;
    figure.querySelector("img").src = image;
    figure.querySelector(".fa-take").addEventListener("click", () => this.adopt(seed));
    figure.querySelector(".fa-with").addEventListener("click", () => {
      if (seed === this.seed) return;
      this.reference = null;
      this.mixWith(this.mixSeed === seed ? null : seed);
    });
    return figure;
  }

  // The server's events read the look here, at the moment they are sent.
  take() {
    clearTimeout(this.timer);
    return this.peek();
  }

  peek() {
    const { seed, reference, mixSeed } = this;
    const mix = mixSeed === null ? {} : { mix_seed: mixSeed, mix: Number(this.mixInput.value) };
    return { seed, reference, levels: { ...this.levels }, finish: { ...this.finish }, ...mix };
  }

  // Four seeds for "Four looks".
  seeds() {
    const first = newSeed();
    return [0, 1, 2, 3].map((k) => (first + k) % this.maxSeed);
  }
}
