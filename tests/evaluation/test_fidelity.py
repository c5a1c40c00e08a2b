"""Feature networks, and the fidelity figures of images that are copies of real ones."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from torch.nn.functional import avg_pool2d

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.evaluation.baselines import ProfileAndNoise
from fancgan.evaluation.features import Extractor, load_extractor, patches
from fancgan.evaluation.fidelity import fidelity_figures
from fancgan.evaluation.field_summary import drawn_floor
from fancgan.evaluation.paired_similarity import paired_scores


def as_field(discs, stem: str = "disc") -> Field:
    return Field(stem, discs.image, discs.labels, None)


def test_patches_cover_the_image_evenly():
    image = np.arange(300 * 500).reshape(300, 500)
    crops = patches(image, 256)
    assert crops.shape == (12, 256, 256)
    assert crops[0, 0, 0] == image[0, 0] and crops[-1, -1, -1] == image[-1, -1]
    assert patches(image[:256, :256], 256).shape == (1, 256, 256)
    with pytest.raises(UserError, match="200 x 300"):
        patches(image[:, :200])


def test_extractor_is_frozen_and_tells_images_apart(draw_discs):
    extractor = load_extractor("efficientnet_lite1")
    images = np.stack([draw_discs(seed=s).image for s in range(2)])
    features = extractor(images)
    assert features.shape == (2, 1280) and np.isfinite(features).all()
    np.testing.assert_allclose(extractor(images[1:]), features[1:], rtol=1e-3, atol=1e-4)
    assert np.abs(features[0] - features[1]).max() > 0.01


def test_features_that_cannot_be_had_are_one_sentence(monkeypatch):
    with pytest.raises(UserError, match="efficientnet_lite1"):
        load_extractor("vgg")
    monkeypatch.setitem(sys.modules, "torch_fidelity.utils", None)
    with pytest.raises(UserError, match="pip install torch-fidelity"):
        load_extractor("inception")


class RealPipe:
    """Paints with the trivial painter; takes the background of a reference image exactly."""

    def __init__(self, painter: ProfileAndNoise):
        self.painter = painter

    def synthesize(self, mask, seed=0, style=None):
        image = self.painter.synthesize(mask, seed).astype(float)
        level = np.median(style) if style is not None else 31
        return (image + level - 31).clip(0, 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def disc_figures(draw_discs):
    fields = [as_field(draw_discs(256, 256, seed=s), f"d{s}") for s in range(6)]
    train, val = fields[:3], fields[3:]
    pipe = RealPipe(ProfileAndNoise(train))
    copies = [[f.image, f.image] for f in val]
    coarse = Extractor("coarse", lambda rgb: avg_pool2d(rgb[:, :1], 32) / 128)
    judges = coarse, paired_scores()
    return fidelity_figures(pipe, val, copies, train, judges, say=lambda line: None)


def test_copies_of_real_images_are_perfect(disc_figures):
    for name in ("log_psd", "grey_w1", "noise_sd_error", "edge_profile"):
        assert disc_figures[name].value == pytest.approx(0, abs=1e-9)
    assert disc_figures["ssim"].value == 1
    assert disc_figures["psnr"].value == np.inf and disc_figures["psnr"].to_dict()["value"] is None
    assert disc_figures["nearest_train"].value == pytest.approx(1)
    assert disc_figures["diversity"].value == 0
    references = disc_figures["edge_profile"].references
    assert set(references) == {"real train against these", "two grey levels", "profile and noise"}
    assert references["two grey levels"] > references["profile and noise"] > 0


def test_a_reference_image_is_obeyed(disc_figures):
    figure = disc_figures["style_obedience"]
    assert figure.n == 6
    assert np.isfinite(figure.value)


def test_the_drawn_floor_compares_different_images():
    seen = []

    def distance(some, others):
        seen.append((len(some), *sorted([*some, *others])))
        return -2.0 if len(seen) % 2 else 4.0

    (floor,) = drawn_floor(distance, train=10, judged=4).values()
    assert floor == 3, "of distances that have a sign, the size counts"
    assert set(seen) == {(4, *range(10))}
    assert drawn_floor(distance, train=7, judged=4) == {}
