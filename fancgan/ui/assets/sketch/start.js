// What is shown of the state, the remaining inputs, and masks that come from the server.
let token = null;

function refresh() {
  button("undo").disabled = !past.length;
  button("redo").disabled = !future.length;
  for (const name of ["brush", "eraser", "particle"]) {
    button(name).setAttribute("aria-pressed", String(tool === name));
  }
  root.dataset.tool = tool;
  const nm = nmPerPx ? ` · ${Math.round(sizeInput.value * nmPerPx)} nm` : "";
  sizeText.textContent = `${sizeInput.value} px${nm}`;
  const side = `${width}x${height}`;
  if (![...sideInput.options].some((option) => option.value === side)) {
    sideInput.add(new Option(`${width} × ${height}`, side));
  }
  sideInput.value = side;
  showFrame();
}

// The slider is the size of the chosen particle, or of what is drawn next.
let sizing = null;
sizeInput.addEventListener("input", () => {
  if (selected >= 0) {
    sizing = sizing ?? snapshot();
    particles[selected].scale = limited(sizeInput.value / 2);
    compose();
  }
  refresh();
});
sizeInput.addEventListener("change", () => {
  if (!sizing) return;
  remember(sizing);
  sizing = null;
  changed();
});
sideInput.addEventListener("change", () => {
  const before = snapshot();
  crop(...sideInput.value.split("x").map(Number));
  remember(before);
  fit();
  changed(0);
});
liveInput.addEventListener("change", () => liveInput.checked && changed());

watch("value", () => {
  if (!props.value || props.value.token === token) return;
  token = props.value.token;
  remember(snapshot());
  load(props.value);
  fit();
  refresh();
  changed(0);
});

token = props.value.token;
load(props.value);
root.dataset.seq = seq;
root.dataset.particles = 0;
applyZoom();
refresh();
