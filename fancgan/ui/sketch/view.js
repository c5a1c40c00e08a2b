// The synthetic image. It tells in words how far the picture is behind the drawing.
import { hear, tell } from "../shared/events.js";
import { offer, parts } from "../shared/parts.js";
import { scaleBar } from "../shared/scale_bar.js";
import { Comparison } from "./compare.js";

const QUIET_MS = 350; // after which the image is checked

export function mount({ element, props, trigger, server }) {
  const root = element.querySelector(".fa-view");
  const view = new View(root, { props, trigger, server });
  attachTabs(root);
  for (const button of view.saves) {
    button.addEventListener("click", () => {
      view.wanted = { pair: "pair" in button.dataset };
      trigger("save");
    });
  }
  hear("zoomed", (zoom) => view.zoomTo(zoom));
  hear("drawing", () => view.say("drawing", "drawing…"));
  hear("changed", ({ seq }) => {
    view.latest = seq;
    view.say("waiting", "drawn, not painted yet");
  });
  hear("sent", (sent) => view.onSent(sent));
  hear("empty", ({ seq }) => view.onEmpty(seq));
  hear("ask", () => view.ask());
  offer("view", view);

  // The first image came with the page.
  view.paint(props.value);
  view.say("done", props.nm_per_px ? `ready, ${props.nm_per_px} nm per pixel` : "ready");
  tell("ready");
}

function attachTabs(root) {
  const tabs = [...root.querySelectorAll("[data-show]")];
  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      root.dataset.shows = tab.dataset.show;
      for (const other of tabs) other.setAttribute("aria-pressed", String(other === tab));
    });
  }
}

class View {
  shownSeq = -1; // numbers of the drawings shown, and drawn last
  latest = 0;
  round = -1; // mark of the image shown
  source = null; // the question that it answers
  sentAt = 0;
  timer = 0;
  asking = false;
  again = false;
  refused = "";
  wanted = {}; // the file that is asked for
  zoom = 1;

  constructor(root, { props, trigger, server }) {
    Object.assign(this, { root, props, trigger, server });
    this.picture = root.querySelector(".fa-picture");
    this.status = root.querySelector(".fa-status");
    this.saves = [...root.querySelectorAll(".fa-save")];
    this.strip = root.querySelector("[data-strip]");
    this.comparison = new Comparison(root, (round) => round === this.round);
  }

  say(state, words) {
    this.root.dataset.state = state;
    this.status.textContent = words;
  }

  paint(answer) {
    const { root, picture } = this;
    const { width, height } = answer;
    this.shownSeq = answer.seq;
    this.round = answer.round;
    picture.src = answer.image;
    picture.alt = `Synthetic SEM image, seed ${answer.seed}`;
    picture.width = width;
    picture.height = height;
    this.comparison.forget();
    for (const button of this.saves) button.disabled = false;
    root.dataset.round = answer.round;
    root.dataset.seq = answer.seq;
    root.dataset.seed = answer.seed;
    root.classList.remove("fa-none");
    root.style.setProperty("--fa-ratio", `${width} / ${height}`);
    this.nmPerPx = answer.nm_per_px;
    this.showScale(width);
    tell("levels", answer);
  }

  showScale(width) {
    const { nmPerPx } = this;
    const { nice_nm: niceNm, bar_share: share } = this.props;
    const bar = this.root.querySelector(".fa-bar");
    bar.hidden = true;
    if (!nmPerPx) return;
    const scale = scaleBar(width / this.zoom, nmPerPx, niceNm, share);
    bar.style.setProperty("--fa-bar", `${100 * scale.share}%`);
    bar.querySelector("span").textContent = scale.words;
    bar.hidden = false;
  }

  onSent({ seq, empty }) {
    this.latest = seq;
    this.sentAt = performance.now();
    if (!empty) this.say("painting", "painting…");
  }

  onEmpty(seq) {
    this.latest = seq;
    this.shownSeq = seq;
    clearTimeout(this.timer);
    this.root.classList.add("fa-none");
    this.say("empty", "the canvas is empty");
  }

  // One question at a time, always with the drawing and look of the moment in which it is sent.
  async ask() {
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    const [sketch, look] = await parts("sketch", "look");
    do {
      this.again = false;
      await this.askOnce({ drawing: sketch.take(), look: look.take() });
    } while (this.again);
    this.asking = false;
  }

  async askOnce(question) {
    try {
      const answer = await this.server.paint_live(question);
      if (answer.error) this.refuse(answer.error);
      else {
        this.source = question;
        this.receive(answer);
      }
    } catch {
      this.refuse("The server did not answer: please try again.");
    }
  }

  // An answer to an older drawing than the one already shown is dropped; "done" is said only
  // of the image that belongs to the last stroke.
  receive(answer) {
    if (!answer || answer.seq < this.shownSeq) return;
    this.paint(answer);
    if (answer.seq < this.latest) return;
    const seconds = (performance.now() - this.sentAt) / 1000;
    this.say("done", this.sentAt ? `done in ${seconds.toFixed(1)} s` : "ready");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.root.dataset.state === "done") this.trigger("submit");
    }, QUIET_MS);
  }

  refuse(words) {
    this.refused = words;
    if (this.root.dataset.state === "painting") this.say("failed", "not painted: see the message");
    this.trigger("refused");
  }

  // What the picture on the page was painted from.
  async shown() {
    if (this.source) return { ...this.source, round: this.round };
    const [sketch, look] = await parts("sketch", "look");
    return { drawing: sketch.peek(), look: look.peek(), round: this.round };
  }

  wantedFile() {
    return { ...this.wanted, strip: this.strip.checked };
  }

  // The picture is shown as large as the drawing, and the same part of it.
  zoomTo({ zoom, panX, panY }) {
    this.zoom = zoom;
    this.picture.style.transform = `translate(${100 * panX}%, ${100 * panY}%) scale(${zoom})`;
    this.showScale(this.picture.width);
  }

  words() {
    return this.refused;
  }
}
