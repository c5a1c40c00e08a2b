"""What is offered beside the outlines: a model that knows the picture, or other settings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fancgan.pipeline import Pipeline
from fancgan.segmentation.typical_diameter import CANONICAL_PX, overview_scale
from fancgan.ui.models import Models
from fancgan.ui.segment import proposals
from fancgan.ui.segment.open_files import OpenFiles
from tests.support.drawing import draw_discs, mesh, tem_discs


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(Pipeline.from_pretrained())


def offers(models: Models, pixels, nm_per_px: float | None) -> list[dict]:
    opened = OpenFiles(models.default)
    opened.put(models, pixels, "picture", nm_per_px)
    return list(proposals.proposals(models, opened))


def test_who_opens_a_known_picture_is_told_of_the_model_that_knows_it(models):
    mask = draw_discs(256, 384, (16, 20, 24, 28, 32)).mask
    image = models.painter.synthesize(mask, seed=3)
    (offer,) = offers(models, image, 7.0)
    assert offer["action"] == {"do": "model", "name": "tio2-sem"} and "image" not in offer
    assert offers(models, image, 20.0) == [], "another scale"
    assert offers(models, image, None) == [], "no scale"
    assert offers(models, 255 - image, 7.0) == [], "other grey levels"


def test_doubtful_outlines_come_with_other_settings(models, monkeypatch):
    opened = OpenFiles(models.default)
    opened.put(models, mesh(), "picture", None)
    tried = [words.split(",")[0] for words, *_ in proposals._alternatives(models, opened)]
    assert tried[:3] == [*proposals.FACTORS] and len(tried) == 5
    measured = opened.file.result.measured
    opened.file.analysis = dataclasses.replace(
        opened.file.result, measured=dataclasses.replace(measured, diameter_px=1e4)
    )
    *_, action = next(proposals._alternatives(models, opened))
    largest = CANONICAL_PX / overview_scale(opened.file.result.labels.shape)
    assert action["values"]["diameter_px"] == pytest.approx(largest / 2, rel=0.01), "it is seen"
    monkeypatch.setattr(proposals, "SECONDS", 600.0)
    found = list(proposals.proposals(models, opened))
    assert found[-1]["action"]["do"] == "model" and found[-1]["confidence"] is None
    assert all(offer["count"] > 0 and offer["image"].startswith("data:") for offer in found)
    monkeypatch.setattr(proposals, "SECONDS", -1.0)
    assert list(proposals.proposals(models, opened)) == [], "no time is left"


def test_a_part_that_the_model_trusts_is_offered_as_a_region(models):
    opened = OpenFiles(models.default)
    opened.put(models, np.hstack([tem_discs().image, mesh()]), "picture", None)
    file = opened.file
    measured = dataclasses.replace(file.result.measured, doubt="Little trust.")
    file.analysis = dataclasses.replace(file.result, measured=measured)
    offer = next(proposals.proposals(models, opened))
    assert offer["words"] == "this part alone" and offer["count"] == 13
    (region,) = offer["action"]["values"]["regions"]
    (left, top), (right, bottom) = region["points"][0], region["points"][2]
    assert (left, top, right, bottom) == (0, 0, 420, 300)
    opened.act(models, offer["action"])
    assert len(file.result.measured.table) == offer["count"]
    assert round(file.result.measured.confidence, 2) == offer["confidence"]
    assert file.result.measured.area_px == 420 * 300
