"""The bundle `particles` on drawn pictures: what holds without any setting, and with a diameter."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fancgan.errors import UserError
from fancgan.networks.particle_net.stored import load_particle_net
from fancgan.pipeline import Pipeline
from fancgan.pretrained.bundle import PACKAGED, open_bundle
from tests.support.drawing import draw_discs

RADII = (10, 11, 12, 13, 14, 15, 16, 17, 18)


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    return Pipeline.from_pretrained("particles")


@pytest.mark.parametrize("dark", [False, True], ids=["bright", "dark"])
@pytest.mark.parametrize("enlarged", [1, 3])
def test_drawn_discs_are_found(pipe: Pipeline, dark: bool, enlarged: int) -> None:
    drawn = draw_discs(240, 320, radii=RADII)
    image = (255 - drawn.image if dark else drawn.image).repeat(enlarged, 0).repeat(enlarged, 1)
    truth = drawn.labels.repeat(enlarged, 0).repeat(enlarged, 1)
    found = pipe.find(image)
    assert found.labels.max() == len(RADII)
    assert found.diameter_px == pytest.approx(2 * np.median(RADII) * enlarged, rel=0.1)
    assert (found.confidence > 0.8).all() and found.picture_confidence > 0.8
    both = ((found.labels > 0) & (truth > 0)).sum()
    assert 2 * both / ((found.labels > 0).sum() + (truth > 0).sum()) > 0.95


@pytest.mark.parametrize("sd", [6, 12, 25])
def test_nothing_is_found_in_noise(pipe: Pipeline, sd: float) -> None:
    noise = np.random.default_rng(0).normal(110, sd, (240, 320)).clip(0, 255).astype(np.uint8)
    found = pipe.find(noise)
    assert not found.labels.any() and found.picture_confidence < 0.8


def test_a_person_may_know_the_diameter_better(pipe: Pipeline) -> None:
    """One drawn raspberry: a disc of discs is one particle or many, as one is told."""
    drawn = draw_discs(240, 320, radii=RADII)
    one_look = pipe.find(drawn.image, diameter_px=28)
    assert one_look.first_diameter_px == 28
    assert one_look.labels.max() == len(RADII)
    assert (pipe.instances(drawn.image, diameter_px=28) == one_look.labels).all()
    assert pipe.predict(drawn.image, diameter_px=28).look.scale == pytest.approx(36 / 28, rel=0.01)
    for bad in (0, -3, 1e9, float("nan")):
        with pytest.raises(UserError, match="typical diameter"):
            pipe.find(drawn.image, diameter_px=bad)


def test_words_and_scale_bars_are_no_particles(pipe: Pipeline) -> None:
    drawn = draw_discs(240, 320, radii=RADII)
    picture = Image.fromarray(drawn.image)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((200, 226, 300, 231), fill=255)
    pen.text((205, 200), "200 nm", fill=255, font=ImageFont.load_default(20))
    assert pipe.find(np.array(picture)).labels.max() == len(RADII)
    prediction = pipe.predict(np.array(picture))
    assert prediction.overlays[228, 250] and not prediction.overlays[drawn.labels > 0].any()
    everywhere = dataclasses.replace(prediction, overlays=np.ones((240, 320), bool))
    assert not everywhere.decode().labels.any()


def test_it_paints_any_look_and_is_small_enough_to_ship(pipe: Pipeline) -> None:
    bundle = open_bundle(PACKAGED / "particles")
    assert bundle.config["version"] == 2 and bundle.paints
    assert sum((bundle.path / name).stat().st_size for name in bundle.files) < 40e6
    assert pipe.any_look and len(pipe.looks()) == 12
    with pytest.raises(UserError, match="knows no cores"):
        pipe.instances(draw_discs(64, 64, radii=(9,)).image, min_core_px=4)


def test_a_bundle_of_one_scale_takes_no_diameter() -> None:
    with pytest.raises(UserError, match="takes no diameter; choose the bundle particles"):
        Pipeline.from_pretrained("tio2-sem").instances(np.zeros((64, 64), np.uint8), diameter_px=9)


def test_other_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="do not exist"):
        load_particle_net(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="is damaged or no safetensors file"):
        load_particle_net(tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="holds no weights of the particle network"):
        load_particle_net(PACKAGED / "tio2-sem/model.safetensors")
