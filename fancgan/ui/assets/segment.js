// The segmented micrograph. All words come as text, never as HTML: a file name is a stranger's.
const root = element.querySelector(".fa-result");
const picture = root.querySelector(".fa-picture");
const overlay = root.querySelector(".fa-overlay");
const tabs = [...root.querySelectorAll("[data-show]")];

function receive(result) {
  if (!result) return;
  for (const text of root.querySelectorAll("[data-text]")) {
    text.textContent = result[text.dataset.text];
  }
  picture.src = result.image;
  picture.alt = `Micrograph ${result.name}`;
  picture.width = result.width;
  picture.height = result.height;
  overlay.src = result.overlay;
  root.style.setProperty("--fa-ratio", `${result.width} / ${result.height}`);
  for (const link of root.querySelectorAll("[data-save]")) {
    const file = result.files[link.dataset.save];
    link.href = file.url;
    link.download = file.name;
    link.removeAttribute("aria-disabled");
  }
  root.dataset.token = result.token;
  root.dataset.state = "done";
}

for (const tab of tabs) {
  tab.addEventListener("click", () => {
    root.dataset.shows = tab.dataset.show;
    for (const other of tabs) other.setAttribute("aria-pressed", String(other === tab));
  });
}
root.addEventListener("click", (event) => {
  if (event.target.closest("a[aria-disabled]")) event.preventDefault();
});

watch("value", () => receive(props.value));
receive(props.value);
