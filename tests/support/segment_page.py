"""The Segment tab as the tests use it: files in, clicks on the picture, figures, files out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


# Resolves when an element has not moved for some frames: what comes beside it may still shift it.
AT_REST = """element => new Promise((resolve) => {
  let [last, still] = ["", 0];
  const look = () => {
    const here = JSON.stringify(element.getBoundingClientRect());
    still = here === last ? still + 1 : 0;
    last = here;
    if (still < 20) requestAnimationFrame(look);
    else resolve();
  };
  look();
})"""


def open_segment(page: Page, *paths: Path) -> None:
    """Drop files into the Segment tab and wait for the last of them."""
    page.get_by_role("tab", name="Segment").click()
    before = page.get_attribute("#result .fa-seg", "data-token")
    page.set_input_files("#micrograph input[type=file]", paths)
    answered(page, before)


def answered(page: Page, before: str | None) -> None:
    """Wait for the answer after the one with the token `before`, on both sides of the tab."""
    page.wait_for_function(
        """before => {
          const picture = document.querySelector('#result .fa-seg').dataset;
          const numbers = document.querySelector('#sizes .fa-sizes').dataset;
          return picture.state === 'done' && picture.token !== (before ?? undefined)
            && ['done', 'withheld'].includes(numbers.state);
        }""",
        arg=before,
    )


def does(page: Page, act: Callable[[], object]) -> None:
    """Do something that makes the server answer, and wait for that."""
    before = page.get_attribute("#result .fa-seg", "data-token")
    act()
    answered(page, before)


def count(page: Page) -> int:
    return int(page.get_attribute("#result .fa-seg", "data-count"))


def d50(page: Page) -> str:
    return page.inner_text("#sizes [data-statistic=median] td")


def table(page: Page) -> list[list[str]]:
    rows = page.locator("#sizes tr[data-label]")
    return [rows.nth(i).locator("td").all_inner_texts() for i in range(rows.count())]


def on_picture(
    page: Page, x: float, y: float, size: tuple[int, int] = (420, 340)
) -> tuple[float, float]:
    """Where a pixel of the fitted picture of that width and height lies on the screen."""
    canvas = page.locator("#result canvas")
    canvas.scroll_into_view_if_needed()
    canvas.evaluate(AT_REST)
    box = canvas.bounding_box()
    width, height = size
    scale = min(box["width"] / width, box["height"] / height)
    left = box["x"] + (box["width"] - width * scale) / 2
    top = box["y"] + (box["height"] - height * scale) / 2
    return left + x * scale, top + y * scale


def saved(page: Page, what: str, path: Path) -> Path:
    with page.expect_download() as caught:
        page.click(f"#sizes [data-save={what}]")
    path = path / caught.value.suggested_filename
    caught.value.save_as(path)
    return path
