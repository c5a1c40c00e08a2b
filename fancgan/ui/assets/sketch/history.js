// Undo and redo, and the pause after which the page asks for a new image.
const PAUSE_MS = 60;
const UNDO_STEPS = 60;
let past = [], future = [];
let seq = 0, timer = 0;

function remember(state) {
  past.push(state);
  if (past.length > UNDO_STEPS) past.shift();
  future = [];
  refresh();
}

function changed(pause = PAUSE_MS) {
  seq += 1;
  root.dataset.seq = seq;
  root.dataset.particles = particles.length;
  clearTimeout(timer);
  if (isEmpty()) {
    tell("empty", { seq });
    return;
  }
  tell("changed", { seq });
  if (liveInput.checked) timer = setTimeout(() => tell("ask"), pause);
}

// Change the drawing by act(), so that it can be undone.
function edit(act) {
  const before = snapshot();
  act();
  compose();
  remember(before);
  changed();
}

function travel(from, to) {
  if (!from.length) return;
  to.push(snapshot());
  load(from.pop());
  refresh();
  changed();
}

// The server's events read the drawing here, at the moment they are sent: never a stale one.
window.fancganSketch = {
  take() {
    clearTimeout(timer);
    tell("sent", { seq, empty: isEmpty() });
    return message();
  },
  peek: message,
  size: () => [height, width],
};
