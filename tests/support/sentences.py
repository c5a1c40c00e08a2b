"""What goes wrong is said in one sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fancgan.errors import UserError


def fails(words: str, function: Callable, *arguments, **options) -> str:
    """Call the function, which must refuse in one sentence with these words; return it."""
    with pytest.raises(UserError, match=words) as caught:
        function(*arguments, **options)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message
    return message
