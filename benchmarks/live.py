"""From the pen's lift to the new image painted, in a real browser.

    python benchmarks/live.py                      # 256 and 512 px square, 50 strokes each
    python benchmarks/live.py --sizes 256 --strokes 20 --bundle runs/bundle

Starts app.py, draws with Chromium (tests/requirements.txt, bash tests/run) and prints medians. The
time runs from the pointerup event to the second animation frame after the decoded image is on the
page. After each stroke the image shown is compared with the one that the bundle paints of the
drawing shown, and with that of the drawing before; then all strokes are drawn without a pause, and
the last image is compared likewise.
"""

from __future__ import annotations

import argparse
import base64
import io
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fancgan import Pipeline  # noqa: E402
from tests.support.serving import serve  # noqa: E402  (the tests' way of starting app.py)

SEED = 7
SAME_GREY = 0.5  # mean difference below which two images are one: threads may round differently
WATCH = """() => {
  const canvas = document.querySelector('#sketch canvas');
  const view = document.querySelector('#view .fa-view');
  const picture = view.querySelector('.fa-picture');
  window.times = { lifted: 0, sent: 0, shown: 0, seq: -1 };
  document.addEventListener('pointerup', () => { window.times.lifted = performance.now(); }, true);
  document.addEventListener('fancgan:sent', () => { window.times.sent = performance.now(); });
  new MutationObserver(async () => {
    const seq = view.dataset.seq;
    await picture.decode();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      Object.assign(window.times, { shown: performance.now(), seq: Number(seq) });
    }));
  }).observe(picture, { attributes: true, attributeFilter: ['src'] });
}"""
IS_PAINTED = """() => {
  const drawing = document.querySelector('#sketch .fa-sketch').dataset;
  const view = document.querySelector('#view .fa-view').dataset;
  return window.times.seq === Number(drawing.seq) && view.seq === drawing.seq
    && view.state === 'done' && window.times.shown > window.times.lifted;
}"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", default="tio2-sem")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--strokes", type=int, default=50)
    parser.add_argument(
        "--rest-ms", type=int, default=1500, help="from an image to the next stroke (default 1500)"
    )
    return parser.parse_args()


def picture(page: Page, expression: str) -> np.ndarray:
    """The grey picture [H, W] of a data URL on the page."""
    url = page.evaluate(expression)
    return np.array(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))).convert("L"))


def drawn(page: Page) -> np.ndarray:
    return picture(page, "document.querySelector('#sketch canvas').toDataURL()") > 99


def shown(page: Page) -> np.ndarray:
    return picture(page, "document.querySelector('#view .fa-picture').src")


def stroke(page: Page, rng: np.random.Generator) -> None:
    box = page.locator("#sketch canvas").bounding_box()
    start = rng.uniform(0.05, 0.95, 2)
    end = np.clip(start + rng.uniform(-0.1, 0.1, 2), 0.02, 0.98)
    (x0, y0), (x1, y1) = (
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=4)
    page.mouse.up()


def belongs(pipe: Pipeline, image: np.ndarray, mask: np.ndarray) -> bool:
    expected = pipe.synthesize(mask, seed=SEED).astype(float)
    return image.shape == mask.shape and np.abs(expected - image).mean() < SAME_GREY


def measure(page: Page, pipe: Pipeline, side: int, strokes: int, rest_ms: int) -> None:
    rng = np.random.default_rng(side)
    page.select_option("#sketch select", f"{side}x{side}")
    page.click("[data-do=clear]")
    page.locator("#sketch input[type=range]").fill(str(round(side / 14)))
    total, waited, right, mistaken = [], [], 0, 0
    before = None
    for number in range(strokes + 2):
        page.wait_for_timeout(rest_ms)
        stroke(page, rng)
        page.wait_for_function(IS_PAINTED, polling="raf")
        times = page.evaluate("window.times")
        mask, image = drawn(page), shown(page)
        if number >= 2:  # the first two warm up
            total.append(times["shown"] - times["lifted"])
            waited.append(times["sent"] - times["lifted"])
            right += belongs(pipe, image, mask)
            mistaken += belongs(pipe, image, before)
        before = mask
    page.click("[data-do=clear]")
    for _ in range(strokes):
        stroke(page, rng)
    page.wait_for_function(IS_PAINTED, polling="raf")
    last = belongs(pipe, shown(page), drawn(page))
    spread = np.quantile(total, [0.1, 0.9])
    print(f"{side} x {side}: median {statistics.median(total):.0f} ms", end="")
    print(f" (10 % to 90 %: {spread[0]:.0f} to {spread[1]:.0f} ms)", end="")
    print(f", of which pause {statistics.median(waited):.0f} ms; n = {len(total)}")
    print(
        f"  image belongs to the last stroke: {right} of {len(total)}, to the one before: "
        f"{mistaken}; after {strokes} strokes without a pause: {'yes' if last else 'NO'}",
        flush=True,
    )


def main() -> None:
    args = parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    pipe = Pipeline.from_pretrained(args.bundle)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        temporary = Path(folder) / "temporary"
        temporary.mkdir()
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.set_default_timeout(120_000)
        with serve(args.bundle, temporary) as served:
            page.goto(served.url)
            page.wait_for_selector("#view .fa-view[data-state=done]")
            page.evaluate(WATCH)
            for side in args.sizes:
                measure(page, pipe, side, args.strokes, args.rest_ms)
        browser.close()


if __name__ == "__main__":
    main()
