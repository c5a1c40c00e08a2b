"""The grey scale of the networks, from every type of number that a file may hold."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.errors import UserError
from fancgan.microscopy.micrograph import to_grey8


def test_uint8_is_never_stretched():
    dull = np.arange(90, 110, dtype=np.uint8).reshape(4, 5)
    assert to_grey8(dull) is dull


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_integers_are_scaled_by_their_bit_depth(bits):
    values = np.linspace(0, 2**bits - 1, 600).astype(np.uint16).reshape(20, 30)
    grey = to_grey8(values)
    assert (grey.min(), grey.max()) == (0, 255)
    assert np.abs(grey - values * (255 / (2**bits - 1))).max() <= 0.5


def test_8_bits_stored_in_16_come_back(picture):
    assert np.array_equal(to_grey8(picture.astype(np.uint16)), picture)
    assert np.array_equal(to_grey8(np.append(picture, 255).astype(np.uint16) * 257)[:-1],
                          picture.ravel())  # fmt: skip


def test_narrow_16_bit_band_is_stretched():
    rng = np.random.default_rng(0)
    grey = to_grey8(rng.integers(20000, 22000, (100, 100)).astype(np.uint16))
    assert grey.std() > 60 and (grey.min(), grey.max()) == (0, 255)


def test_floats(picture):
    assert np.array_equal(to_grey8(picture.astype(np.float32)), picture)
    unit = picture.astype(np.float64) / 255
    assert np.array_equal(to_grey8(unit), picture)
    stretched = to_grey8(picture * 3.0 - 400)
    assert np.corrcoef(stretched.ravel(), picture.ravel())[0, 1] > 0.99
    assert (stretched.min(), stretched.max()) == (0, 255)
    one_hot = np.zeros((100, 100), np.float32)
    one_hot[3, 3] = 1e6
    assert to_grey8(one_hot)[0, 0] == 0


@pytest.mark.parametrize("level", [-5.0, 0.0, 0.5, 300.0])
def test_flat_pictures_stay_flat(level):
    assert len(np.unique(to_grey8(np.full((40, 40), level)))) == 1


def test_nan_has_no_grey_level():
    with pytest.raises(UserError, match="NaN"):
        to_grey8(np.array([[0.0, np.nan]]))
