// What may help where outlines are doubtful: small previews to click, or one line in words.
export class Offers {
  asked = null; // the mark of the outlines that offers were asked for

  // request(action): the server shall do what was chosen. mark(ends): a line is shown, or none.
  constructor(root, request, mark) {
    this.mark = mark;
    this.list = root.querySelector(".fa-offers");
    this.head = root.querySelector("[data-text=offers]");
    this.request = request;
  }

  // The outlines of the server's answer are on screen; ask(): offers are wanted for them.
  refresh({ found, withheld, may_propose: mayPropose }, ask) {
    if (!mayPropose) this.clear();
    else if (found !== this.asked) {
      this.clear();
      this.asked = found;
      if (withheld) this.head.textContent = "Trying other settings…";
      this.list.ariaBusy = "true";
      ask();
    }
  }

  clear() {
    this.asked = null;
    this.list.ariaBusy = "false";
    this.head.textContent = "";
    this.list.replaceChildren();
    this.mark(null);
  }

  receive({ found, offers, done }) {
    if (found !== this.asked) return;
    this.list.ariaBusy = String(!done);
    const pictures = offers.some((offer) => offer.image);
    this.head.textContent = pictures ? "With other settings; a click takes them:" : "";
    if (!done && !pictures) this.head.textContent = "Trying other settings…";
    this.list.replaceChildren(...offers.map((offer) => this.card(offer)));
    this.mark(offers.find((offer) => offer.bar)?.bar ?? null);
  }

  card(offer) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = offer.image ? "fa-offer" : "fa-offer-words";
    if (offer.image) {
      const image = new Image();
      image.src = offer.image;
      image.alt = "";
      made.append(image);
    }
    made.append(line(offer.words));
    if (offer.image) made.append(line(figuresOf(offer)));
    made.addEventListener("click", () => this.request(offer.action));
    return made;
  }
}

// How many outlines a preview has, and how far the model trusts them.
export function figuresOf({ count, confidence }) {
  const outlines = `${count} outline${count === 1 ? "" : "s"}`;
  return confidence === null ? outlines : `${outlines}, confidence ${confidence.toFixed(2)}`;
}

function line(words) {
  const made = document.createElement("span");
  made.textContent = words;
  return made;
}
