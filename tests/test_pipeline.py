"""The public contract: masks in, micrographs out, and back."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from fancgan import Pipeline, UserError, pipeline
from fancgan.networks.tiling import run_tiled
from tests.support.drawing import draw_discs
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def pipe(tiny_bundle: Path) -> Pipeline:
    return Pipeline.from_pretrained(tiny_bundle, precision="float32")


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    return draw_discs(130, 171, radii=(8, 10, 12, 14, 18)).mask


def test_synthesize_keeps_the_contract(pipe: Pipeline, mask: np.ndarray) -> None:
    image = pipe.synthesize(mask, seed=7)
    assert image.shape == mask.shape
    assert image.dtype == np.uint8
    assert image[mask].mean() > image[~mask].mean() + 50


def test_a_seed_repeats_itself_bit_for_bit(pipe: Pipeline, mask: np.ndarray) -> None:
    images = [pipe.synthesize(mask, seed=7) for _ in range(4)]
    assert all(np.array_equal(image, images[0]) for image in images)
    assert (pipe.synthesize(mask, seed=8) != images[0]).mean() > 0.3


def test_another_process_paints_the_same(pipe: Pipeline, tiny_bundle: Path, tmp_path: Path) -> None:
    mask = draw_discs(64, 80, radii=(6, 9)).mask
    np.save(tmp_path / "mask.npy", mask)
    code = (
        "import sys, numpy as np, torch\nfrom fancgan import Pipeline\n"
        "folder, bundle, threads = sys.argv[1:]\ntorch.set_num_threads(int(threads))\n"
        "pipe = Pipeline.from_pretrained(bundle, precision='float32')\n"
        "np.save(folder + '/image.npy', pipe.synthesize(np.load(folder + '/mask.npy'), seed=3))"
    )
    argv = [str(tmp_path), str(tiny_bundle), str(torch.get_num_threads())]
    subprocess.run([sys.executable, "-c", code, *argv], cwd=ROOT, check=True, timeout=300)
    assert np.array_equal(np.load(tmp_path / "image.npy"), pipe.synthesize(mask, seed=3))


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (64, 200)])
def test_any_size_from_32_px_up(pipe: Pipeline, shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, bool)
    mask[5:20, 8:25] = True
    image = pipe.synthesize(mask)
    assert image.shape == shape
    assert pipe.segment(image).shape == shape
    assert pipe.instances(image).shape == shape


def test_a_mask_means_the_same_in_every_type(pipe: Pipeline, mask: np.ndarray) -> None:
    image = pipe.synthesize(mask, seed=1)
    for same in (mask.astype(np.uint8), mask * np.uint8(255), mask.astype(np.int64) * 7):
        assert np.array_equal(pipe.synthesize(same, seed=1), image)
    assert np.array_equal(pipe.segment(image[::-1]), pipe.segment(image[::-1].copy()))
    turned = np.asfortranarray(mask)
    assert np.array_equal(pipe.synthesize(turned, seed=1), image)
    assert np.array_equal(
        pipe.synthesize(mask[::-1], seed=1), pipe.synthesize(mask[::-1].copy(), 1)
    )


def test_touching_labels_are_parted_by_a_line(pipe: Pipeline) -> None:
    labels = np.zeros((64, 96), np.int32)
    labels[10:50, 10:40], labels[10:50, 40:80] = 1, 2
    parted = labels > 0
    parted[10:50, 40] = False
    assert np.array_equal(pipe.synthesize(labels), pipe.synthesize(parted))
    assert pipe.instances(pipe.synthesize(labels)).max() == 2
    assert pipe.instances(pipe.synthesize(labels > 0)).max() == 1


def test_the_style_of_an_image_is_taken_over(pipe: Pipeline, mask: np.ndarray) -> None:
    reference = draw_discs(seed=5).image
    styled = pipe.synthesize(mask, seed=2, style=reference)
    assert (styled != pipe.synthesize(mask, seed=2)).mean() > 0.05
    vector = pipe.measure_style(reference)
    assert np.array_equal(styled, pipe.synthesize(mask, seed=2, style=vector))
    assert vector.dtype == np.float32
    # What a background of 31 grey levels says to a density of mean 31 and sd 6.6.
    assert abs(vector[0]) < 0.3
    darker = pipe.measure_style(np.maximum(reference, 15) - 15)
    assert darker[0] < vector[0] - 1
    assert darker[2] < vector[2] - 1


def test_a_seeds_noise_stays_when_its_style_is_given(pipe: Pipeline, mask: np.ndarray) -> None:
    drawn = pipe.synthesize(mask, seed=11)
    assert np.array_equal(drawn, pipe.synthesize(mask, seed=11, style=pipe.sample_style(11)))
    one_look = pipe.sample_style(11)
    other_noise = pipe.synthesize(mask, seed=12, style=one_look)
    assert (drawn != other_noise).mean() > 0.05


def test_style_of_known_particles(pipe: Pipeline) -> None:
    discs = draw_discs()
    found, told = pipe.measure_style(discs.image), pipe.measure_style(discs.image, discs.mask)
    assert np.abs(found - told).max() < 0.5
    with pytest.raises(UserError, match="its mask is not"):
        pipe.measure_style(discs.image, discs.mask[1:])


def test_segment_and_instances_keep_the_contract(pipe: Pipeline) -> None:
    discs = draw_discs()
    prob = pipe.segment(discs.image)
    assert prob.dtype == np.float32
    assert prob.shape == discs.image.shape
    assert prob.min() >= 0
    assert prob.max() <= 1
    labels = pipe.instances(discs.image)
    assert labels.dtype == np.int32
    assert labels.max() == len(discs.radii)
    agree = (prob > pipe.threshold) & discs.mask
    assert 2 * agree.sum() / ((prob > pipe.threshold).sum() + discs.mask.sum()) > 0.95


def test_sixteen_bits_and_floats_are_the_same_picture(pipe: Pipeline) -> None:
    image = draw_discs().image
    image[0, 0] = 255
    prob = pipe.segment(image)
    assert np.abs(pipe.segment(image.astype(np.uint16) * 257) - prob).max() < 0.02
    assert np.abs(pipe.segment(image.astype(np.float32)) - prob).max() < 1e-6
    assert np.abs(pipe.segment(image / np.float32(255)) - prob).max() < 0.02


def test_the_operating_point_is_the_bundles_unless_given(pipe: Pipeline) -> None:
    discs = draw_discs()
    assert pipe.threshold == pipe.config["operating_point"]["threshold"]
    assert pipe.instances(discs.image, min_area_px=300).max() < len(discs.radii)
    assert pipe.instances(discs.image, threshold=1.0).max() == 0


def test_facts_of_the_bundle(pipe: Pipeline) -> None:
    assert pipe.nm_per_px == 7.344
    assert len(pipe.revision) == 12
    assert pipe.config["name"] == "tiny-random"


def test_tiles_show_no_seam(pipe: Pipeline, monkeypatch) -> None:
    mask = draw_discs(210, 250, radii=(10, 14, 18, 22)).mask
    whole = pipe.synthesize(mask, seed=4)
    prob = pipe.segment(whole)
    monkeypatch.setattr(pipeline, "WHOLE_PX", 0)
    monkeypatch.setattr(pipeline, "TILE_SIDE_PX", 64)
    assert np.abs(pipe.synthesize(mask, seed=4).astype(int) - whole).max() <= 1
    assert np.abs(pipe.segment(whole) - prob).max() < 1e-4


def test_tiles_cover_every_pixel_once() -> None:
    x = torch.randn(1, 2, 70, 45)
    pooled = torch.nn.functional.avg_pool2d
    blurred = run_tiled(lambda t: pooled(t, 5, 1, 2), [x], side=16, halo=4, multiple=4)
    assert torch.allclose(blurred, pooled(x, 5, 1, 2), atol=1e-6)


def test_bfloat16_is_the_same_picture(pipe: Pipeline, tiny_bundle: Path, mask: np.ndarray) -> None:
    half = Pipeline.from_pretrained(tiny_bundle, precision="bfloat16")
    exact, rounded = pipe.synthesize(mask, seed=6), half.synthesize(mask, seed=6)
    difference = rounded.astype(float) - exact
    assert abs(difference.mean()) < 1
    assert np.abs(difference).mean() < 1.5
    assert np.array_equal(half.synthesize(mask, seed=6), rounded)
    assert np.abs(half.segment(exact) - pipe.segment(exact)).mean() < 0.02


def test_threads_share_a_pipeline(pipe: Pipeline, mask: np.ndarray) -> None:
    expected = [pipe.synthesize(mask, seed=seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda seed: pipe.synthesize(mask, seed=seed), [*range(4)] * 2))
    assert all(np.array_equal(image, expected[i % 4]) for i, image in enumerate(images))


SQUARE = np.ones((40, 40), bool)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: p.synthesize(np.zeros((64, 64), bool)), "no particle pixel"),
        (lambda p: p.synthesize(np.ones((1, 1), bool)), "1 x 1 pixels"),
        (lambda p: p.synthesize(np.ones((31, 400), bool)), "400 x 31 pixels"),
        (lambda p: p.synthesize(np.ones((64, 64, 3), np.uint8)), "one grey picture"),
        (lambda p: p.synthesize(np.ones((64, 64), np.float32)), "whole numbers"),
        (lambda p: p.synthesize(np.zeros((0, 64), bool)), "64 x 0 pixels"),
        (lambda p: p.synthesize("mask.png"), "one grey picture"),
        (lambda p: p.synthesize(np.broadcast_to(True, (10_000, 10_000))), "megapixels"),
        (lambda p: p.synthesize(SQUARE, seed=-1), "seed"),
        (lambda p: p.synthesize(SQUARE, seed=1.5), "seed"),
        (lambda p: p.synthesize(SQUARE, seed=2**63), "seed"),
        (lambda p: p.synthesize(SQUARE, style=np.zeros(3)), "style"),
        (lambda p: p.synthesize(SQUARE, style=np.full(7, np.nan)), "style"),
        (lambda p: p.synthesize(SQUARE, style=np.zeros((8, 8))), "8 x 8 pixels"),
        (lambda p: p.segment(np.zeros((1, 1), np.uint8)), "1 x 1 pixels"),
        (lambda p: p.segment(np.zeros((64, 64, 3), np.uint8)), "one grey picture"),
        (lambda p: p.segment(np.full((64, 64), np.nan)), "NaN"),
        (lambda p: p.instances(np.zeros((64, 64), complex)), "grey levels"),
    ],
)
def test_bad_input_is_one_sentence(pipe: Pipeline, call, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        call(pipe)
    assert "\n" not in str(error.value)


def test_an_unknown_precision_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(UserError, match="float32"):
        Pipeline.from_pretrained(tiny_bundle, precision="fp16")


def test_the_default_bundle_closes_the_cycle() -> None:
    pipe = Pipeline.from_pretrained()
    mask = draw_discs(256, 256, radii=(16, 18, 20, 22, 24, 26)).mask
    image = pipe.synthesize(mask, seed=1)
    read = pipe.segment(image) > pipe.threshold
    assert 2 * (read & mask).sum() / (read.sum() + mask.sum()) > 0.9
    assert np.array_equal(image, pipe.synthesize(mask, seed=1))
