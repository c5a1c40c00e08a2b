"""The page under fingers, on a phone: Chromium's own touch events, several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support import browsing
from tests.support.browsing import too_wide
from tests.support.sketch_page import handle, mask, painted, regions, spot

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [*browsing.MARKS, pytest.mark.parametrize("page", ["phone"], indirect=True)]
STEPS = 6
Point = tuple[float, float]


class Fingers:
    """Fingers on the screen; each is where it was put or moved to last."""

    def __init__(self, page: Page):
        self._session = page.context.new_cdp_session(page)
        self._at: list[Point] = []

    def put(self, *points: Point) -> None:
        """Put further fingers down, one after the other."""
        for point in points:
            self._at.append(point)
            self._send("touchStart")

    def move(self, *points: Point) -> None:
        """Move all fingers at once, in small steps."""
        begun = list(self._at)
        for step in range(1, STEPS + 1):
            share = step / STEPS
            pairs = zip(begun, points, strict=True)
            self._at = [(x + (u - x) * share, y + (v - y) * share) for (x, y), (u, v) in pairs]
            self._send("touchMove")

    def lift(self) -> None:
        self._at = []
        self._send("touchEnd")

    def _send(self, kind: str) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(self._at)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture
def fingers(page) -> Fingers:
    """Fingers over an empty canvas that is in sight."""
    page.click("[data-do=clear]")
    page.locator("#sketch canvas").scroll_into_view_if_needed()
    return Fingers(page)


def swipe(fingers: Fingers, start: Point, end: Point) -> None:
    fingers.put(start)
    fingers.move(end)
    fingers.lift()


def zoom(page: Page) -> float:
    return float(page.inner_text("[data-do=fit]").rstrip("×"))


def test_a_finger_draws(page, fingers):
    assert too_wide(page) <= 0
    assert page.locator("#sketch canvas").bounding_box()["width"] > 320
    scrolled = page.evaluate("scrollY")
    swipe(fingers, spot(page, 200, 100), spot(page, 200, 400))
    rows, columns = np.nonzero(mask(page))
    assert np.ptp(rows) > 300 and abs(columns.mean() - 200) < 3
    assert page.evaluate("scrollY") == scrolled, "a stroke does not scroll the page"
    painted(page, 1)
    page.wait_for_selector("#cycle .fa-cycle[data-state=fresh]")
    assert page.inner_text("[data-figure=drawn]") == "1"


def test_two_fingers_zoom_about_what_is_between_them(page, fingers):
    left, right = spot(page, 300, 256), spot(page, 400, 256)
    fingers.put(left, right)
    fingers.move((left[0] - 50, left[1]), (right[0] + 50, right[1]))
    fingers.lift()
    apart = right[0] - left[0]
    assert zoom(page) == pytest.approx((apart + 100) / apart, abs=0.06)
    held = spot(page, 300, 256)
    assert held == pytest.approx((left[0] - 50, left[1]), abs=1.5), "what a finger holds, it keeps"
    assert not mask(page).any(), "two fingers draw nothing"
    assert page.is_disabled("[data-do=redo]")
    # One finger draws where it is, also under zoom.
    swipe(fingers, spot(page, 320, 250), spot(page, 340, 250))
    rows, columns = np.nonzero(mask(page))
    assert (rows.mean(), columns.mean()) == pytest.approx((250, 330), abs=1.5)
    # Closer again until the whole canvas is seen.
    fingers.put((60, 300), (320, 300))
    fingers.move((170, 300), (200, 300))
    fingers.lift()
    assert zoom(page) == 1


def test_two_fingers_move_what_is_zoomed(page, fingers):
    for _ in range(4):
        page.tap("[data-do=closer]")
    x, y = spot(page, 384, 256)
    fingers.put((x - 20, y), (x + 20, y))
    fingers.move((x + 25, y - 30), (x + 65, y - 30))
    fingers.lift()
    assert spot(page, 384, 256) == pytest.approx((x + 45, y - 30), abs=1.5)
    assert zoom(page) == pytest.approx(5.1, abs=0.1)
    assert not mask(page).any()


def test_a_second_finger_takes_back_what_the_first_began(page, fingers):
    swipe(fingers, spot(page, 600, 400), spot(page, 650, 400))
    kept = mask(page)
    x, y = spot(page, 200, 200)
    fingers.put((x, y))
    fingers.move((x + 30, y))
    assert mask(page).sum() > kept.sum()
    fingers.put((x + 80, y))
    fingers.move((x + 20, y), (x + 120, y))
    fingers.lift()
    assert np.array_equal(mask(page), kept)
    page.tap("[data-do=undo]")
    assert not mask(page).any(), "the stroke that was taken back is no step of undo"


def test_a_finger_places_carries_and_deletes_a_particle(page, fingers):
    page.tap("[data-do=particle]")
    page.touchscreen.tap(*spot(page, 300, 200))
    first = mask(page)
    assert len(regions(first)) == 1
    swipe(fingers, spot(page, 300, 200), spot(page, 450, 300))
    moved = mask(page)
    assert moved.sum() == pytest.approx(first.sum(), rel=0.05)
    rows, columns = np.nonzero(moved)
    assert (rows.mean(), columns.mean()) == pytest.approx((300, 450), abs=8)
    # The particle lies at a random angle: outwards is away from its middle.
    (x, y), middle = handle(page, "size"), spot(page, 450, 300)
    swipe(fingers, (x, y), (x + (x - middle[0]) / 2, y + (y - middle[1]) / 2))
    larger = mask(page)
    assert larger.sum() > 1.2 * moved.sum()
    x, y = handle(page, "turn")
    swipe(fingers, (x, y), (x - (y - middle[1]), y + (x - middle[0])))
    assert not np.array_equal(mask(page), larger)
    assert page.locator("#sketch [data-handle=delete]").bounding_box()["width"] >= 30
    page.tap("#sketch [data-handle=delete]")
    page.wait_for_selector("#view .fa-view[data-state=empty]")
    assert not mask(page).any()
    for _ in range(4):
        page.tap("[data-do=undo]")
    assert np.array_equal(mask(page), first)


def test_a_particle_that_was_drawn_can_be_carried(page, fingers):
    swipe(fingers, spot(page, 200, 200), spot(page, 230, 200))
    first = mask(page)
    page.tap("[data-do=particle]")
    swipe(fingers, spot(page, 215, 200), spot(page, 315, 200))
    rows, columns = np.nonzero(mask(page))
    assert columns.mean() - np.nonzero(first)[1].mean() == pytest.approx(100, abs=3)
    assert rows.mean() == pytest.approx(np.nonzero(first)[0].mean(), abs=3)
