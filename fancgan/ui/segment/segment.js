// The micrograph and its particles. What is shown is the server's word; a click asks for an action.
import { hear, tell } from "../shared/events.js";
import { offer, part } from "../shared/parts.js";
import { wordsOnParticle } from "./card.js";
import { ColourQuestion } from "./colour.js";
import { attachKeyboard, deleteChosen } from "./keyboard.js";
import { Panel } from "./panel.js";
import { PendingActions } from "./pending_actions.js";
import { Picture } from "./picture.js";
import { attachPointer } from "./pointer.js";
import { Regions } from "./regions.js";
import { Rereading } from "./rereading.js";
import { Session } from "./session.js";
import { Tools } from "./tools.js";

export function mount({ element, props, trigger, watch }) {
  const tab = new SegmentTab(element.querySelector(".fa-seg"), props.colours, trigger);
  hear("selected", ({ label, from }) => from === "picture" || tab.onSelected(label));
  watch("value", () => tab.receive(props.value));
  tab.refresh();
  tab.receive(props.value);
  offer("segment", tab);
}

class SegmentTab {
  constructor(root, colours, trigger) {
    this.root = root;
    this.trigger = trigger;
    this.request = this.request.bind(this);
    this.status = root.querySelector(".fa-status");
    this.card = root.querySelector(".fa-card");
    this.pending = new PendingActions();
    this.picture = new Picture(root, colours);
    this.tools = new Tools(root, this);
    this.regions = new Regions(root, this);
    this.picture.regions = this.regions;
    this.panel = new Panel(root, this);
    this.colour = new ColourQuestion(root, this.request);
    this.rereading = new Rereading(root, this.request);
    this.session = new Session(root, () => document.querySelector("#micrograph input[type=file]"));
    hear("saved", ({ name }) => name.endsWith("_results.zip") && this.session.saved());
    attachKeyboard(this);
    attachPointer(this);
  }

  say(state, words) {
    this.root.dataset.state = state;
    this.status.textContent = words;
  }

  request(action) {
    this.pending.add(action);
    this.say("busy", "working…");
    this.trigger("input");
  }

  refresh() {
    this.panel.refresh(this.picture.answer);
    this.tools.refresh();
    this.regions.refresh();
  }

  async receive(answer) {
    if (!answer) return;
    this.colour.show(answer);
    this.panel.text("said").textContent = answer.said ?? "";
    this.session.receive(answer);
    if (answer.files.length) await this.show(answer);
    else this.empty(answer);
  }

  empty(answer) {
    this.panel.text("name").textContent = "Particles";
    delete this.root.dataset.opening;
    this.say("none", "");
    this.picture.clear(answer);
    this.refresh();
  }

  async show(answer) {
    const { picture, root } = this;
    const another = await picture.receive(answer);
    this.regions.receive(another);
    if (another) this.tools.forget();
    if (!picture.labels.boxes.has(picture.selected)) this.select(0);
    picture.paint();
    if (answer.failed) document.activeElement?.blur();
    this.refresh();
    root.dataset.token = answer.token;
    root.dataset.count = answer.count;
    if (!answer.note) delete root.dataset.opening;
    const again = this.rereading.receive(answer.waiting, performance.now());
    const more = answer.note ? `opening ${answer.note}` : again;
    if (!this.pending.isEmpty) this.say("busy", "working…");
    else this.say(more ? "busy" : "done", wordsOnCount(answer) + (more && `, ${more}`));
    this.showCard();
    if (this.pending.isEmpty && !more) requestAnimationFrame(() => this.seen());
    if (again && this.pending.isEmpty && !answer.note) this.rereadNext();
  }

  // What is on screen stays in use meanwhile: what somebody does goes first.
  rereadNext() {
    const words = this.status.textContent;
    this.rereading.next();
    this.say("busy", words);
  }

  // The answer is on screen: what may help is asked for now.
  async seen() {
    (await part("sizes")).seen();
  }

  // The card of the particle under the pointer, or of the chosen one.
  async showCard() {
    const { hovered, selected } = this.picture;
    const { answer } = await part("sizes");
    const words = answer && wordsOnParticle(answer, hovered || selected);
    this.card.hidden = !words;
    this.card.textContent = words;
  }

  select(label) {
    this.mark(label);
    tell("selected", { label, from: "picture" });
    this.picture.draw();
  }

  mark(label) {
    this.picture.selected = label;
    this.root.dataset.selected = label;
    this.showCard();
  }

  // A particle was chosen elsewhere: bring it into sight.
  onSelected(label) {
    const { picture } = this;
    if (!picture.base) return;
    this.mark(label);
    this.bringIntoSight(label);
  }

  bringIntoSight(label) {
    const { picture } = this;
    const box = picture.labels.boxes.get(label);
    if (box) picture.view.centre((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2);
    picture.draw();
  }

  // The ends of a scale bar that is offered, or null.
  markOffered(ends) {
    this.picture.offered = ends;
    this.picture.draw();
    this.root.toggleAttribute("data-bar", Boolean(ends));
  }

  deleteChosen() {
    deleteChosen(this);
  }

  askLength() {
    this.tools.ask();
  }

  // For the server's events: the actions that wait, and how it goes.
  take() {
    return this.pending.take();
  }

  opening() {
    this.root.dataset.opening = "";
    this.say("busy", "reading…");
  }

  // The server has ended; where it gave its last answer already, nothing is left to say.
  opened() {
    if ("opening" in this.root.dataset) this.failed("stopped: what was read is open");
  }

  failed(words = "not done: see the message") {
    this.pending.take();
    delete this.root.dataset.opening;
    if (this.picture.isOpen) {
      document.activeElement?.blur();
      this.refresh();
      this.say("done", words);
    } else this.say("none", "");
  }
}

function wordsOnCount({ count, withheld }) {
  const one = withheld ? "outline" : "particle";
  return `${count} ${one}${count === 1 ? "" : "s"}${withheld ? ", doubtful" : ""}`;
}
