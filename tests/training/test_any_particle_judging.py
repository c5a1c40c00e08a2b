"""A finished training is judged by its own images, once, and wholly or not at all."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from fancgan.datasets.sources import parse_source
from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.particles.map_targets import map_targets
from fancgan.segmentation.confidence import PARTICLE_FEATURES
from fancgan.segmentation.finding import Judgement, find_particles
from fancgan.segmentation.joining import FEATURES
from fancgan.segmentation.looking import Look, maps_of
from fancgan.training.any_particle import judging
from fancgan.training.any_particle.answers import Answer, decode, pairs_to_join
from fancgan.training.any_particle.exams import Exam, draw_exams
from fancgan.training.any_particle.pictures import is_aside, load_sets
from fancgan.training.any_particle.strange import KINDS, ground_of, strange_picture
from tests.support.drawing import draw_discs, write_pairs
from tests.support.particle_trainings import sets_of, tiny_training


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "discs", count=6, height=96, width=112)


def test_a_run_ends_with_a_judgement_that_finds(folder, tmp_path, capsys):
    run, sets = tmp_path / "run", load_sets([parse_source(str(folder))], aside_every=2)
    assert sets[0].aside and sets[0].train
    training = tiny_training(run, sets, steps=2, judge_pictures=2)

    def stop(step: int) -> None:  # at the last step: the judging is put off
        os.kill(os.getpid(), signal.SIGTERM)

    assert not training.run(on_step=lambda step: stop(step) if step == 2 else None)
    assert not (run / "judgement.json").exists()

    again = tiny_training(run, sets, steps=2, judge_pictures=2)
    assert again.step == 2 and again.run()
    written = (run / "judgement.json").read_bytes()
    record = json.loads(written)
    assert record["step"] == 2
    assert record["fitted_on"] == {"aside": 2, "trained_on": 0, "without_particles": 1}
    assert "looking" in capsys.readouterr().err
    judgement = Judgement.from_dict(record)
    image = sets[0].val[0].image
    network = DeployedParticleNet(again.learner.ema.network)
    found = find_particles(maps_of(network, image), image.shape, judgement)
    assert found.labels.shape == image.shape and 0 <= found.picture_confidence <= 1

    assert tiny_training(run, sets, steps=2, judge_pictures=2).run()
    assert (run / "judgement.json").read_bytes() == written
    assert tiny_training(run, sets, steps=3, judge_pictures=0).run(), "other weights, not judged"
    (run / "judgement.json").write_text("{")
    assert judging.judged_step(run / "judgement.json") is None


def test_images_kept_aside_come_first_then_of_each_set_as_many(folder, tmp_path):
    more = write_pairs(tmp_path / "more", count=6, height=96, width=112)
    sets = load_sets([parse_source(str(f)) for f in (folder, more)], aside_every=2)
    aside = sum(len(each.aside) for each in sets)
    exams = draw_exams(sets, aside + 2, seed=0)
    plain = [e for e in exams if e.plain]
    assert [e.aside for e in plain] == [True] * aside + [False] * 2
    assert {e.source.split("/")[0] for e in plain if not e.aside} == {"discs", "more"}
    spoiled = [e for e in exams if not e.plain and e.labels.any()]
    assert len(spoiled) == 2 * aside + 2
    assert all(
        e.diameter_px or (e.grey != p.grey).any()
        for e in spoiled
        for p in plain
        if p.source == e.source
    )
    again = draw_exams(sets, aside + 2, seed=0)
    assert all((a.grey == b.grey).all() for a, b in zip(exams, again, strict=True))
    none = draw_exams(sets_of(folder), 3, seed=0)
    assert len([e for e in none if e.plain]) == 3 and not any(e.aside for e in none if e.plain)


def test_sources_stay_together_and_one_field_still_trains(folder, tmp_path):
    papers = {f"disc{n}": f"paper {n // 2}" for n in range(6)}
    (folder / "papers.json").write_text(json.dumps(papers))
    for every in (2, 3):
        each = load_sets([parse_source(str(folder))], every)[0]
        sides = [{each.source_of(f) for f in part} for part in (each.train, each.aside)]
        assert not sides[0] & sides[1]
    assert sum(is_aside(str(n), 8) for n in range(800)) == pytest.approx(100, abs=30)
    (folder / "split.json").write_text('{"train": ["disc0"]}')
    for every in (1, 8):
        alone = load_sets([parse_source(str(folder))], every)[0]
        assert len(alone.train) == 1 and not alone.aside


def test_strange_pictures_show_no_particle_and_ground_is_free_of_them():
    for number in range(2 * len(KINDS)):
        kind, grey = strange_picture(np.random.default_rng(number), number)
        assert kind in KINDS and grey.dtype == np.uint8 and min(grey.shape) >= 192
    image = np.arange(200 * 300).reshape(200, 300) % 251
    labels = np.zeros((200, 300), int)
    labels[:, 40] = 1
    ground = ground_of(image.astype(np.uint8), labels)
    assert min(ground.shape) >= 195
    assert any(
        (image[r : r + 195, c : c + 195] == ground[:195, :195]).all()
        for r in range(6)
        for c in range(41, 106)
    )
    labels[:, ::80] = 1
    assert ground_of(image.astype(np.uint8), labels) is None


def answered(labels: np.ndarray, maps: np.ndarray) -> Answer:
    """What a network answers that gives these maps, at the size of the picture."""
    exam = Exam(np.zeros(labels.shape, np.uint8), labels, "one", plain=True, aside=True)
    return Answer(exam, Look(maps, 1.0, 20.0, 20.0))


def test_what_lies_in_one_particle_is_to_be_joined_and_no_more():
    """A rod whose depth map has two summits, and a square that touches it."""
    labels = np.zeros((80, 120), np.int32)
    labels[20:40, 20:80], labels[20:40, 80:100] = 1, 2
    maps = map_targets(labels)
    maps[2, :, 45:55] *= 0.5
    features, same = pairs_to_join(answered(labels, maps), 0.5, np.random.default_rng(0))
    assert features.shape == (len(same), len(FEATURES))
    outline = features[:, FEATURES.index("outline between")]
    assert same.sum() >= 1 and outline[same > 0].max() < 0.5 < outline[same == 0].min()
    nothing = answered(0 * labels, map_targets(0 * labels))
    features, same = pairs_to_join(nothing, 0.5, np.random.default_rng(0))
    assert features.shape == (0, len(FEATURES)) and same.shape == (0,)


def test_particles_are_right_where_they_cover_true_ones():
    discs = draw_discs(160, 192, radii=(8, 10, 12, 14))
    found = decode(answered(discs.labels, map_targets(discs.labels)), judging.PLAIN_JOIN, 0.5)
    assert found.right.tolist() == [1, 1, 1, 1] and found.large.all()
    kept = np.array([True, True, True, False])
    assert found.scores(kept) == pytest.approx((3 / 4, 6 / 7))
    assert found.scores(~(kept | True)) == (0, 0)
    false = decode(answered(0 * discs.labels, map_targets(discs.labels)), judging.PLAIN_JOIN, 0.5)
    assert not false.right.any() and false.scores(kept) == (0, 0)
    assert false.scores(~(kept | True)) == (1, 0), "right to show none, but nothing to trust"


def test_with_too_little_to_learn_from_there_is_a_plain_rule():
    exams = [answered(np.ones((32, 32), int), np.zeros((6, 32, 32))).exam] * 2
    table = (np.zeros((3, len(PARTICLE_FEATURES))), np.ones(3))
    chosen, answers, figures = judging.learn(
        "particle", judging.FIT_PARTICLE, judging.PLAIN_PARTICLE, [table, table], exams
    )
    assert chosen is judging.PLAIN_PARTICLE and not figures
    assert [len(a) for a in answers] == [3, 3]
