"""The figures of many pictures, where squares of known overlap give them in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.evaluation import metrics
from fancgan.evaluation.segmentation import (
    SegmentationScores,
    by_source,
    confidence_figures,
    score_segmentation,
    segmentation_figures,
)
from fancgan.segmentation.finding import Found


def squares(count: int, side: int = 10, width: int = 10) -> np.ndarray:
    """Labels [side + 4, ...] of `count` upright boxes in a row, none cut by the frame."""
    labels = np.zeros((side + 4, 1 + count * (side + 4)), np.int32)
    for number in range(count):
        left = 2 + number * (side + 4)
        labels[2 : 2 + side, left : left + width] = number + 1
    return labels


def picture(
    count: int,
    found: int,
    width: int = 10,
    confidence: float | None = None,
    particles: list[float] | None = None,
) -> SegmentationScores:
    """Scores of a picture of `count` squares, the first `found` of them seen, at a width."""
    truth, pred = squares(count), squares(count, width=width)
    pred[pred > found] = 0
    sure = None if particles is None else np.array(particles)
    return score_segmentation(truth > 0, truth, pred > 0, Found(pred, sure, confidence))


def values(fields: list[list[SegmentationScores]]) -> dict[str, float]:
    return {name: f.value for name, f in segmentation_figures(fields, {}, "squares").items()}


def test_known_errors_give_known_figures():
    # All of 2, half of 4, none of 1; then 5 of 5, of which each has only 6 of 10 columns.
    scores = [picture(2, 2), picture(4, 2), picture(1, 0), picture(5, 5, width=6)]
    found = values([[s] for s in scores])
    assert [s.ap50 for s in scores] == [1, 0.5, 0, 1]
    assert [s.f1 for s in scores] == pytest.approx([1, 2 / 3, 0, 1])
    assert found["ap50"] == pytest.approx(9 / 12)
    assert found["ap50_mean"] == pytest.approx(2.5 / 4)
    assert found["ap50_share"] == 3 / 4
    # IoU 0.6 is enough at 0.50, 0.55, 0.60 of ten thresholds.
    assert found["ap50_95_mean"] == pytest.approx((1 + 0.5 + 0 + 0.3) / 4)
    assert found["ap50_95"] == pytest.approx((3 * 9 / 12 + 7 * 4 / 17) / 10)
    assert found["dice"] == pytest.approx((1 + 2 / 3 + 0 + 0.75) / 4)
    assert found["count_error"] == pytest.approx(-3 / 12)
    assert found["image_count_error"] == pytest.approx(np.median([0, 0.5, 1, 0]))
    narrow = 1 - np.sqrt(0.6)
    assert found["typical_error"] == pytest.approx(np.median([0, 0, 1, narrow]))
    assert found["typical_share"] == 3 / 4


def test_pictures_of_one_source_are_drawn_together():
    scores = [[picture(2, 2)], [picture(4, 2)], [picture(1, 0)], [picture(5, 5)]]
    sources = {"b": "paper", "d": "paper"}
    rows = by_source(scores, ["a", "b", "c", "d"], sources)
    assert rows == [scores[0], scores[1] + scores[3], scores[2]]
    alone, together = (segmentation_figures(f, {}, "x", ("ap50",))["ap50"] for f in (scores, rows))
    assert together.value == alone.value and together.n == 4
    assert together.interval != alone.interval


def test_a_confidence_is_judged_by_the_order_that_it_gives():
    # F1 of 1, 2/3, 0.4, 0: two serve and two do not.
    shares, right = [(4, 4), (4, 2), (4, 1), (4, 0)], [0.9, 0.8, 0.3, 0.1]
    ones = [[0.5] * found for _, found in shares]

    def judged(order: list[float]) -> dict[str, float]:
        rows = zip(shares, order, ones, strict=True)
        figures = confidence_figures([[picture(*s, 10, c, o)] for s, c, o in rows])
        return {name: figure.value for name, figure in figures.items()}

    assert judged(right)["confidence_auc"] == judged(right)["confidence_rank"] == 1
    assert judged(right[::-1])["confidence_auc"] == 0
    assert judged(right[::-1])["confidence_rank"] == -1
    assert judged([0.9, 0.3, 0.8, 0.1])["confidence_auc"] == 3 / 4
    assert judged([0.9, 0.3, 0.8, 0.1])["confidence_rank"] == pytest.approx(0.8)
    assert (
        np.isnan(judged([0.5] * 4)["confidence_rank"])
        and judged([0.5] * 4)["confidence_auc"] == 0.5
    )
    # Where nothing was found the mean confidence is 0; elsewhere it is 0.5 here.
    assert judged(right)["mean_confidence_auc"] == 3 / 4
    assert np.isnan(judged(right)["particle_confidence_auc"]), "no particle is wrong"


def test_a_particles_confidence_is_judged_by_its_match():
    truth = squares(3)
    found = truth.copy()
    found[:, : 2 + 4 + 10] = np.where(found == 1, 0, found)[:, : 2 + 4 + 10]  # 1 is somewhere else
    found[:2, 1:30] = 1
    score = score_segmentation(
        truth > 0, truth, found > 0, Found(found, np.array([0.7, 0.9, 0.6]), 0.5)
    )
    assert score.particle_right.tolist() == [False, True, True]
    figure = confidence_figures([[score]])["particle_confidence_auc"]
    assert figure.value == 0.5 and figure.n == 3 and figure.of == "particles"
    assert "2 such particles, 1 others" in figure.meaning


def test_without_confidences_nothing_is_said_of_them():
    assert confidence_figures([[picture(2, 2)]]) == {}


def test_the_typical_diameter_counts_particles_that_the_frame_cuts():
    labels = np.zeros((20, 40), np.int32)
    labels[:, :10], labels[:, 12:22], labels[5:10, 30:36] = 1, 2, 3
    assert metrics.typical_diameter(labels) == pytest.approx(np.sqrt(4 * 200 / np.pi))
    assert metrics.typical_diameter(np.zeros((9, 9), np.int32)) == 0
