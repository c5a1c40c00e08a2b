"""The bundles that a visitor may choose from: the one served, and those that ship beside it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from fancgan.errors import UserError
from fancgan.pretrained.find import packaged

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline


class Models:
    """Pipelines by name, shared by all visitors; all but the first are loaded when asked for.

    first: the one that is served. with_packaged: offer the packaged bundles as well.
    """

    def __init__(self, first: Pipeline, with_packaged: bool = True):
        self.default = str(first.config.get("name", "own bundle"))
        self._loaded = {self.default: first}
        self.names = [self.default]
        if with_packaged:
            self.names += [name for name in packaged() if name != self.default]
        self._lock = Lock()

    def get(self, name: str) -> Pipeline:
        """Return the pipeline of that name; raise UserError where none is offered."""
        from fancgan.pipeline import Pipeline

        if name not in self.names:
            raise UserError(f"There is no model {name}; there are: {', '.join(self.names)}.")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = Pipeline.from_pretrained(name)
            return self._loaded[name]
