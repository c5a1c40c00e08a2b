// Mouse, pen and fingers on the micrograph: each tool's lines and clicks; two fingers zoom.
const CLICK_PX = 4; // a press that moves less is a click
const DRAWN = ["split", "join", "add", "scale", "diameter"]; // tools that draw a line

// tab: { picture, tools, select(label), request(action), askLength() }.
export function attachPointer(tab) {
  const { picture } = tab;
  const { canvas } = picture;
  const pinch = new Pinch(picture);
  let press = null;

  canvas.addEventListener("pointerdown", (event) => {
    if (!picture.base || event.button > 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const here = picture.place(event);
    if (pinch.add(event.pointerId, here)) {
      press = picture.drawn = null;
      tab.regions.cancel();
      return;
    }
    const { tool, brushRadius } = tab.tools;
    const edge = tool === "select" ? picture.edgeAt(here, event.pointerType) : null;
    press = { id: event.pointerId, start: here, last: here, edge };
    if (tool === "region") tab.regions.down(here, event.pointerType);
    picture.drawn = DRAWN.includes(tool) ? [[here.x, here.y]] : null;
    picture.brush = tool === "add" ? brushRadius : null;
    picture.ruled = tool === "scale" || tool === "diameter";
    picture.draw();
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!picture.base) return;
    const here = picture.place(event);
    if (pinch.move(event.pointerId, here)) picture.draw();
    else if (press && press.id === event.pointerId) {
      if (press.edge) picture.moveEdge(press.edge, here.y);
      else if (tab.tools.tool === "region") tab.regions.move(here);
      else drag(picture, tab.tools.tool, press, event, here);
      press.last = here;
      picture.draw();
    } else {
      picture.root.toggleAttribute(
        "data-edge",
        tab.tools.tool === "select" && picture.edgeAt(here, event.pointerType) !== null,
      );
      hover(tab, picture.labels.at(here.x, here.y));
    }
  });

  const lift = (event) => {
    pinch.remove(event.pointerId);
    if (press?.id !== event.pointerId) return;
    const { start, edge } = press;
    const points = picture.drawn;
    press = picture.drawn = null;
    if (edge) {
      const values = picture.leaveEdge();
      if (values) tab.request({ do: "set", values });
      if (values) return;
    }
    if (event.type !== "pointerup") {
      tab.regions.cancel();
      return;
    }
    finish(tab, start, picture.place(event), points);
    picture.draw();
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => {
    hover(tab, 0);
  });
  attachWheel(picture);
}

function attachWheel(picture) {
  const onWheel = (event) => {
    if (!picture.base) return;
    event.preventDefault();
    const here = picture.place(event);
    picture.view.zoom(Math.exp(-event.deltaY * 0.0015), here.px, here.py);
    picture.draw();
  };
  picture.canvas.addEventListener("wheel", onWheel, { passive: false });
}

function hover(tab, label) {
  const { picture } = tab;
  if (label === picture.hovered) return;
  picture.hovered = label;
  tab.showCard();
  picture.draw();
}

// Painting takes every point, a line its two ends; without a line the picture is moved.
function drag(picture, tool, press, event, here) {
  if (tool === "add" && picture.drawn) {
    for (const move of event.getCoalescedEvents?.() ?? [event]) {
      const at = picture.place(move);
      picture.drawn.push([at.x, at.y]);
    }
  } else if (picture.drawn) picture.drawn = [picture.drawn[0], [here.x, here.y]];
  else picture.view.move(here.px - press.last.px, here.py - press.last.py);
}

// What a press from start to here, with the points drawn on the way, asks for.
export function finish(tab, start, here, points) {
  const { picture, tools } = tab;
  const { tool } = tools;
  const moved = Math.hypot(here.px - start.px, here.py - start.py) > CLICK_PX;
  const from = [start.x, start.y];
  const to = [here.x, here.y];
  const label = picture.labels.at(here.x, here.y);
  if (tool === "region") tab.regions.up(here, moved);
  else if (tool === "select" && !moved) tab.select(label);
  else if (tool === "delete" && !moved) {
    if (label) tab.request({ do: "edit", edit: { do: "delete", at: to } });
  } else if ((tool === "split" || tool === "join") && moved) {
    tab.request({ do: "edit", edit: { do: tool, from, to } });
  } else if (tool === "add" && points) {
    tab.request({ do: "edit", edit: { do: "add", points, radius: tools.brushRadius } });
  } else if (tool === "diameter" && moved) {
    tools.onDiameter(Math.hypot(to[0] - from[0], to[1] - from[1]));
  } else if (tool === "scale" && moved) {
    picture.marked = [from, to];
    tab.askLength();
  }
}

// The fingers that are down; two of them zoom the picture.
class Pinch {
  fingers = new Map();
  apart = 0;

  constructor(picture) {
    this.picture = picture;
  }

  // Returns whether with this finger there are two.
  add(id, here) {
    this.fingers.set(id, here);
    if (this.fingers.size !== 2) return false;
    this.apart = this.measure().apart;
    return true;
  }

  // Returns whether the picture was zoomed.
  move(id, here) {
    if (this.fingers.has(id)) this.fingers.set(id, here);
    if (!this.apart || this.fingers.size !== 2) return false;
    const { apart, x, y } = this.measure();
    this.picture.view.zoom(apart / this.apart, x, y);
    this.apart = apart;
    return true;
  }

  remove(id) {
    this.fingers.delete(id);
    if (this.fingers.size < 2) this.apart = 0;
  }

  measure() {
    const [a, b] = this.fingers.values();
    const apart = Math.hypot(a.px - b.px, a.py - b.py);
    return { apart, x: (a.px + b.px) / 2, y: (a.py + b.py) / 2 };
  }
}
