"""The demo under a folder of another server: its scripts are found there too."""

from __future__ import annotations

from tests.support.browsing import DESKTOP, MARKS, WAIT_MS
from tests.support.bundles import make_tiny_bundle
from tests.support.proxy import behind_proxy
from tests.support.serving import serve
from tests.support.sketch_page import painted, sequence, stroke

pytestmark = MARKS
PREFIX = "/lab/demo"


def test_the_page_works_under_a_folder(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_ROOT_PATH", PREFIX)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with (
        serve(make_tiny_bundle(tmp_path / "tiny"), temporary) as running,
        behind_proxy(running.url, PREFIX) as url,
    ):
        context = browser.new_context(viewport=DESKTOP)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        scripts: list[str] = []
        problems: list[str] = []
        page.on("request", lambda one: "/scripts/" in one.url and scripts.append(one.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        page.wait_for_selector("#view .fa-view[data-state=done]")
        before = sequence(page)
        stroke(page, (0.2, 0.2), (0.4, 0.3))
        painted(page, before)
        page.wait_for_selector("#cycle .fa-cycle[data-state=fresh]")
        context.close()
    assert scripts and all(one.startswith(f"{url}scripts/") for one in scripts)
    assert not problems
