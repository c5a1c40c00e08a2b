// The one question of pictures in colour: by what they are measured.
export class ColourQuestion {
  // request(action): the server shall open them, or leave them.
  constructor(root, request) {
    this.form = root.querySelector(".fa-colour");
    this.words = this.form.querySelector("[data-text=colour]");
    const channel = this.form.querySelector("select");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      request({ do: "colour", channel: channel.value });
    });
  }

  show({ asked = [] }) {
    this.form.hidden = !asked.length;
    const more = asked.length > 1 ? ` and ${asked.length - 1} more are` : " is";
    this.words.textContent = asked.length ? `${asked[0]}${more} in colour. Measure by` : "";
  }
}
