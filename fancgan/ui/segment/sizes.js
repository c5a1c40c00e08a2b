// The numbers: histogram, statistics, one row per particle, and the files to save.
import { hear, tell } from "../shared/events.js";
import { offer, part } from "../shared/parts.js";
import { Arranged } from "./arranged.js";
import { Filters } from "./filters.js";
import { drawHistogram, markBin } from "./histogram.js";
import { Offers } from "./offers.js";
import { ParticleTable } from "./particle_table.js";
import { nameOf, STATISTICS, significant, WEIGHTINGS, WITHOUT_UNIT } from "./quantities.js";

export function mount({ element, props, trigger, watch }) {
  const panel = new SizesPanel(element.querySelector(".fa-sizes"), trigger);
  hear("selected", ({ label, from }) => panel.select(label, from === "picture"));
  hear("saved", () => panel.ready());
  watch("value", () => panel.receive(props.value));
  panel.receive(props.value);
  offer("sizes", panel);
}

async function request(action) {
  const segment = await part("segment");
  segment.request(action);
}

async function mark(ends) {
  (await part("segment")).markOffered(ends);
}

class SizesPanel {
  answer = null; // the server's last one
  wanted = null; // the file that is asked for

  constructor(root, trigger) {
    this.root = root;
    this.trigger = trigger;
    this.offers = new Offers(root, request, mark);
    this.doubt = root.querySelector(".fa-doubt");
    this.svg = root.querySelector("svg");
    this.quantity = root.querySelector(".fa-quantity");
    this.by = root.querySelector(".fa-by");
    this.by.replaceChildren(
      ...Object.entries(WEIGHTINGS).map(([n, words]) => new Option(words, n)),
    );
    this.arranged = new Arranged(root.querySelector(".fa-arranged"));
    this.filters = new Filters(root, request);
    this.pool = root.querySelector(".fa-pool");
    this.pooled = this.pool.querySelector("input");
    this.statistics = root.querySelector(".fa-stats tbody");
    this.saves = [...root.querySelectorAll("[data-save]")];
    this.table = new ParticleTable(
      root.querySelector(".fa-table"),
      (label) => tell("selected", { label, from: "table" }),
      async () => (await part("segment")).deleteChosen(),
    );
    this.quantity.addEventListener("change", () =>
      request({ do: "quantity", name: this.quantity.value }),
    );
    this.by.addEventListener("change", () => request({ do: "by", name: this.by.value }));
    this.pooled.addEventListener("change", () => request({ do: "pool", all: this.pooled.checked }));
    this.doubt
      .querySelector("button")
      .addEventListener("click", () =>
        request({ do: "set", values: { show_anyway: this.answer.withheld } }),
      );
    for (const button of this.saves) {
      button.addEventListener("click", () => {
        this.wanted = button.dataset.save;
        for (const other of this.saves) other.disabled = true;
        this.text("save").textContent = "Preparing…";
        trigger("submit");
      });
    }
  }

  text(name) {
    return this.root.querySelector(`[data-text=${name}]`);
  }

  // Nothing is being saved.
  ready() {
    this.text("save").textContent = "Save";
    for (const button of this.saves) button.disabled = !this.answer?.rows;
  }

  receive(answer) {
    this.answer = answer;
    this.root.dataset.state = answer?.rows ? "done" : "none";
    this.ready();
    if (answer?.rows) this.show(answer);
    else this.clear();
  }

  clear() {
    this.svg.replaceChildren();
    this.arranged.clear();
    this.filters.clear();
    this.statistics.replaceChildren();
    this.table.clear();
    for (const name of ["n", "how"]) this.text(name).textContent = "";
    this.doubt.hidden = true;
    this.offers.clear();
  }

  show(answer) {
    this.quantity.replaceChildren(...answer.quantities.map((q) => new Option(nameOf(q), q)));
    this.quantity.value = answer.quantity;
    this.by.value = answer.by;
    this.root.dataset.withheld = answer.withheld;
    this.root.dataset.state = answer.statistics ? "done" : "withheld";
    this.showDoubt(answer);
    this.pool.hidden = answer.files < 2;
    this.pooled.checked = answer.pooled;
    this.text("n").textContent = answer.statistics ? wordsOnNumber(answer) : "";
    this.text("how").textContent = answer.statistics ? wordsOnIntervals(answer) : "";
    if (answer.statistics) {
      this.statistics.replaceChildren(...answer.statistics.map((one) => row(one, answer.unit)));
      this.arranged.show(answer.arrangement);
      this.filters.show(answer);
      drawHistogram(this.svg, answer);
      markBin(this.svg, answer, this.table.selected);
    }
    this.table.fill(answer.columns, answer.rows);
    this.root.dataset.token = answer.token;
  }

  showDoubt({ doubt, withheld }) {
    this.doubt.hidden = !doubt;
    this.text("doubt").textContent = doubt;
    this.doubt.querySelector("button").textContent = withheld ? "Show anyway" : "Withhold again";
  }

  // The picture of these numbers is on screen.
  seen() {
    if (this.answer?.rows) this.offers.refresh(this.answer, () => this.trigger("propose"));
  }

  select(label, intoSight) {
    this.table.select(label, intoSight);
    if (this.answer?.statistics) markBin(this.svg, this.answer, label);
  }
}

function wordsOnNumber({ n, filtered }) {
  return `n = ${n}${filtered ? `, ${filtered} filtered out` : ""}`;
}

function wordsOnIntervals({ mixed, over, left_out: leftOut, weighting }) {
  return (
    (mixed ? "Some files have no pixel size: this file alone. " : "") +
    (leftOut ? `Files left out because their outlines are doubtful: ${leftOut}. ` : "") +
    `Distribution ${weighting}. ` +
    "Particles cut by the frame are left out, the others weighted for it. " +
    (over === "images" ? "95 % intervals over the files." : "95 % intervals by bootstrap.")
  );
}

function row([name, meaning, value, low, high], unit) {
  const made = document.createElement("tr");
  made.title = meaning;
  made.dataset.statistic = name;
  const withUnit = value === null || WITHOUT_UNIT.includes(name) ? "" : ` ${unit}`;
  const head = cell("th", STATISTICS[name] ?? name);
  head.scope = "row";
  made.append(
    head,
    cell("td", significant(value) + withUnit),
    cell("td", low === null ? "" : `${significant(low)} to ${significant(high)}`),
  );
  return made;
}

function cell(tag, words) {
  const made = document.createElement(tag);
  made.textContent = words;
  return made;
}
