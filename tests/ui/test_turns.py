"""Fair turns, limits for each visitor, and work that ends with whoever wanted it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from threading import Thread
from types import SimpleNamespace

import pytest

from fancgan.errors import Stopped, UserError, check_stopped, stopped_by
from tests.support.processes import wait_until
from tests.support.serving import free_port
from tests.support.visitor import Visitor

pytest.importorskip("gradio")
import gradio as gr

from fancgan.ui.page import DATASETS, MODEL, shown_as_toast
from fancgan.ui.turns import FairLock, FairQueue, fair_place, giving_up, others_wait, visitor_of


def test_first_turns_come_before_second_ones():
    line: list[str] = []
    for visitor in "aaaabcab":
        line.insert(fair_place(["a"], line, visitor), visitor)
    assert "".join(line) == "bcabaaaa"


def test_a_visitor_is_the_last_public_address_on_the_way():
    def seen(peer: str, forwarded: str = "") -> str:
        headers = {"x-forwarded-for": forwarded}
        return visitor_of(SimpleNamespace(client=SimpleNamespace(host=peer), headers=headers))

    assert seen("9.9.9.9", "8.8.8.8") == "9.9.9.9"
    assert seen("10.0.0.1", "1.1.1.1, 8.8.8.8, 10.0.0.2") == "8.8.8.8"
    assert seen("127.0.0.1", "192.168.0.7") == "192.168.0.7"
    assert seen("127.0.0.1", "no address") == "127.0.0.1" and visitor_of(None) == ""


def test_a_lock_takes_turns_and_limits_each():
    lock, order, threads = FairLock(waiting=4, each=3), [], []

    def work(visitor: str) -> None:
        with lock.held(visitor):
            order.append(visitor)

    with lock.held("x"):
        for visitor in "aab":
            threads.append(Thread(target=work, args=(visitor,)))
            threads[-1].start()
            wait_until(lambda: len(lock._line) == len(threads))
        threads.append(Thread(target=work, args=("a",)))
        threads[-1].start()
        wait_until(lambda: len(lock._line) == 4)
        with pytest.raises(UserError, match="Work of yours"), lock.held("a"):
            pass
        with pytest.raises(UserError, match="Many people"), lock.held("c"):
            pass
    for thread in threads:
        thread.join()
    assert order == ["a", "b", "a", "a"]


def test_work_stops_when_it_is_asked_to():
    check_stopped()
    with stopped_by(lambda: True), pytest.raises(Stopped):
        check_stopped()
    check_stopped()


@pytest.fixture(scope="module")
def bench() -> Iterator[SimpleNamespace]:
    """A page without networks: "order" works, step by step or in one go, until it is stopped."""
    at_work: list[str] = []

    def work(name: str) -> str:
        at_work.append(name)
        try:
            while name:
                check_stopped()
                time.sleep(0.02)
            return "done"
        finally:
            at_work.remove(name)

    def in_steps(name: str) -> Iterator[str]:
        yield "begun"
        yield work(name)

    def until_others_wait(name: str) -> Iterator[str]:
        with pytest.raises(Stopped), stopped_by(others_wait):
            work(name)
        yield "gave way"

    with gr.Blocks(analytics_enabled=False) as demo:
        name = gr.Textbox()
        for handler in (work, in_steps):
            gr.Button().click(
                shown_as_toast(handler), name, name, api_name=handler.__name__, **DATASETS
            )
        gr.Button().click(lambda name: name, name, name, api_name="quick", **MODEL)
        stopping = giving_up(DATASETS["concurrency_id"])
        gr.Button().click(stopping, api_name="stop", queue=False)
        gr.Button().click(shown_as_toast(until_others_wait), name, name, api_name="offer", **MODEL)
    demo.queue()
    FairQueue.replace(demo)
    port = free_port()
    _, url, _ = demo.launch(prevent_thread_lock=True, server_port=port, quiet=True, ssr_mode=False)
    yield SimpleNamespace(url=url, at_work=at_work)
    demo.close()


def test_orders_of_one_visitor_are_few_and_hold_up_nobody(bench):
    greedy = [Visitor(bench.url, "203.0.113.5", f"greedy{k}") for k in range(3)]
    codes = Counter(one.ask("work", "greedy").status_code for one in greedy * 11)
    assert codes == {200: 2, 503: 31}
    assert "Work of yours" in greedy[0].ask("work", "greedy").json()["detail"]
    wait_until(lambda: bench.at_work == ["greedy"])
    other = Visitor(bench.url, "203.0.113.6", "other")
    other.ask("quick", "now")
    assert other.wait()["output"]["data"] == ["now"]
    other.ask("work", "")
    assert other.wait("estimation")["rank"] == 0, "before the second order of the other visitor"
    for one in (other, *greedy):
        one.cancel()
    wait_until(lambda: not bench.at_work)


@pytest.mark.parametrize("order", ["work", "in_steps"])
@pytest.mark.parametrize("leave", [Visitor.cancel, Visitor.hang_up, Visitor.stop])
def test_an_order_ends_with_whoever_wanted_it_and_the_next_begins(bench, order, leave):
    visitor = Visitor(bench.url, "203.0.113.7", f"{order}{leave.__name__}")
    visitor.ask(order, "wanted")
    visitor.listen()
    wait_until(lambda: bench.at_work)
    begun = time.monotonic()
    leave(visitor)
    wait_until(lambda: not bench.at_work)
    assert time.monotonic() - begun < 5, "at most a second, on a machine that is not busy"
    visitor.ask(order, "")
    assert visitor.wait()["success"]
    visitor.hang_up()


def test_work_that_still_waits_is_stopped_at_once(bench):
    first = Visitor(bench.url, "203.0.113.8", "first")
    first.ask("work", "first")
    wait_until(lambda: bench.at_work == ["first"])
    other = Visitor(bench.url, "203.0.113.9", "other one")
    other.ask("work", "never")
    other.stop()
    ended = other.wait()
    assert not ended["success"] and ended["output"]["error"] == "Stopped."
    assert bench.at_work == ["first"], "which another visitor still wants"
    first.stop()
    wait_until(lambda: not bench.at_work)


def test_offers_give_way_to_other_work_of_the_same_session(bench):
    visitor = Visitor(bench.url, "203.0.113.10", "gives way")
    visitor.ask("offer", "offers")
    wait_until(lambda: bench.at_work == ["offers"])
    Visitor(bench.url, "203.0.113.11", "somebody else").ask("quick", "theirs")
    time.sleep(0.5)
    assert bench.at_work == ["offers"]
    visitor.ask("quick", "now")
    assert visitor.wait()["output"]["data"] == ["gave way"]
