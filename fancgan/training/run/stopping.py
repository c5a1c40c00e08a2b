"""How a training is asked to stop: gently, and all its processes together."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate import Accelerator


class StopRequest:
    """SIGINT and SIGTERM ask for an end; a second SIGINT demands it."""

    def __init__(self) -> None:
        self.made = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While this lasts the signals only ask."""

        def ask(number: int, frame: object) -> None:
            if self.made and number == signal.SIGINT:
                raise KeyboardInterrupt
            self.made = True

        handlers = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def agreed(self, accelerator: Accelerator) -> bool:
        """Whether any process was asked; all processes call this together."""
        if accelerator.num_processes == 1:
            return self.made
        asked = torch.tensor(float(self.made), device=accelerator.device)
        return bool(accelerator.reduce(asked, "sum") > 0)
