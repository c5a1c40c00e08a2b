"""Whose turn it is: a fair order, a limit for each visitor, work given up with its caller.

A visitor is an address: whoever opens many sessions waits as one.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from threading import Condition, Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, cast

from gradio import Request, route_utils
from gradio.context import LocalContext
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage

from fancgan.errors import UserError, check_stopped, stopped_by

if TYPE_CHECKING:
    from gradio.blocks import Blocks
    from gradio.data_classes import PredictBodyInternal
    from starlette.requests import HTTPConnection

BUSY = "Many people are at work just now: please try again in a moment."
YOURS = "Work of yours is waiting already: please let it end first."
STOPPED = {"error": "Stopped.", "visible": False, "duration": 0, "title": "Stopped"}
LOOK_SECONDS = 0.2
END_SECONDS = 30.0


@dataclass(frozen=True)
class Lane:
    """How much of one kind of work may wait in all, and of each visitor (with what runs)."""

    waiting: int
    each: int


LANES = {"model": Lane(48, 12), "files": Lane(24, 6), "datasets": Lane(8, 2)}
OTHERS = Lane(64, 16)
# A session's work in these is done one after another: it shares the session's open files.
SHARED = ("model", "files")


def visitor_of(request: HTTPConnection | Request | None) -> str:
    """Return the address that a request comes from, through whatever proxies are nearby.

    The last public address on the way is taken, which no visitor can invent; where all are
    private, the first.
    """
    if request is None:
        return ""
    named = request.headers.get("x-forwarded-for", "").split(",")
    way = [request.client.host if request.client else "", *map(str.strip, reversed(named))]
    known = []
    for name in way:
        try:
            known.append(ip_address(name))
        except ValueError:
            continue
    public = (address for address in known if address.is_global)
    return str(next(public, known[-1] if known else ""))


def fair_place(running: Sequence[str], waiting: Sequence[str], visitor: str) -> int:
    """Return where a visitor's work goes in the line: first turns of all before second ones."""
    taken = Counter(running)
    mine = taken[visitor] + list(waiting).count(visitor)
    for place, other in enumerate(waiting):
        if taken[other] > mine:
            return place
        taken[other] += 1
    return len(waiting)


class FairQueue(Queue):
    """Gradio's queue, in which each kind of work has a lane and nobody fills one alone."""

    tasks: dict[str, asyncio.Task]  # of events that run

    @classmethod
    def replace(cls, blocks: Blocks) -> None:
        """Let it take the place of the queue that gradio has made: it takes none of one's own."""
        queue = cast(FairQueue, blocks._queue)
        queue.__class__, queue.tasks = cls, {}

    async def push(
        self, body: PredictBodyInternal, request: Any, username: str | None
    ) -> tuple[bool, Any, Any]:
        fn = route_utils.get_fn(self.blocks, None, body)
        if fn.api_visibility != "private":  # a program from before its last inputs were there
            body.data += [getattr(one, "value", None) for one in fn.inputs[len(body.data) :]]
        lane = fn.concurrency_id
        limit, visitor = LANES.get(lane, OTHERS), visitor_of(request)
        theirs = [event for event in self._known(lane) if visitor_of(event.request) == visitor]
        if len(theirs) >= limit.each:
            return False, YOURS, "queue_full"
        if len(self._line(lane)) >= limit.waiting:
            return False, BUSY, "queue_full"
        answer = await super().push(body, request, username)
        event = self.event_ids_to_events.get(str(answer[1]))
        line = self._line(lane)
        if event in line:
            line.remove(event)
            waiting = [visitor_of(other.request) for other in line]
            running = [visitor_of(e.request) for e in self._running() if e.concurrency_id == lane]
            line.insert(fair_place(running, waiting, visitor), event)
            self.broadcast_estimations(lane)
        return answer

    def broadcast_estimations(self, concurrency_id: str, after: int | None = None) -> None:
        if after is None:  # else an event hears of the end of the line, before it has its place
            super().broadcast_estimations(concurrency_id)

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        busy = {event.session_hash for event in self._running() if event.concurrency_id in SHARED}
        lines = list(self.event_queue_per_concurrency_id.items())
        for lane, line in random.sample(lines, len(lines)):
            limit = line.concurrency_limit
            if limit is not None and line.current_concurrency >= limit:
                continue
            for event in line.queue:
                if lane not in SHARED or event.session_hash not in busy:
                    line.queue.remove(event)
                    return [event], False, lane
        return None

    async def process_events(self, events: list[Event], *args: Any) -> None:
        self.tasks |= {event._id: cast(asyncio.Task, asyncio.current_task()) for event in events}
        try:
            await super().process_events(events, *args)
        finally:
            for event in events:
                del self.tasks[event._id]

    def give_up(self, session: str, lane: str) -> None:
        """End a session's work in a lane: what waits at once, what runs when it next looks.

        A page that asks gradio to cancel can do so only once it has been told the event's id, and
        is refused before.
        """
        waiting = self._line(lane)
        for event in self._known(lane):
            if event.session_hash != session:
                continue
            event.closed = True
            if event in waiting:
                waiting.remove(event)
                del self.event_ids_to_events[event._id]
                self.send_message(event, ProcessCompletedMessage(output=STOPPED, success=False))

    def gone(self, event: Event) -> bool:
        """Whether nobody waits for an event any more: given up, or its page was closed."""
        task = self.tasks.get(event._id)
        return task is None or task.cancelling() > 0 or not event.alive or event.closed

    def _running(self) -> list[Event]:
        return [event for job in self.active_jobs if job for event in job]

    def _line(self, lane: str) -> list[Event]:
        line = self.event_queue_per_concurrency_id.get(lane)
        return line.queue if line else []

    def _known(self, lane: str) -> list[Event]:
        events = self.event_ids_to_events.values()
        return [event for event in events if event.concurrency_id == lane]


