// The preview of a data set, and how far its making is. The state is said in words.
import { offer } from "../shared/parts.js";

const WAITS = {
  previewing: "painting…",
  waiting: "waiting for its turn…",
  stopping: "stopping…",
  failed: "not made: see the message",
  stopped: "stopped, nothing was kept",
};

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector(".fa-set");
  const tiles = root.querySelector(".fa-tiles");
  const progress = root.querySelector("progress");
  const status = root.querySelector(".fa-status");
  let token = null;

  function say(state, words = WAITS[state]) {
    root.dataset.state = state;
    status.textContent = words;
  }

  // What was stopped may still be heard of: its next pair, or that it did not end well.
  const isStopped = () => ["stopping", "stopped"].includes(root.dataset.state);

  const acts = {
    none: () => say("none", ""),
    previewed(value) {
      tiles.replaceChildren(...value.tiles.map(tile));
      say("previewed", `the first ${value.tiles.length} of ${value.n}`);
    },
    making(value) {
      progress.max = value.n;
      progress.value = value.done;
      say("making", `${value.done} of ${value.n} pairs${timeLeft(value.seconds_left)}`);
    },
    done(value) {
      progress.max = progress.value = value.n;
      say("done", `${value.n} pairs are ready`);
    },
  };

  function receive(value) {
    if (!value || value.token === token) return;
    token = value.token;
    if (isStopped() && value.state === "making") return;
    acts[value.state](value);
  }

  root.querySelector("[data-do=stop]").addEventListener("click", () => {
    say("stopping");
    trigger("stop");
  });
  watch("value", () => receive(props.value));
  offer("dataset", { say, fail: () => isStopped() || say("failed") });
}

function timeLeft(seconds) {
  if (seconds === null || seconds === undefined) return "";
  return seconds < 90 ? `, ${seconds} s left` : `, ${Math.round(seconds / 60)} min left`;
}

function tile(pair) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const covered = (100 * pair.coverage).toFixed(1);
  caption.textContent = `${pair.particles} particles, ${covered} % covered, ${pair.split}`;
  figure.append(
    picture(pair.image, "Synthetic image"),
    picture(pair.outlined, "Its particles outlined"),
    caption,
  );
  return figure;
}

function picture(source, words) {
  const image = new Image();
  image.src = source;
  image.alt = words;
  return image;
}
