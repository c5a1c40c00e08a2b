// The parts of the page by name. Whoever needs one waits for it here: a part comes with its tab,
// and an event of the server may come sooner.
const entries = new Map();

function entry(name) {
  if (!entries.has(name)) {
    const made = {};
    made.promise = new Promise((resolve) => {
      made.resolve = resolve;
    });
    entries.set(name, made);
  }
  return entries.get(name);
}

// A part that comes again replaces the one before.
export function offer(name, part) {
  entry(name).resolve(part);
  entries.set(name, { promise: Promise.resolve(part), resolve() {} });
}

export const part = (name) => entry(name).promise;
export const parts = (...names) => Promise.all(names.map(part));
