"""Left and right halves of a micrograph: what they share, their levels, noise and spectra."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.datasets.fields import Field
from fancgan.evaluation.looks.halves import Levels, halves_of, levels_of, spectrum
from fancgan.particles.labels import label_mask


def drawn(width: int, numbers: tuple[int, ...] = (3, 5, 8)) -> Field:
    """A field [64, width] whose columns say where they are, with a particle of each number."""
    image = np.broadcast_to(np.arange(width) % 251, (64, width)).astype(np.uint8)
    labels = np.zeros((64, width), np.int32)
    for k, number in enumerate(numbers):
        rows = slice(4 + 16 * k, 16 + 16 * k)
        labels[rows, 4:20] = labels[rows, -20:-4] = number
    return Field("drawn", image, labels, None)


def test_parts_lie_where_they_are_said_to_and_their_particles_are_counted_anew():
    (halves,) = halves_of([drawn(160)], side=64)
    assert (halves.reference.image[0] == np.arange(80)).all()
    assert (halves.beside.image[0] == np.arange(16, 80)).all()
    assert (halves.truth.image[0] == np.arange(96, 160)).all()
    assert np.unique(halves.truth.labels).tolist() == [0, 1, 2, 3]
    assert (label_mask(halves.truth.labels.astype(np.int32)) == halves.truth.labels).all()


def test_what_is_too_narrow_or_without_particles_is_left_out():
    assert not halves_of([drawn(127), drawn(160, numbers=())], side=64)


def test_levels_are_those_away_from_outlines():
    rng = np.random.default_rng(0)
    labels = np.zeros((128, 128), int)
    labels[32:96, 32:96] = 1
    image = np.where(labels, 180, 60)
    image[31, 31:97] = 255  # a halo
    levels = levels_of((image + rng.normal(0, 5, image.shape)).astype(np.uint8), labels)
    assert levels.ground == pytest.approx(59.5, abs=0.3)
    assert levels.particle == pytest.approx(179.5, abs=0.3)
    # The mean over 7 x 7 pixels takes 1 / 49 of the variance; cutting to whole greys adds 1 / 12.
    assert levels.noise == pytest.approx(np.sqrt((25 + 1 / 12) * 48 / 49), rel=0.02)


def test_near_is_a_share_of_the_contrast_and_noise_of_the_noise():
    real = Levels(100.0, 50.0, 10.0)
    assert real.near(Levels(107.0, 43.0, 0.0)) and not real.near(Levels(108.0, 50.0, 0.0))
    assert real.as_noisy(Levels(0.0, 0.0, 12.0)) and not real.as_noisy(Levels(0.0, 0.0, 7.9))
    assert real.same_side(Levels(9.0, 8.0, 0.0)) and not real.same_side(Levels(8.0, 9.0, 0.0))


def test_the_spectrum_of_white_noise_is_flat_and_a_wave_has_its_place():
    rng = np.random.default_rng(0)
    white = spectrum(rng.integers(0, 256, (1024, 1024)).astype(np.uint8))
    assert np.abs(np.log10(white / white.mean())).max() < 0.05
    wave = 128 + 100 * np.sin(2 * np.pi * np.arange(256) / 8)
    power = spectrum(np.broadcast_to(wave, (256, 256)).astype(np.uint8))
    assert power.argmax() + 2 == 128 / 8