_lanes: defaultdict[str, Lock] = defaultdict(Lock)
_at_work: list[tuple[str | None, str] | None] = []  # sessions, and the lanes of their work


def _at_hand() -> tuple[FairQueue | None, Event | None]:
    """The queue, and the event in it that this thread works for."""
    queue = getattr(LocalContext.blocks.get(None), "_queue", None)
    if not isinstance(queue, FairQueue):
        return None, None
    return queue, queue.event_ids_to_events.get(LocalContext.event_id.get(None) or "")


@contextmanager
def wanted() -> Iterator[None]:
    """Do an event's work for as long as somebody waits for it; then `check_stopped` raises.

    The page was closed, or the work given up. Where the page is closed gradio calls the next in the
    lane though the work may take another moment to hear of it: so the next waits here until it has
    ended.
    """
    queue, event = _at_hand()
    if queue is None or event is None:
        yield
        return
    with stopped_by(partial(queue.gone, event)):
        if event.concurrency_id not in LANES:
            yield
            return
        lane = _lanes[event.concurrency_id]
        while not lane.acquire(timeout=LOOK_SECONDS):
            check_stopped()
        try:
            check_stopped()
            yield
        finally:
            lane.release()


@contextmanager
def noted() -> Iterator[None]:
    """Note that the event at hand is at work until the block ends, all its steps with it."""
    _, event = _at_hand()
    work = (event.session_hash, event.concurrency_id) if event else None
    _at_work.append(work)
    try:
        yield
    finally:
        _at_work.remove(work)


def others_wait() -> bool:
    """Whether other work of the same session waits for the work at hand to end."""
    queue, event = _at_hand()
    lines = [queue._line(lane) for lane in SHARED] if queue else []
    return any(event and event.session_hash == one.session_hash for line in lines for one in line)


def giving_up(lane: str) -> Callable:
    """Return the handler of a Stop button, to be called without a queue: work in a lane ends."""

    async def give_up(request: Request) -> None:
        queue = getattr(LocalContext.blocks.get(None), "_queue", None)
        if isinstance(queue, FairQueue) and request.session_hash:
            queue.give_up(request.session_hash, lane)

    return give_up


def wait_for_end(session: str | None, lane: str, seconds: float = END_SECONDS) -> None:
    """Return when a session's work in a lane, which was given up, has put away what it had."""
    ends = monotonic() + seconds
    while (session, lane) in _at_work and monotonic() < ends:
        sleep(LOOK_SECONDS / 4)


class FairLock:
    """Lets one caller in; up to `waiting` in all wait, `each` of one visitor, in a fair order."""

    def __init__(self, waiting: int, each: int):
        self._limit = Lane(waiting, each)
        self._line: list[tuple[str, object]] = []
        self._inside: list[str] = []
        self._changed = Condition()

    @contextmanager
    def held(self, visitor: str = "") -> Iterator[None]:
        """Wait for the turn and keep it for the block; UserError where too many wait already."""
        turn = (visitor, object())
        with self._changed:
            waiting = [name for name, _ in self._line]
            if (waiting + self._inside).count(visitor) >= self._limit.each:
                raise UserError(YOURS)
            if len(waiting) >= self._limit.waiting:
                raise UserError(BUSY)
            self._line.insert(fair_place(self._inside, waiting, visitor), turn)
            self._changed.wait_for(lambda: not self._inside and self._line[0] is turn)
            del self._line[0]
            self._inside.append(visitor)
        try:
            yield
        finally:
            with self._changed:
                self._inside.clear()
                self._changed.notify_all()
