// The longest round length that fits into a share of the picture's width.

// nm: the length; share: what it takes of the picture's width [pixels].
export function scaleBar(width, nmPerPx, niceNm, maxShare) {
  const room = width * nmPerPx * maxShare;
  const nm = niceNm.filter((length) => length <= room).pop() ?? niceNm[0];
  return { nm, share: nm / (nmPerPx * width), words: nm < 1000 ? `${nm} nm` : `${nm / 1000} µm` };
}
