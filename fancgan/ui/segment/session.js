// Work that is not saved: the browser asks before it is left, and keeps it over an accident.
const STORE = "fancgan";
const KEY = "segment";

// Ask the browser's own storage: act(objectStore) makes the request.
function stored(mode, act) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(STORE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(KEY);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const asked = act(opening.result.transaction(KEY, mode).objectStore(KEY));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
      asked.transaction.oncomplete = () => opening.result.close();
    };
  });
}

export class Session {
  unsaved = false;
  files = new Map(); // what was dropped, by its name

  // root: of the tab. input(): the field that takes files.
  constructor(root, input) {
    this.line = root.querySelector(".fa-kept");
    this.words = this.line.querySelector("span");
    this.input = input;
    const [back, forget] = this.line.querySelectorAll("button");
    back.addEventListener("click", () => this.bringBack());
    forget.addEventListener("click", () => this.forget());
    window.addEventListener("beforeunload", (event) => {
      if (this.unsaved) event.preventDefault();
    });
    document.addEventListener("change", (event) => event.target === input() && this.note(), true);
    document.addEventListener("drop", (event) => this.note(event.dataTransfer?.files), true);
    this.offer();
  }

  note(files = this.input()?.files) {
    for (const file of files ?? []) this.files.set(file.name, file);
  }

  // The server's answer: keep what is not saved, and nothing else.
  async receive({ unsaved, session, files }) {
    const wasUnsaved = this.unsaved;
    this.unsaved = Boolean(unsaved);
    if (unsaved) {
      const pictures = [...this.files.values()].filter(({ name }) => isOf(name, files));
      const kept = { at: Date.now(), session, pictures };
      this.line.hidden = true;
      await stored("readwrite", (store) => store.put(kept, KEY)).catch(() => null);
    } else if (wasUnsaved) await this.forget();
  }

  // Everything was saved.
  saved() {
    this.unsaved = false;
    this.forget();
  }

  async offer() {
    this.kept = await stored("readonly", (store) => store.get(KEY)).catch(() => null);
    if (!this.kept || this.unsaved) return;
    this.words.textContent = wordsOnKept(this.kept);
    this.line.hidden = false;
  }

  async forget() {
    this.line.hidden = true;
    await stored("readwrite", (store) => store.delete(KEY)).catch(() => null);
  }

  // Drop the pictures and their settings anew, as a person would.
  bringBack() {
    const { session, pictures } = this.kept;
    const dropped = new DataTransfer();
    const json = JSON.stringify(session);
    dropped.items.add(new File([json], "this browser.json", { type: "application/json" }));
    for (const file of pictures) dropped.items.add(file);
    this.line.hidden = true;
    const input = this.input();
    input.files = dropped.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

// Whether a file on disk is one of the open ones, or stands beside it.
const isOf = (name, open) => open.some((one) => name === one || name.startsWith(`${one}.`));

export function wordsOnKept({ at, session }) {
  const fields = Object.values(session.fields);
  const edits = fields.reduce((sum, { settings }) => sum + settings.edits.length, 0);
  const time = new Date(at).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
  const files = fields.length === 1 ? "1 file" : `${fields.length} files`;
  const corrections = edits === 1 ? "1 correction" : `${edits} corrections`;
  return `Not saved, but kept in this browser since ${time}: ${files}, ${corrections} by hand.`;
}
