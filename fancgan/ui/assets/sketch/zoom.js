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

// Zoom by a factor about a point of the screen; without one, about the middle.
function zoomBy(factor, clientX, clientY) {
  const box = stage.getBoundingClientRect();
  const x = clientX === undefined ? 0.5 : (clientX - box.left) / box.width;
  const y = clientY === undefined ? 0.5 : (clientY - box.top) / box.height;
  const before = zoom;
  zoom = Math.max(1, Math.min(MAX_ZOOM, zoom * factor));
  panX = x - ((x - panX) * zoom) / before;
  panY = y - ((y - panY) * zoom) / before;
  applyZoom();
}

function panBy(dx, dy) {
  const box = stage.getBoundingClientRect();
  panX += dx / box.width;
  panY += dy / box.height;
  applyZoom();
}

function fit() {
  zoom = 1;
  applyZoom();
}

stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
}, { passive: false });
