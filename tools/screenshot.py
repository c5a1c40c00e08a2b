"""Take docs/app.png, the picture of the app in the README; it shows synthetic images only.

    python tools/screenshot.py
    python tools/screenshot.py --bundle runs/bundle --width 390 --tab segment --out phone.png

Needs playwright and Chromium (tests/requirements.txt, bash tests/run). The app is started on a
free port and stopped again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.serving import serve  # noqa: E402  (the tests' way of starting app.py)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Take a picture of the app.")
    parser.add_argument("--bundle", default="tio2-sem")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "app.png")
    parser.add_argument("--width", type=int, default=1280)
    tabs = ("sketch", "cycle", "segment", "dataset")
    parser.add_argument("--tab", choices=tabs, default="sketch")
    parser.add_argument("--dark", action="store_true")
    return parser.parse_args()


def arrange(page: Page, tab: str) -> None:
    """Bring the page to where the picture is taken."""
    page.wait_for_selector("#view .fa-view[data-state=done]")
    page.wait_for_selector("#cycle .fa-cycle[data-state=fresh]")
    if tab == "cycle":
        page.click("[data-show=compare]")
    if tab == "segment":
        page.get_by_role("tab", name="Segment").click()
        page.click("#take-sketch")
        page.wait_for_selector("#result .fa-seg[data-state=done]")
    if tab == "dataset":
        page.get_by_role("tab", name="Data set").click()
        page.click("#set-preview")
        page.wait_for_selector("#set .fa-set[data-state=previewed]")
    page.wait_for_timeout(500)


def main() -> None:
    args = parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        temporary = Path(folder) / "temporary"
        temporary.mkdir()
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            viewport={"width": args.width, "height": 800},
            color_scheme="dark" if args.dark else "light",
        )
        page.set_default_timeout(300_000)
        with serve(args.bundle, temporary) as served:
            page.goto(served.url)
            arrange(page, args.tab)
            page.screenshot(path=args.out, full_page=True)
        browser.close()
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
