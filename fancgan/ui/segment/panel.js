// The controls around the micrograph: what they show of the server's answer, and what they ask for.
import { numberOf } from "./number_field.js";
import { wordsOnArea } from "./regions.js";

export class Panel {
  // tab: { picture, tools, refresh(), say(state, words), request(action) }.
  constructor(root, tab) {
    this.root = root;
    this.tab = tab;
    this.sheets = root.querySelector(".fa-sheets");
    this.pages = root.querySelector("[data-page]");
    this.models = root.querySelector("[data-model]");
    this.scopeInput = root.querySelector("[data-scope-choice]");
    const choices = [
      [this.sheets, (value) => ({ do: "show", file: Number(value) })],
      [this.pages, (value) => ({ do: "page", number: Number(value) })],
      [this.models, (value) => ({ do: "model", name: value, ...this.scope })],
    ];
    for (const [select, action] of choices) {
      select.addEventListener("change", () => tab.request(action(select.value)));
    }
    for (const input of root.querySelectorAll("[data-set]")) this.attachSetting(input);
  }

  // Whether what is chosen is for all files.
  get scope() {
    const isForAll = this.scopeInput.value === "all" && !this.sheets.hidden;
    return isForAll ? { all: true } : {};
  }

  // live: the value is on its way to another one.
  set(values, live = false) {
    this.tab.request({ do: "set", values, ...this.scope, ...(live && { live }) });
  }

  attachSetting(input) {
    const name = input.dataset.set;
    const send = (event) => {
      const value = input.type === "checkbox" ? input.checked : numberOf(input.value);
      if (Number.isNaN(value)) {
        this.tab.say("done", `${input.value} is not a number`);
        this.tab.refresh();
      } else {
        const known = name === "split" ? (value ?? 0) : value;
        this.set({ [name]: known }, event.type === "input");
      }
    };
    if (input.type === "range") input.addEventListener("input", send);
    input.addEventListener("change", send);
  }

  text(name) {
    return this.root.querySelector(`[data-text=${name}]`);
  }

  // answer: the server's last one, or null.
  refresh(answer) {
    const open = Boolean(answer?.files.length);
    const parts = this.root.querySelectorAll("button[data-tool], [data-do], [data-set]");
    for (const part of parts) part.disabled = !open;
    for (const name of ["forget", "keys", "leave"]) {
      this.root.querySelector(`[data-do=${name}]`).disabled = false;
    }
    this.root.querySelector("[data-do=undo]").disabled = !answer?.can_undo;
    if (!open) return;
    this.root.querySelector("[data-do=redo]").disabled = !answer.can_redo;
    this.root.querySelector("[data-synthetic]").hidden = !answer.synthetic;
    this.showChoices(answer);
    this.showSettings(answer);
    for (const part of this.root.querySelectorAll("[data-any]")) part.hidden = !answer.any_scale;
    for (const part of this.root.querySelectorAll("[data-fixed]")) part.hidden = answer.any_scale;
    this.showTypical(answer);
    this.text("scale").textContent = wordsOnScale(answer);
    this.root.querySelector(".fa-cautions").replaceChildren(...answer.cautions.map(listItem));
  }

  showChoices(answer) {
    const { sheets, pages, models } = this;
    const many = answer.files.length > 1;
    this.text("name").textContent = answer.files[answer.current];
    this.text("name").hidden = many;
    sheets.hidden = !many;
    this.root.querySelector("[data-scope]").hidden = !many;
    this.scopeInput.options[1].textContent = `all ${answer.files.length} files`;
    sheets.replaceChildren(...answer.files.map((name, i) => new Option(name, i)));
    sheets.value = answer.current;
    this.root.querySelector("[data-pages]").hidden = answer.pages < 2;
    pages.replaceChildren(...Array.from({ length: answer.pages }, (_, i) => new Option(i + 1, i)));
    pages.value = answer.settings.page;
    this.root.querySelector("[data-models]").hidden = answer.models.length < 2;
    models.replaceChildren(...answer.models.map(([name, words]) => new Option(words, name)));
    models.value = answer.model;
  }

  showTypical({ settings, diameter_px: found, nm_per_px: nmPerPx, unsure }) {
    const given = settings.diameter_px;
    this.text("typical").textContent = wordsOnDiameter(given ?? found, nmPerPx);
    this.root.querySelector("[data-do=auto]").hidden = given === null;
    const legend = this.root.querySelector("[data-unsure]");
    legend.hidden = !unsure.length;
    legend.querySelector("span").textContent = `unsure: ${unsure.length}`;
  }

  // A field in which somebody is writing keeps what is written.
  showSettings(answer) {
    const { settings, nm_per_px: nmPerPx, height, rows, threshold } = answer;
    const diameter = settings.diameter_px ?? answer.diameter_px;
    const values = {
      diameter_px: diameter && Number(diameter.toPrecision(3)),
      split: settings.split,
      threshold,
      min_area_px: settings.min_area_px,
      nm_per_px: nmPerPx && Number(nmPerPx.toPrecision(6)),
      bar_rows: height - rows,
      top_rows: answer.top_rows,
    };
    for (const [name, value] of Object.entries(values)) {
      const input = this.root.querySelector(`[data-set=${name}]`);
      if (document.activeElement !== input || input.type === "range") input.value = value ?? "";
    }
    this.root.querySelector("[data-set=min_area_px]").placeholder = "model's";
    this.text("threshold").textContent = threshold.toFixed(2);
    this.root.querySelector("[data-do=usual]").hidden = settings.threshold === null;
    for (const name of ["invert", "rescale"]) {
      this.root.querySelector(`[data-set=${name}]`).checked = settings[name];
    }
  }
}

export function wordsOnDiameter(diameterPx, nmPerPx) {
  const nm = diameterPx && nmPerPx ? Number((diameterPx * nmPerPx).toPrecision(3)) : null;
  return nm ? `px across, ${nm} nm` : "px across";
}

export function wordsOnScale(answer) {
  const { nm_per_px: nmPerPx, nm_source: source, settings, written } = answer;
  const bar = answer.height - answer.rows;
  return (
    (nmPerPx
      ? `${Number(nmPerPx.toPrecision(5))} nm per pixel (${source}).`
      : `Pixel size unknown${source ? `: ${source}. Enter` : ": enter"} it, or draw along the ` +
        "scale bar, to get nanometres.") +
    (written?.length ? " Words and bars in the picture, darkened, are left out." : "") +
    (bar ? ` Info bar cut off: the bottom ${bar} rows.` : "") +
    (answer.top_rows ? ` Info bar left out: the top ${answer.top_rows} rows.` : "") +
    wordsOnArea(answer) +
    (settings.edits ? ` Corrections by hand: ${settings.edits}.` : "")
  );
}

function listItem(words) {
  const item = document.createElement("li");
  item.textContent = words;
  return item;
}
