// Masks, one byte a pixel, as the lengths of alternating runs, the first of background.

export function toRuns(pixels) {
  const runs = [];
  let colour = 0,
    start = 0;
  for (let i = 0; i < pixels.length; i++) {
    if (pixels[i] !== colour) {
      runs.push(i - start);
      start = i;
      colour = pixels[i];
    }
  }
  runs.push(pixels.length - start);
  return runs;
}

export function fromRuns(runs, length) {
  const pixels = new Uint8Array(length);
  let at = 0;
  runs.forEach((run, i) => {
    if (i % 2) pixels.fill(1, at, at + run);
    at += run;
  });
  return pixels;
}
