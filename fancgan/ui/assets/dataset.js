// The preview of a data set, and how far its making is. The state is said in words.
const root = element.querySelector(".fa-set");
const tiles = root.querySelector(".fa-tiles");
const status = root.querySelector(".fa-status");
const progress = root.querySelector("progress");
let token = null;

function say(state, words) {
  root.dataset.state = state;
  status.textContent = words;
}

function left(seconds) {
  if (seconds === null || seconds === undefined) return "";
  return seconds < 90 ? `, ${seconds} s left` : `, ${Math.round(seconds / 60)} min left`;
}

function picture(source, words) {
  const image = new Image();
  image.src = source;
  image.alt = words;
  return image;
}

function tile(one) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const covered = (100 * one.coverage).toFixed(1);
  caption.textContent = `${one.particles} particles, ${covered} % covered, ${one.split}`;
  figure.append(
    picture(one.image, "Synthetic image"),
    picture(one.outlined, "Its particles outlined"),
    caption,
  );
  return figure;
}

const acts = {
  none: () => say("none", ""),
  previewed(value) {
    tiles.replaceChildren(...value.tiles.map(tile));
    say("previewed", `the first ${value.tiles.length} of ${value.n}`);
  },
  making(value) {
    progress.max = value.n;
    progress.value = value.done;
    say("making", `${value.done} of ${value.n} pairs${left(value.seconds_left)}`);
  },
  done(value) {
    progress.max = progress.value = value.n;
    say("done", `${value.n} pairs are ready`);
  },
  stopped: () => say("stopped", "stopped, nothing was kept"),
};

const waits = {
  previewing: "painting…",
  waiting: "waiting for its turn…",
  stopping: "stopping…",
  failed: "not made: see the message",
};
window.fancganSet = { say: (state) => say(state, waits[state]) };

root.querySelector("[data-do=stop]").addEventListener("click", () => {
  window.fancganSet.say("stopping");
  trigger("stop");
});

watch("value", () => {
  const value = props.value;
  if (!value || value.token === token) return;
  token = value.token;
  if (root.dataset.state === "stopping" && value.state === "making") return;
  acts[value.state](value);
});
