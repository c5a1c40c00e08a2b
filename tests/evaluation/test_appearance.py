"""Statistics of images painted so that they are known, then of the real micrographs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fancgan.datasets.fields import Field, load_fields
from fancgan.evaluation import appearance
from fancgan.evaluation.baselines import ProfileAndNoise, TwoGreyLevels
from fancgan.evaluation.retouching import fit_to_histogram, search_tone_map
from fancgan.microscopy.tone import ToneMap


def white_noise(scale: float) -> np.ndarray:
    return scale * np.random.default_rng(0).standard_normal((256, 256))


def test_grey_w1_of_a_shift_is_the_shift(draw_discs):
    image = draw_discs().image.clip(0, 200)
    a, b = appearance.grey_histogram(image), appearance.grey_histogram(image + 7)
    assert appearance.grey_w1(a, b) == pytest.approx(7)
    assert appearance.grey_w1(a, a) == 0


def test_spectrum_finds_a_wave_and_a_blur():
    columns = np.arange(256)
    wave = 100 + 10 * np.sin(2 * np.pi * 20 * columns / 128)[None].repeat(256, 0)
    spectrum = appearance.radial_log_psd(wave)
    assert spectrum.shape == (63,)
    assert int(spectrum.argmax()) + 1 == 20
    noise = white_noise(5)
    sharp, soft = (appearance.radial_log_psd(n) for n in (noise, gaussian_filter(noise, 1)))
    halved = appearance.radial_log_psd(noise / 2)
    assert appearance.psd_distance(sharp, halved) == pytest.approx(np.log10(4), abs=1e-3)
    # A Gaussian of sigma 1 passes exp(-(2 pi k / 128)^2) of the power.
    ring = 32
    expected = (2 * np.pi * ring / 128) ** 2 / np.log(10)
    assert sharp[ring - 1] - soft[ring - 1] == pytest.approx(expected, abs=0.1)
    with pytest.raises(ValueError, match="smaller"):
        appearance.radial_log_psd(noise[:100])


def test_noise_is_measured_through_a_shaded_ground_beside_particles(draw_discs):
    discs = draw_discs(256, 256)
    shade = np.linspace(20, 60, 256)[None]
    white = white_noise(4)
    image = np.where(discs.mask, 150, shade + white)
    noise = appearance.measure_noise(image, discs.mask)
    assert noise.sd == pytest.approx(4, rel=0.03)
    assert abs(noise.autocorrelation_1px) < 0.05
    blurred = gaussian_filter(white, 0.6)
    soft = appearance.measure_noise(np.where(discs.mask, 150, shade + blurred), discs.mask)
    assert soft.autocorrelation_1px == pytest.approx(0.38, abs=0.05)
    assert soft.sd < 0.6 * noise.sd
    nothing = appearance.measure_noise(image, np.ones(image.shape, bool))
    assert np.isnan(nothing.sd)


def test_background_mean_is_that_of_all_pixels_outside():
    mask = np.zeros((4, 4), bool)
    mask[1, 1] = True
    image = np.where(mask, 200, 30).astype(np.uint8)
    assert appearance.background_mean(image, mask) == 30
    assert np.isnan(appearance.background_mean(image, np.ones((4, 4), bool)))


def test_edge_profile_reads_back_what_was_painted():
    mask = np.zeros((160, 160), bool)
    mask[50:110, 50:110] = True
    signed = appearance.signed_distance(mask)
    assert signed[50, 80] == 1 and signed[49, 80] == -1 and signed[53, 80] == 4
    painted = 100 + signed.clip(-40, 20)
    profile = appearance.edge_profile(painted, mask)
    np.testing.assert_allclose(profile.means, 100 + profile.distances)
    assert profile.at(-3) == 97 and profile.at(20) == 120
    brighter = appearance.edge_profile(painted + 5, mask)
    assert appearance.edge_rmse(profile, brighter) == pytest.approx(5)
    np.testing.assert_allclose((profile + brighter).means, profile.means + 2.5)
    empty = appearance.edge_profile(painted, np.zeros(mask.shape, bool))
    assert np.isnan(empty.at(2))


def test_tone_map_leaves_images_alone_and_finds_a_change():
    grey = np.arange(256)
    np.testing.assert_allclose(ToneMap()(grey), grey, atol=1e-3)
    rng = np.random.default_rng(0)
    image = rng.normal(100, 20, (64, 64)).clip(0, 255)
    wanted = ToneMap(brightness=0.1, contrast=1.2)(image)
    source, target = appearance.grey_histogram(image), appearance.grey_histogram(wanted)
    fitted = fit_to_histogram(source, target)
    after = appearance.grey_w1(appearance.grey_histogram(fitted(image)), target)
    assert after < 0.1 * appearance.grey_w1(source, target)
    calls = []

    def loss(tone: ToneMap) -> float:
        calls.append(tone)
        return (tone.brightness - 0.07) ** 2 + (tone.contrast - 0.9) ** 2

    best = search_tone_map(loss, [ToneMap()], evaluations=40)
    assert len(calls) == 40
    assert loss(best) < 0.01 * loss(ToneMap())


def as_field(discs, stem: str = "disc") -> Field:
    return Field(stem, discs.image, discs.labels, None)


def test_trivial_painters_have_learned_what_they_claim(draw_discs):
    fields = [as_field(draw_discs(256, 256, seed=s)) for s in range(3)]
    mask = fields[0].mask
    flat = TwoGreyLevels(fields).synthesize(mask)
    assert len(np.unique(flat)) == 2
    assert flat[~mask].mean() == pytest.approx(fields[0].image[~mask].mean(), abs=1)
    painter = ProfileAndNoise(fields)
    painted = painter.synthesize(mask, seed=1)
    real, fake = (appearance.edge_profile(im, mask) for im in (fields[0].image, painted))
    assert appearance.edge_rmse(real, fake) < 3
    noise = appearance.measure_noise(painted, mask).sd
    assert noise == pytest.approx(appearance.measure_noise(fields[0].image, mask).sd, rel=0.1)
    assert (painter.synthesize(mask, seed=1) == painted).all()
    assert (painter.synthesize(mask, seed=2) != painted).any()


@pytest.fixture(scope="module")
def real_fields(tio2) -> list[Field]:
    return load_fields(tio2, "all", "sem")


@pytest.mark.micrographs
def test_the_real_images_measure_as_documented(real_fields):
    """The figures in the docstring of fancgan.evaluation.appearance, over the 32 fields."""
    levels = [appearance.background_mean(f.image, f.mask) for f in real_fields]
    assert np.mean(levels) == pytest.approx(31.7, abs=0.5)
    assert np.std(levels, ddof=1) == pytest.approx(6.5, abs=0.3)
    particles = [f.image[f.mask].mean() for f in real_fields]
    assert np.mean(particles) == pytest.approx(132, abs=1.5)
    noise = [appearance.measure_noise(f.image, f.mask) for f in real_fields]
    assert np.mean([n.sd for n in noise]) == pytest.approx(3.8, abs=0.15)
    assert np.mean([n.autocorrelation_1px for n in noise]) == pytest.approx(0.39, abs=0.02)
    assert np.mean([n.autocorrelation_2px for n in noise]) == pytest.approx(0.10, abs=0.02)
    profiles = [appearance.edge_profile(f.image, f.mask) for f in real_fields]
    profile = sum(profiles[1:], profiles[0])
    for distance, grey in ((-40, 32.5), (-3, 19.7), (2, 147.9), (8, 125.0), (20, 137.2)):
        assert profile.at(distance) == pytest.approx(grey, abs=1)


@pytest.mark.micrographs
def test_real_against_real_is_small(real_fields, tio2):
    held_back = {f.stem for f in load_fields(tio2, "val", "sem")}
    val = [f for f in real_fields if f.stem in held_back]
    train = [f for f in real_fields if f.stem not in held_back]
    spectra = [np.mean([appearance.radial_log_psd(f.image) for f in s], 0) for s in (train, val)]
    assert appearance.psd_distance(*spectra) < 0.04
    histograms = [np.mean([appearance.grey_histogram(f.image) for f in s], 0) for s in (train, val)]
    assert appearance.grey_w1(*histograms) < 5
