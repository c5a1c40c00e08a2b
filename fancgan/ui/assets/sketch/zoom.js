// Zoom and pan: two fingers, Ctrl and the wheel, the middle button, or the buttons.
const MAX_ZOOM = 12;
let zoom = 1, panX = 0, panY = 0; // of the ground, in shares of the stage

function applyZoom() {
  zoom = Math.max(1, Math.min(MAX_ZOOM, zoom));
  panX = Math.max(1 - zoom, Math.min(0, panX));
  panY = Math.max(1 - zoom, Math.min(0, panY));
  ground.style.transform = `translate(${100 * panX}%, ${100 * panY}%) scale(${zoom})`;
  root.style.setProperty("--fa-zoom", zoom);
  button("fit").textContent = `${zoom < 10 ? zoom.toFixed(1).replace(".0", "") : Math.round(zoom)}×`;
  button("fit").disabled = zoom === 1;
}

// A point of the screen in shares of the stage; without one, its middle.
function share({ clientX, clientY } = {}) {
  const box = stage.getBoundingClientRect();
  if (clientX === undefined) return { x: 0.5, y: 0.5 };
  return { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
}

// Zoom by a factor so that what lay under `from` comes to lie under `to`, both shares of the stage.
function zoomFrom(start, factor, from, to) {
  zoom = Math.max(1, Math.min(MAX_ZOOM, start.zoom * factor));
  panX = to.x - ((from.x - start.panX) * zoom) / start.zoom;
  panY = to.y - ((from.y - start.panY) * zoom) / start.zoom;
  applyZoom();
}

function zoomBy(factor, point) {
  const at = share(point);
  zoomFrom({ zoom, panX, panY }, factor, at, at);
}

// What the fingers, or the mouse with its middle button, hold stays under them: always counted
// from the beginning, so that nothing drifts where a limit was touched on the way.
let held = null;
const middleOf = (points) => ({
  clientX: points.reduce((sum, one) => sum + one.clientX, 0) / points.length,
  clientY: points.reduce((sum, one) => sum + one.clientY, 0) / points.length,
});
const spread = ([a, b]) => (b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1 : 1);

function hold(points) {
  held = points.length && { zoom, panX, panY, at: share(middleOf(points)), apart: spread(points) };
}

function moveHeld(points) {
  zoomFrom(held, spread(points) / held.apart, held.at, share(middleOf(points)));
}

function fit() {
  zoom = 1;
  applyZoom();
}

stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY / 300), event);
}, { passive: false });
