// The first image came with the page.
paint(props.value);
say("done", nmPerPx ? `ready, ${nmPerPx} nm per pixel` : "ready");
document.dispatchEvent(new CustomEvent("fancgan:ready"));
