"""Processes that segment the files of an order: one thread each, on as many cores as are wanted."""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from fancgan.errors import UserError
from fancgan.measuring.analysis import analyse
from fancgan.measuring.batch.records import Records
from fancgan.measuring.field_of_view import offered_bar, scale_of
from fancgan.measuring.settings import Settings
from fancgan.microscopy.micrograph import read_micrograph

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

IN_FLIGHT = 3  # files waiting per process
_state: tuple = ()  # (pipeline, records) of a process


Order = tuple[int, Settings, str | None]  # number of the file, "take" or "print" its scale bar


def segment_one(
    pipe: Pipeline, records: Records, number: int, settings: Settings, scale_bar: str | None
) -> int:
    """Segment a file and leave its record, that of a failure too; return its number."""
    try:
        path = records.files[number]
        bar = offered_bar(read_micrograph(path, settings.page), settings) if scale_bar else None
        said = ""
        if bar:
            said = f". Scale bar{', not taken' * (scale_bar == 'print')}: {bar.words}"
        if bar and scale_bar == "take":
            settings = dataclasses.replace(settings, **scale_of(bar))
        records.add(number, analyse(pipe, path, settings), said)
    except UserError as error:
        records.add_failure(number, error)
    return number


def _start(source: str, revision: str | None, records: Records) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    import torch

    from fancgan.hardware import tune_allocator
    from fancgan.pipeline import Pipeline

    global _state
    tune_allocator()
    torch.set_num_threads(1)
    _state = (Pipeline.from_pretrained(source, revision=revision), records)


def _segment(*order: Any) -> int:
    return segment_one(*_state, *order)


def segment_all(
    records: Records,
    orders: list[Order],
    source: str,
    revision: str | None,
    workers: int,
) -> Iterator[int]:
    """Segment the files of those numbers; yield each when it is done.

    source, revision: of the bundle, see Pipeline.from_pretrained. Closing the generator stops after
    the files in hand.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start, (source, revision, records))
    flying: set[Future] = set()
    try:
        for order in orders:
            flying.add(pool.submit(_segment, *order))
            if len(flying) >= IN_FLIGHT * workers:
                done, flying = wait(flying, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while flying:
            done, flying = wait(flying, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    except BrokenProcessPool as error:
        raise UserError(
            "A process that segmented was killed, perhaps for want of memory: give fewer "
            "--workers. The same command goes on where it stopped."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
