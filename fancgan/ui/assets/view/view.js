// The synthetic image. It tells in words how far the picture is behind the drawing.
const root = element.querySelector(".fa-view");
const picture = root.querySelector(".fa-picture");
const status = root.querySelector(".fa-status");
const save = root.querySelector(".fa-save");
const bar = root.querySelector(".fa-bar");
const tabs = [...root.querySelectorAll("[data-show]")];
const nmPerPx = Number(root.dataset.nmPerPx) || 0;
const QUIET_MS = 350;
const NICE_NM = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];

let shown = -1, latest = 0, sentAt = 0, timer = 0, round = -1;
let asking = false, again = false, source = null, refusal = "";

function say(state, words) {
  root.dataset.state = state;
  status.textContent = words;
}

function scaleBar(width) {
  if (!nmPerPx) return;
  const room = width * nmPerPx * 0.22;
  const nm = NICE_NM.filter((length) => length <= room).pop() ?? NICE_NM[0];
  bar.style.setProperty("--fa-bar", `${(100 * nm) / (nmPerPx * width)}%`);
  bar.querySelector("span").textContent = nm < 1000 ? `${nm} nm` : `${nm / 1000} µm`;
  bar.hidden = false;
}

function paint(answer) {
  shown = answer.seq;
  round = answer.round;
  picture.src = answer.image;
  picture.alt = `Synthetic SEM image, seed ${answer.seed}`;
  picture.width = answer.width;
  picture.height = answer.height;
  forgetClasses();
  save.disabled = false;
  root.dataset.round = round;
  root.dataset.seq = answer.seq;
  root.dataset.seed = answer.seed;
  root.classList.remove("fa-none");
  root.style.setProperty("--fa-ratio", `${answer.width} / ${answer.height}`);
  scaleBar(answer.width);
  document.dispatchEvent(new CustomEvent("fancgan:levels", { detail: answer.levels }));
}

// An answer to an older drawing than the one already shown is dropped; "done" is said only
// of the image that belongs to the last stroke.
function receive(answer) {
  if (!answer || answer.seq < shown) return;
  paint(answer);
  if (answer.seq < latest) return;
  say("done", sentAt ? `done in ${((performance.now() - sentAt) / 1000).toFixed(1)} s` : "ready");
  clearTimeout(timer);
  timer = setTimeout(() => root.dataset.state === "done" && trigger("submit"), QUIET_MS);
}

// One question at a time, always with the drawing and look of the moment in which it is sent.
async function ask() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  do {
    again = false;
    const question = { drawing: window.fancganSketch.take(), look: window.fancganLook.take() };
    try {
      const answer = await server.paint_live(question);
      if (answer.error) refuse(answer.error);
      else {
        source = question;
        receive(answer);
      }
    } catch {
      refuse("The server did not answer: please try again.");
    }
  } while (again);
  asking = false;
}

function refuse(words) {
  refusal = words;
  if (root.dataset.state === "painting") say("failed", "not painted: see the message");
  trigger("refused");
}

// What the picture on the page was painted from.
window.fancganView = {
  shown: () => ({
    ...(source ?? { drawing: window.fancganSketch.peek(), look: window.fancganLook.peek() }),
    round,
  }),
  words: () => refusal,
};

const hear = (name, act) => document.addEventListener(`fancgan:${name}`, (e) => act(e.detail));
hear("drawing", () => say("drawing", "drawing…"));
hear("changed", ({ seq }) => {
  latest = seq;
  say("waiting", "drawn, not painted yet");
});
hear("sent", ({ seq, empty }) => {
  latest = seq;
  sentAt = performance.now();
  if (!empty) say("painting", "painting…");
});
hear("empty", ({ seq }) => {
  latest = seq;
  shown = seq;
  clearTimeout(timer);
  root.classList.add("fa-none");
  say("empty", "the canvas is empty");
});
hear("ask", ask);

for (const tab of tabs) {
  tab.addEventListener("click", () => {
    root.dataset.shows = tab.dataset.show;
    for (const other of tabs) other.setAttribute("aria-pressed", String(other === tab));
  });
}
save.addEventListener("click", () => trigger("save"));
