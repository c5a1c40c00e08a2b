// Files that wait to be read again are read one after the other; other actions come in between.

export class Rereading {
  total = 0;
  began = 0;

  // request(action): the server shall do it.
  constructor(root, request) {
    this.button = root.querySelector("[data-do=stop]");
    this.request = request;
  }

  // The server's answer, at a time in ms: how far it is, in words, "" when nothing waits.
  receive(waiting, now) {
    if (!waiting) this.total = 0;
    else if (!this.total || waiting >= this.total) {
      this.total = waiting + 1;
      this.began = now;
    }
    this.button.hidden = !waiting;
    return waiting ? wordsOnWaiting(waiting, this.total, now - this.began) : "";
  }

  next() {
    if (this.total) this.request({ do: "reread" });
  }
}

export function wordsOnWaiting(waiting, total, spentMs) {
  const done = total - waiting;
  const words = `reading again ${done + 1} of ${total}`;
  if (done < 2) return words;
  const seconds = Math.ceil((spentMs / 1000 / (done - 1)) * waiting);
  return `${words}, ${seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} left`;
}
