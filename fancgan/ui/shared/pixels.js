// Pictures of the server as canvases, so that their pixels can be read.

export function surface(width, height) {
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  return made;
}

// The canvas [width, height] of the picture at url, which is a data URL.
export async function pictureOf(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const made = surface(image.naturalWidth, image.naturalHeight);
  made.getContext("2d", { willReadFrequently: true }).drawImage(image, 0, 0);
  return made;
}

// Its RGBA bytes, the first `height` rows of them.
export function bytesOf(canvas, height = canvas.height) {
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, height).data;
}
