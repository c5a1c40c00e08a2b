"""The weights in fancgan/bundles/particles on drawn pictures: what holds without any setting."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fancgan.errors import UserError
from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.networks.particle_net.stored import load_particle_net, maps_of
from fancgan.pretrained.bundle import PACKAGED
from fancgan.pretrained.find import packaged
from fancgan.segmentation.finding import Found, Judgement, find_particles
from tests.support.drawing import draw_discs

FOLDER = PACKAGED / "particles"
RADII = (10, 11, 12, 13, 14, 15, 16, 17, 18)


@pytest.fixture(scope="module")
def network() -> DeployedParticleNet:
    return load_particle_net(FOLDER / "model.safetensors")


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return Judgement.from_dict(json.loads((FOLDER / "judgement.json").read_text()))


def find(network: DeployedParticleNet, judgement: Judgement, image: np.ndarray) -> Found:
    return find_particles(maps_of(network, image), image.shape, judgement)


@pytest.mark.parametrize("dark", [False, True], ids=["bright", "dark"])
@pytest.mark.parametrize("enlarged", [1, 3])
def test_drawn_discs_are_found(
    network: DeployedParticleNet, judgement: Judgement, dark: bool, enlarged: int
) -> None:
    drawn = draw_discs(240, 320, radii=RADII)
    image = (255 - drawn.image if dark else drawn.image).repeat(enlarged, 0).repeat(enlarged, 1)
    truth = drawn.labels.repeat(enlarged, 0).repeat(enlarged, 1)
    found = find(network, judgement, image)
    assert found.labels.max() == len(RADII)
    assert found.diameter_px == pytest.approx(2 * np.median(RADII) * enlarged, rel=0.1)
    assert (found.confidence > 0.8).all() and found.picture_confidence > 0.8
    both = ((found.labels > 0) & (truth > 0)).sum()
    assert 2 * both / ((found.labels > 0).sum() + (truth > 0).sum()) > 0.95


@pytest.mark.parametrize("sd", [6, 12, 25])
def test_nothing_is_found_in_noise(
    network: DeployedParticleNet, judgement: Judgement, sd: float
) -> None:
    noise = np.random.default_rng(0).normal(110, sd, (240, 320)).clip(0, 255).astype(np.uint8)
    found = find(network, judgement, noise)
    assert not found.labels.any() and found.picture_confidence < 0.8


def test_they_are_no_bundle_yet() -> None:
    assert "particles" not in packaged()


def test_other_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="do not exist"):
        load_particle_net(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    for path in (tmp_path / "model.safetensors", PACKAGED / "tio2-sem/model.safetensors"):
        with pytest.raises(UserError, match="holds no weights of the particle network"):
            load_particle_net(path)
