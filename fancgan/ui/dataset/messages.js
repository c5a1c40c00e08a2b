// What the Data set tab says while the server is asked; the inputs go on as they are.
import { part } from "../shared/parts.js";

async function say(state) {
  const dataset = await part("dataset");
  dataset.say(state);
}

export async function previewing(...inputs) {
  await say("previewing");
  return inputs;
}

export async function waiting(...inputs) {
  await say("waiting");
  return inputs;
}

export async function failed() {
  const dataset = await part("dataset");
  dataset.fail();
}

export async function stopped() {
  await say("stopped");
}
