// The drawing canvas: its elements, and the words it says to the rest of the page.
const root = element.querySelector(".fa-sketch");
const find = (selector) => root.querySelector(selector);
const canvas = find("canvas");
const stage = find(".fa-stage"), ground = find(".fa-zoomed");
const cursor = find(".fa-cursor"), frame = find(".fa-frame");
const sizeInput = find("input[type=range]"), sizeText = find(".fa-size");
const sideInput = find("select");
const liveInput = find("input[type=checkbox]");
const button = (name) => find(`[data-do=${name}]`);
const context = canvas.getContext("2d");
const nmPerPx = Number(root.dataset.nmPerPx) || 0;
const bank = JSON.parse(root.dataset.bank);

const tell = (name, detail = {}) =>
  document.dispatchEvent(new CustomEvent(`fancgan:${name}`, { detail }));
