// Mouse, pen and fingers on the canvas: brush, eraser, particles; a second finger zooms.
let tool = "brush", pointer = null, last = null, before = null, bitsBefore = null, grip = null;
const fingers = new Map();

function place(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * width,
    y: ((event.clientY - box.top) / box.height) * height,
  };
}

function moveCursor(event) {
  const box = stage.getBoundingClientRect();
  const size = (sizeInput.value / width) * canvas.getBoundingClientRect().width;
  cursor.style.width = cursor.style.height = `${size}px`;
  cursor.style.left = `${event.clientX - box.left}px`;
  cursor.style.top = `${event.clientY - box.top}px`;
  cursor.hidden = event.pointerType === "touch" || tool === "particle";
}

function draw(to) {
  const radius = sizeInput.value / 2;
  if (tool === "eraser") {
    settle((one) => away(one, to) < radius + 3 * one.scale);
  }
  sweep(strokes, width, height, last, to, radius, tool === "brush" ? 1 : 0);
  last = to;
}

// A press on a particle takes it, on the ground it places a new one.
function grab(at) {
  let index = hit(at.x, at.y);
  if (index < 0) index = lift(at.x, at.y);
  if (index < 0) {
    particles.push(newParticle(at.x, at.y));
    index = particles.length - 1;
  }
  choose(index);
  grip = { x: at.x - particles[index].x, y: at.y - particles[index].y };
}

function carry(at) {
  if (selected < particles.length - 1) {
    particles.push(...particles.splice(selected, 1)); // what moves lies on top
    selected = particles.length - 1;
  }
  Object.assign(particles[selected], { x: at.x - grip.x, y: at.y - grip.y });
}

function newParticle(x, y) {
  const rings = [bank[Math.floor(Math.random() * bank.length)]];
  return { rings, x, y, scale: sizeInput.value / 2, angle: Math.random() * 2 * Math.PI };
}

function begin(event) {
  pointer = event.pointerId;
  before = snapshot();
  bitsBefore = bits.slice();
  last = place(event);
  clearTimeout(timer);
  tell("drawing");
  if (tool === "particle") grab(last);
  else draw(last);
  compose();
  showFrame();
}

function abandon() {
  if (pointer === null) return;
  pointer = null;
  load(before);
  choose(-1);
  changed();
}

// Two fingers zoom and move the canvas, as the middle button does; one draws.
canvas.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, event);
  if (event.button === 1 || fingers.size > 1) {
    abandon();
    hold([...fingers.values()].slice(0, 2));
  } else if (pointer === null && event.button === 0) begin(event);
});

canvas.addEventListener("pointermove", (event) => {
  moveCursor(event);
  if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event);
  if (held) moveHeld([...fingers.values()].slice(0, 2));
  if (event.pointerId !== pointer) return;
  const moves = event.getCoalescedEvents?.() ?? [];
  for (const move of moves.length ? moves : [event]) {
    const at = place(move);
    if (tool !== "particle") draw(at);
    else if (away(last, at) > 1.5) {
      carry(at);
      last = { x: -9, y: -9 }; // from here on every move counts
    }
  }
  compose();
  showFrame();
});

function release(event) {
  fingers.delete(event.pointerId);
  if (held) hold(fingers.size > 1 ? [...fingers.values()].slice(0, 2) : []);
  if (event.pointerId !== pointer) return;
  pointer = null;
  // To choose a particle is no change of the drawing.
  if (bits.every((bit, at) => bit === bitsBefore[at])) return;
  remember(before);
  changed();
}

canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => (cursor.hidden = true));
