"""The bundles that a visitor may choose from: the one served, and those that ship beside it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from fancgan.errors import UserError
from fancgan.pretrained.bundle import PACKAGED
from fancgan.pretrained.find import DEFAULT, SEGMENTER, find_bundle, packaged

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline


class Models:
    """Pipelines by name, shared by all visitors; most are loaded when they are asked for.

    default: the name of the one that finds particles in files: the bundle served, if it is the
    operator's own, otherwise the packaged one for particles of any kind. painter: the one that
    paints, the bundle served if it can. look_painter: the one that takes over looks: an operator's
    own bundle if it paints, otherwise the packaged one for any look.

    served: what the operator chose. with_packaged: offer the packaged bundles as well.
    """

    def __init__(self, served: Pipeline, with_packaged: bool = True):
        name = str(served.config.get("name", "own bundle"))
        ships = packaged() if with_packaged else []
        self._loaded = {name: served}
        self._lock = Lock()
        is_own = served.path.parent != PACKAGED and not (served.origin and name in ships)
        self.default = name if is_own or SEGMENTER not in ships else SEGMENTER
        self.names = list(dict.fromkeys([self.default, name, *ships]))
        self.painter = served if served.paints or not ships else self.get(DEFAULT)
        self.look_painter = self.painter
        if SEGMENTER in ships and not (is_own and served.paints):
            any_look = self.get(SEGMENTER)
            self.look_painter = any_look if any_look.any_look else self.painter

    def get(self, name: str | None = None) -> Pipeline:
        """Return the pipeline of that name, None: the default; UserError where none is offered."""
        from fancgan.pipeline import Pipeline

        name = name or self.default
        if name not in self.names:
            raise UserError(f"There is no model {name}; there are: {', '.join(self.names)}.")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = Pipeline.from_pretrained(name)
            return self._loaded[name]

    def add(self, pipe: Pipeline) -> None:
        """Offer one more; UserError where there is one of its name."""
        name = str(pipe.config["name"])
        with self._lock:
            if name in self.names:
                raise UserError(f"There is a model {name} already; choose another name.")
            self._loaded[name] = pipe
            self.names.append(name)

    def config(self, name: str) -> dict:
        """Return the config.json of a model, which is not loaded for it."""
        return self._loaded[name].config if name in self._loaded else find_bundle(name).config

    def title(self, name: str) -> str:
        """Return in words what a model is for."""
        config = self.config(name)
        if config.get("taught"):
            return f"taught own pictures ({name})"
        if config.get("judgement"):
            return f"any particles ({name})"
        data = config.get("data") or {}
        known = (str(data.get("name") or ""), str(data.get("modality") or "").upper())
        kind = ", ".join(word for word in known if word)
        return f"{kind} ({name})" if kind else name
