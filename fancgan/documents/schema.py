"""Fields of a document with their types, ranges and choices as annotations, checked by pydantic.

    count: Annotated[int, between(1, 20_000)] | None = None
    border: Annotated[str, one_of("cut", "inside")] = "cut"

A number is no text, and true or false is no number. Values stay as they are given.
"""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic import create_model as pydantic_model

from fancgan.errors import UserError

MAX_COORDINATE = 1e6
Coordinate = Annotated[
    float, Field(strict=True, gt=-MAX_COORDINATE, lt=MAX_COORDINATE, allow_inf_nan=False)
]
Place = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]  # x, y in pixels
KINDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "string": "text",
}


def between(low: float, high: float | None = None, words: str = "") -> AfterValidator:
    """Return the annotation of a number from low to high; words say what to choose."""
    words = words or (f"{low} or more" if high is None else f"from {low} to {high}")
    return _rule(lambda value: low <= value <= (value if high is None else high), f"choose {words}")


def inside(low: float, high: float, words: str) -> AfterValidator:
    """Return the annotation of a number between low and high, neither of them; words say so."""
    return _rule(lambda value: low < value < high, f"choose {words}")


def one_of(*names: str) -> AfterValidator:
    """Return the annotation of a text that is one of these names."""
    return _rule(lambda value: value in names, f"choose one of {', '.join(names)}")


def at_most(letters: int) -> AfterValidator:
    """Return the annotation of a text that is not longer."""
    return _rule(lambda value: len(value) <= letters, f"choose {letters} letters at most")


def _rule(holds: Callable[[Any], bool], advice: str) -> AfterValidator:
    def check(value: Any) -> Any:
        if not holds(value):
            raise ValueError(advice)
        return value

    return AfterValidator(check)


def check_fields(document: Any, whose: str) -> None:
    """Raise UserError where a field of a dataclass is not what its annotation says.

    whose: how the sentence begins, such as "The layout's".
    """
    try:
        _model(document.__class__).model_validate(vars(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, value = first["loc"][0], reprlib.repr(first["input"])
        if first["type"] == "value_error":
            advice = first["msg"].removeprefix("Value error, ")
            raise UserError(f"{whose} {name} is {value}; {advice}.") from None
        kind = KINDS.get(first["type"].split("_")[0], "something else")
        raise UserError(
            f"{whose} {name} is of the wrong kind ({value}): it must be {kind}."
        ) from None


def is_valid(adapter: TypeAdapter, value: object) -> bool:
    """Return whether a value is what the adapter's type says."""
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


@cache
def _model(cls: type) -> type[BaseModel]:
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, Any] = {f.name: (hints[f.name], ...) for f in dataclasses.fields(cls)}
    return pydantic_model(cls.__name__, __config__=ConfigDict(strict=True), **fields)
