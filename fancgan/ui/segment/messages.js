// What the server's events take from the Segment tab, and what the tab says meanwhile.
import { part } from "../shared/parts.js";

export async function actions(openFiles) {
  const segment = await part("segment");
  return [openFiles, segment.take()];
}

export async function opening(...inputs) {
  const segment = await part("segment");
  segment.opening();
  return inputs;
}

export async function working(...inputs) {
  const segment = await part("segment");
  segment.say("busy", "working…");
  return inputs;
}

export async function opened() {
  const segment = await part("segment");
  segment.opened();
}

export async function stopping() {
  const segment = await part("segment");
  segment.say("busy", "stopping…");
}

export async function failed() {
  const segment = await part("segment");
  segment.failed();
}

export async function wantedFile(openFiles) {
  const sizes = await part("sizes");
  return [openFiles, sizes.wanted];
}

export async function savingFailed() {
  const sizes = await part("sizes");
  sizes.ready();
}
