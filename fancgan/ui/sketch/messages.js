// What the server's events take from the Sketch tab, at the moment they are sent.
import { part, parts } from "../shared/parts.js";

export async function shownImage() {
  const view = await part("view");
  return [await view.shown()];
}

export async function imageToSave() {
  const view = await part("view");
  return [await view.shown(), view.wantedFile()];
}

export async function refusal() {
  const view = await part("view");
  return [view.words()];
}

export async function fourLooks() {
  const [sketch, look] = await parts("sketch", "look");
  return [sketch.peek(), { look: look.take(), seeds: look.seeds() }];
}

export async function drawing() {
  const sketch = await part("sketch");
  return [sketch.peek()];
}

export async function canvasSize() {
  const sketch = await part("sketch");
  return [sketch.size()];
}

export async function ownLayout() {
  const [layout, sketch] = await parts("layout", "sketch");
  return [layout.take(), sketch.size()];
}
