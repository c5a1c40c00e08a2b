"""What all visitors share is bounded: the time of a layout, the memory of caches."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, Protocol, TypeVar
from weakref import ReferenceType, ref

from fancgan.errors import UserError
from fancgan.layouts.bodies import mean_area
from fancgan.layouts.config import MONOLAYERS, LayoutConfig
from fancgan.layouts.layout import usual_number

MAX_PARTICLES = 1500
MAX_SHARE = {
    "single": 0.33,
    **dict.fromkeys(MONOLAYERS, 0.85),
}  # of the area, by agglomeration: beyond it few places are free
USUAL_SHARE = 0.6
Value = TypeVar("Value")


def check_layout(config: LayoutConfig) -> None:
    """Raise UserError unless the layout takes seconds: crowded ones take minutes; others wait."""
    area = config.height * config.width
    particle = mean_area(config) * (config.d50_nm / config.nm_per_px) ** 2
    share = config.coverage or (config.count or 0) * particle / area
    count = usual_number(config)
    most = MAX_SHARE.get(config.agglomeration, USUAL_SHARE)
    if share > most:
        raise UserError(
            f"Such particles ({config.agglomeration}) would cover {share:.0%} of the area: here "
            f"at most {most:.0%}; 'python -m fancgan make-masks' takes its time for more."
        )
    if count > MAX_PARTICLES:
        raise UserError(
            f"These would be {count:.0f} particles: here at most {MAX_PARTICLES}; 'python -m "
            "fancgan make-masks' takes its time for more."
        )


class ByteCache(Generic[Value]):
    """Keeps what was last asked for, up to limit_bytes in all, and the last one whatever it holds.

    size: the bytes of a value. What is dropped is made again by the caller.
    """

    def __init__(self, limit_bytes: int, size: Callable[[Value], int]):
        self._limit, self._size = limit_bytes, size
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, value: Value) -> None:
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and sum(map(self._size, self._kept.values())) > self._limit:
                self._kept.popitem(last=False)


class Owner(Protocol):
    """What holds memory for a visitor, and can do without."""

    def give_up(self) -> None: ...


class Budget:
    """What all visitors' sessions hold, up to limit_bytes: the one longest unused gives up first.

    The one just used keeps what it has. An owner that is gone counts no more.
    """

    def __init__(self, limit_bytes: int):
        self._limit = limit_bytes
        self._held: OrderedDict[int, tuple[ReferenceType, int]] = OrderedDict()
        self._lock = Lock()

    def use(self, owner: Owner, size_bytes: int) -> None:
        """Say that an owner was used just now, and what it holds."""
        with self._lock:
            self._held.pop(id(owner), None)
            self._held[id(owner)] = ref(owner), size_bytes
            held = {key: value for key, value in self._held.items() if value[0]() is not None}
            self._held = OrderedDict(held)
            total = sum(size for _, size in held.values())
            while total > self._limit and len(self._held) > 1:
                _, (oldest, size) = self._held.popitem(last=False)
                total -= size
                if (found := oldest()) is not None:
                    found.give_up()
