// What the parts of the page tell each other: events of the document, `fancgan:NAME`.
//
//   drawing, changed {seq}, sent {seq, empty}, empty {seq}   how far the drawing is
//   ask                                                      a new image is wanted
//   ready, levels {name: grey level}, cycle {round, ...}     an image, and its check, have come
//   selected {label, from}                                   a particle is chosen
//   saved {name}                                             a file was handed to the browser

export function tell(name, detail = {}) {
  document.dispatchEvent(new CustomEvent(`fancgan:${name}`, { detail }));
}

export function hear(name, act) {
  document.addEventListener(`fancgan:${name}`, (event) => act(event.detail));
}
