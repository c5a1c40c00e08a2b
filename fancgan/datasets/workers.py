"""Processes that make the pairs of a data set: one thread each, for equal bits on all cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_connection
from pathlib import Path
from threading import Thread

from fancgan.datasets.synthetic import Folder, Plan, make_pair
from fancgan.errors import UserError, check_stopped

IN_FLIGHT = 3  # pairs waiting per worker: enough to keep them busy
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Share:
    """Which part of a data set this process makes: by torchrun's and accelerate's variables."""

    rank: int = 0
    world_size: int = 1

    @classmethod
    def from_environment(cls) -> Share:
        try:
            share = cls(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))
        except ValueError as error:
            raise UserError("RANK and WORLD_SIZE must be whole numbers.") from error
        if not 0 <= share.rank < share.world_size:
            raise UserError(f"RANK {share.rank} does not fit WORLD_SIZE {share.world_size}.")
        return share


_state: tuple = ()  # (pipeline, plan, folder) of a worker process


def _start(
    parent: Connection, source: str | None, revision: str | None, root: Path, plan: Plan
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    Thread(target=_end_with, args=(parent,), daemon=True).start()
    import torch

    from fancgan.hardware import tune_allocator
    from fancgan.pipeline import Pipeline

    global _state
    tune_allocator()
    torch.set_num_threads(1)  # with more, sums may be taken in another order
    pipe = Pipeline.from_pretrained(source, revision=revision, precision=plan.precision)
    _state = (pipe, plan, Folder(root, plan))


def _end_with(parent: Connection) -> None:
    """End this process once the parent's end of the pipe is closed, or the parent is killed."""
    wait_for_connection([parent])
    os._exit(1)


def _make(index: int) -> int:
    pipe, plan, folder = _state
    folder.add(make_pair(pipe, plan.line(index)))
    return index


def make_missing(
    folder: Folder,
    source: str | None,
    revision: str | None = None,
    *,
    workers: int,
    share: Share = Share(),
) -> Generator[int, None, None]:
    """Make what is missing of this process's share; yield the number of each pair when it is done.

    source, revision: of the bundle, see Pipeline.from_pretrained. Closing the generator, or a stop
    (errors.check_stopped), ends the workers where they are: what they had in hand is made anew by
    the next one who asks.
    """
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    given = (theirs, source, revision, folder.root, folder.plan)
    pool = ProcessPoolExecutor(workers, context, _start, given)
    flying: set[Future] = set()
    try:
        for index in folder.missing(share.rank, share.world_size):
            flying.add(pool.submit(_make, index))
            if len(flying) >= IN_FLIGHT * workers:
                done, flying = _some_of(flying)
                yield from (future.result() for future in done)
        while flying:
            done, flying = _some_of(flying)
            yield from (future.result() for future in done)
    except BrokenProcessPool as error:
        raise UserError(
            "A process that made pairs was killed, perhaps for want of memory: give fewer "
            "--workers. The same command goes on where it stopped."
        ) from error
    finally:
        ours.close()
        pool.shutdown(cancel_futures=True)
        theirs.close()


def _some_of(flying: set[Future]) -> tuple[set[Future], set[Future]]:
    """Wait until some are done; return those, and those that are not. Raises Stopped."""
    done: set[Future] = set()
    while not done:
        check_stopped()
        done, flying = wait(flying, POLL_SECONDS, FIRST_COMPLETED)
    return done, flying


def wait_for_all(folder: Folder) -> None:
    """Return when all processes have made their share."""
    while sum(1 for _ in folder.records.glob("*.json")) < folder.plan.n:
        time.sleep(POLL_SECONDS)
