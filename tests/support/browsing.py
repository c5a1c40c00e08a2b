"""The demo in a real Chromium: the page, desktop or phone, and what is common to its tabs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import make_tiny_bundle
from tests.support.serving import Served, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: bash tests/run installs it"),
]
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 90_000
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 860}


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Iterator[Served]:
    """The running app, the same for all browser tests."""
    folder = tmp_path_factory.mktemp("browser")
    temporary = folder / "temporary"
    temporary.mkdir()
    with serve(make_tiny_bundle(folder / "tiny"), temporary) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(params=["desktop"])
def page(request, browser, demo) -> Iterator[Page]:
    """The loaded page; at the end nothing may have gone wrong or gone out.

    Parametrized indirectly with "phone" it is 390 pixels wide and has a touch screen.
    """
    phone = request.param == "phone"
    context = browser.new_context(
        viewport=PHONE if phone else DESKTOP, has_touch=phone, accept_downloads=True
    )
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(f"error: {error}"))
    opened.on("console", lambda line: line.type == "error" and problems.append(line.text))
    opened.on("request", lambda request: _local(request.url) or problems.append(request.url))
    opened.goto(demo.url)
    opened.wait_for_selector("#view .fa-view[data-state=done]")
    yield opened
    context.close()
    assert not problems


def _local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "http://localhost:", "data:", "blob:"))


def toast(page: Page) -> str:
    """The words of the toast, which is closed."""
    page.wait_for_selector("[data-testid=toast-text]")
    words = page.inner_text("[data-testid=toast-text]")
    page.click("[data-testid=toast-close]")
    page.wait_for_selector("[data-testid=toast-text]", state="detached")
    return words


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")
