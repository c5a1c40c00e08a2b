// The chosen particle: a frame with handles to resize, turn and delete it.

function extent(one) {
  const all = one.rings.flat();
  const sides = [0, 1].map((axis) => all.map((point) => point[axis]));
  return sides.map((values) => [Math.min(...values), Math.max(...values)]);
}

function showFrame() {
  const one = particles[selected];
  frame.hidden = !one || tool !== "particle";
  root.toggleAttribute("data-chosen", Boolean(one));
  if (!one) return;
  const [[left, right], [top, bottom]] = extent(one);
  const middle = [(left + right) / 2, (top + bottom) / 2];
  const cos = one.scale * Math.cos(one.angle), sin = one.scale * Math.sin(one.angle);
  const x = one.x + cos * middle[0] - sin * middle[1];
  const y = one.y + sin * middle[0] + cos * middle[1];
  frame.style.left = `${(100 * x) / width}%`;
  frame.style.top = `${(100 * y) / height}%`;
  frame.style.width = `${(100 * (right - left) * one.scale) / width}%`;
  frame.style.height = `${(100 * (bottom - top) * one.scale) / height}%`;
  frame.style.transform = `translate(-50%, -50%) rotate(${one.angle}rad)`;
}

function choose(index) {
  selected = index;
  if (index >= 0) sizeInput.value = Math.round(2 * particles[index].scale);
  refresh();
}

const MIN_RADIUS_PX = 2;
const limited = (scale) => Math.max(MIN_RADIUS_PX, Math.min(Math.max(width, height), scale));

// One drag of a handle is one step of undo.
function drag(handle, act) {
  let before = null, start = null, pointerId = null;
  handle.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || !particles[selected]) return;
    event.preventDefault();
    event.stopPropagation();
    handle.setPointerCapture(event.pointerId);
    pointerId = event.pointerId;
    before = snapshot();
    start = { ...particles[selected], at: place(event) };
    tell("drawing");
  });
  handle.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointerId) return;
    act(particles[selected], start, place(event));
    compose();
    refresh();
  });
  const end = (event) => {
    if (event.pointerId !== pointerId) return;
    pointerId = null;
    sizeInput.value = Math.round(2 * particles[selected].scale);
    remember(before);
    changed();
  };
  handle.addEventListener("pointerup", end);
  handle.addEventListener("pointercancel", end);
}

const away = (one, at) => Math.hypot(at.x - one.x, at.y - one.y) || 1;
const towards = (one, at) => Math.atan2(at.y - one.y, at.x - one.x);

drag(find("[data-handle=size]"), (one, start, at) => {
  one.scale = limited((start.scale * away(start, at)) / away(start, start.at));
});
drag(find("[data-handle=turn]"), (one, start, at) => {
  one.angle = start.angle + towards(start, at) - towards(start, start.at);
});
// A finger that places a particle lifts over its handles: only a press on them counts. A tap right
// after a swipe gets no click from the browser, so the lift decides; a click without one is a key's.
const bin = find("[data-handle=delete]");
let pressed = null;
bin.addEventListener("pointerdown", (event) => (pressed = event.pointerId));
bin.addEventListener("pointerup", (event) => {
  const over = document.elementFromPoint(event.clientX, event.clientY);
  if (event.pointerId === pressed && bin.contains(over)) deleteChosen();
  pressed = null;
});
bin.addEventListener("click", (event) => {
  if (event.detail === 0) deleteChosen();
});

function deleteChosen() {
  if (selected < 0) return;
  edit(() => particles.splice(selected, 1));
  choose(-1);
}

// Change the chosen particle by a key.
function adjust(change) {
  if (selected < 0) return;
  edit(() => {
    const one = particles[selected];
    particles[selected] = { ...one, ...change(one) };
  });
  choose(selected);
}
