"""Teaching: what people hand in, what is painted of it, and that the outlines follow."""

from __future__ import annotations

import dataclasses
import os
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from safetensors.torch import load_file
from scipy.ndimage import binary_dilation

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.measuring.analysis import measure_field
from fancgan.measuring.field_of_view import FieldOfView
from fancgan.measuring.results import zip_bytes
from fancgan.measuring.settings import Settings as Chosen
from fancgan.pipeline import Pipeline
from fancgan.training.teach import painted
from fancgan.training.teach.lessons import read_lessons
from fancgan.training.teach.painted import paint_pairs, rearranged
from fancgan.training.teach.teaching import WHOLE, Settings, Teaching, find_particles, kept_aside
from tests.support.drawing import draw_discs, write_pairs
from tests.support.particle_trainings import tiny_config


def field(seed: int = 0, wider: int = 0) -> Field:
    """Drawn discs; labels wider by so many pixels."""
    discs = draw_discs(seed=seed, gap=9)
    labels = discs.labels
    for _ in range(wider):
        grown = binary_dilation(labels > 0)
        labels = np.where(
            grown,
            np.maximum.reduce(
                [np.roll(labels, s, a) for s, a in ((0, 0), (1, 0), (-1, 0), (1, 1), (-1, 1))]
            ),
            0,
        )
    return Field(f"disc{seed}", discs.image, labels, None)


def result_zip(path: Path, chosen: Chosen, seed: int = 0, columns: int = 192) -> Path:
    """The zip that the Segment tab saves of drawn discs, found in the first columns alone."""
    given = field(seed)
    given = dataclasses.replace(given, labels=given.labels * (np.arange(192) < columns))
    view = FieldOfView(given.stem, given.image, None, None, 0, 1)
    path.write_bytes(
        zip_bytes(
            [measure_field(view, given.labels, chosen)], {"name": "particles", "revision": "0"}
        )
    )
    return path


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    return Pipeline.from_pretrained("particles", precision="float32")


@pytest.fixture
def tiny(monkeypatch) -> None:
    """Teachings with crops of 64 px."""

    def training(settings: Settings):
        return tiny_config(steps=settings.steps, seed=settings.seed, lr=6e-4, ema=0.9)

    monkeypatch.setattr(Settings, "training", property(training))


def test_lessons_come_from_results_folders_and_pairs(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", count=2)
    saved = result_zip(tmp_path / "saved.zip", Chosen(nm_per_px=2.0), seed=5)
    mask = tmp_path / "a=b.tif"
    tifffile.imwrite(mask, draw_discs(seed=7).labels.astype(np.uint16))
    Image.fromarray(draw_discs(seed=7).image).save(tmp_path / "one.png")
    lessons = read_lessons([str(pairs), str(saved), f"{tmp_path / 'one.png'}={mask}"])
    assert [lesson.stem for lesson in lessons] == ["disc0", "disc1", "disc5", "one"]
    for lesson, seed in zip(lessons, (0, 1, None, 7), strict=True):
        wanted = field(5) if seed is None else draw_discs(seed=seed)
        assert np.array_equal(lesson.image, wanted.image)
        assert np.array_equal(lesson.labels > 0, wanted.labels > 0)
    assert lessons[2].nm_per_px == 2.0
    with zipfile.ZipFile(saved) as archive:
        archive.extractall(tmp_path / "saved")
    assert np.array_equal(read_lessons([str(tmp_path / "saved")])[0].labels, lessons[2].labels)


def test_what_regions_left_out_teaches_nothing(tmp_path):
    left = {"use": "include", "points": [[0, 0], [96, 0], [96, 160], [0, 160]]}
    saved = result_zip(tmp_path / "saved.zip", Chosen(regions=(left,)), columns=96)
    (lesson,) = read_lessons([str(saved)])
    unseen = (np.arange(192) > 96) & (lesson.labels == 0)
    assert (field().image[unseen] > 90).any(), "discs that nobody outlined"
    assert not (lesson.image[unseen] > 90).any()


def empty(folder: Path) -> str:
    blank = np.zeros((160, 192), np.uint8)
    Image.fromarray(blank).save(folder / "blank.png")
    return f"{folder}/pairs/images/disc0.png={folder}/blank.png"


def small(folder: Path) -> str:
    Image.fromarray(np.eye(64, dtype=np.uint8)).save(folder / "small.png")
    return f"{folder}/pairs/images/disc0.png={folder}/small.png"


def incomplete(folder: Path) -> str:
    folder = folder / "saved"
    with zipfile.ZipFile(result_zip(folder.with_suffix(".zip"), Chosen())) as archive:
        archive.extractall(folder)
    (folder / "disc0_labels.tif").unlink()
    return str(folder)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (lambda f: f"{f}/nothing", "does not exist; give a result's zip, a folder or PICTURE="),
        (lambda f: f"{f}/pairs/images/disc0.png", "comes without outlines"),
        (empty, "disc0 has no particles: outline them first"),
        (small, "is 64 x 64 pixels but its image is 192 x 160"),
        (incomplete, "has no disc0_labels.tif; save the result again"),
        (
            lambda f: str(result_zip(f / "f.zip", Chosen(filters={"ecd_px": (20, None)}))),
            "was saved with filters",
        ),
        (lambda f: str(f), "neither images/ and masks/"),
    ],
)
def test_bad_lessons_are_one_sentence(tmp_path, words, sentence):
    write_pairs(tmp_path / "pairs", count=1)
    with pytest.raises(UserError, match=sentence):
        read_lessons([words(tmp_path)])


def test_two_pictures_of_one_name_are_refused(tmp_path):
    folder = str(write_pairs(tmp_path / "pairs", count=1))
    with pytest.raises(UserError, match="Two pictures are called disc0"):
        read_lessons([folder, folder])


def test_a_layout_holds_the_lessons_own_particles():
    given = field()
    known = set(np.bincount(given.labels.ravel())[1:])
    for seed in range(5):
        layout = rearranged(np.random.default_rng(seed), given.labels)
        assert layout.shape == given.labels.shape
        cut = np.unique(np.concatenate([layout[0], layout[-1], layout[:, 0], layout[:, -1]]))
        whole = np.bincount(layout.ravel())[1:][~np.isin(np.arange(1, layout.max() + 1), cut)]
        assert len(whole) and set(whole) <= known
        assert (layout > 0).mean() == pytest.approx((given.labels > 0).mean(), rel=0.4)
    assert not np.array_equal(layout > 0, given.labels > 0)


def test_touching_particles_stay_together_and_a_packed_layer_is_turned():
    pair = np.zeros((120, 120), np.int32)
    pair[50:60, 40:50], pair[50:60, 50:60] = 1, 2
    layout = rearranged(np.random.default_rng(1), pair)
    rows, columns = np.nonzero(layout)
    assert sorted([np.ptp(rows) + 1, np.ptp(columns) + 1]) == [10, 20]
    packed = np.arange(4).repeat(16).reshape(8, 8).T.repeat(10, 0).repeat(10, 1)
    layout = rearranged(np.random.default_rng(2), packed)
    assert sorted(np.bincount(layout.ravel())) == sorted(np.bincount(packed.ravel()))


def test_a_layout_of_a_large_picture_is_a_part_that_shows_particles():
    large = np.zeros((900, 700), np.int32)
    large[860:, 640:] = 1  # cut by the frame
    for seed in range(5):
        layout = rearranged(np.random.default_rng(seed), large)
        assert max(layout.shape) <= 512 and layout.any()


def test_pairs_are_painted_in_the_lessons_polarity_and_again_the_same(pipe):
    given = field()
    dark = dataclasses.replace(given, image=255 - given.image)
    for lesson, sign in ((given, 1), (dark, -1)):
        (pair,) = paint_pairs(pipe, lesson, 1, seed=3)
        inside = pair.image[pair.labels > 0].mean() - pair.image[pair.labels == 0].mean()
        assert sign * inside > 30
    (again,) = paint_pairs(pipe, dark, 1, seed=3)
    assert np.array_equal(again.image, pair.image)


def test_large_particles_are_painted_smaller(pipe, monkeypatch):
    monkeypatch.setattr(painted, "MOST_TYPICAL_PX", 11.0)
    (pair,) = paint_pairs(pipe, field(), 1, seed=0)
    assert pair.image.shape == (80, 96)


def test_something_is_kept_aside_for_the_trial():
    many = [field(seed) for seed in range(9)]
    taught, aside = kept_aside(many)
    assert len(aside) == 2 and len(taught) == 7 and not set(taught) & set(aside)
    assert [len(part) for part in kept_aside(many[:2])] == [1, 1]
    (left,), (right,) = kept_aside(many[:1])
    assert np.array_equal(np.hstack([left.image, right.image]), many[0].image)
    bare = dataclasses.replace(many[0], labels=many[0].labels * (np.arange(192) < 100))
    assert kept_aside([bare]) == ([], [])


@pytest.mark.usefixtures("tiny")
def test_outlines_follow_those_that_are_wider(pipe, tmp_path):
    lessons = [field(0, wider=3), field(1, wider=3)]
    teaching = Teaching(lessons, pipe, tmp_path / "run", Settings(steps=40, synthetic=False))
    assert teaching.learn(lambda part, step: None)
    image, truth = field(2).image, np.count_nonzero(field(2).labels)
    areas = [
        np.count_nonzero(find_particles(network, teaching.judgement, image))
        for network in (teaching.first, teaching.learned(WHOLE))
    ]
    assert areas[0] == pytest.approx(truth, rel=0.15)
    assert areas[1] > 1.2 * areas[0]


@pytest.mark.usefixtures("tiny")
def test_interrupted_it_goes_on_to_the_same_weights(pipe, tmp_path):
    def begun(name: str, **changes) -> Teaching:
        return Teaching([field(0), field(1)], pipe, tmp_path / name, Settings(3, **changes))

    def interrupt(part: str, step: int) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    straight, parted = begun("straight"), begun("parted")
    assert straight.learn(lambda *_: None)
    assert not parted.learn(interrupt)
    assert begun("parted").learn(lambda *_: None)
    ours, theirs = (
        load_file(tmp_path / n / WHOLE / "weights.safetensors") for n in ("straight", "parted")
    )
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    with pytest.raises(UserError, match="begun with other lessons or settings"):
        begun("parted", synthetic=False)


def test_a_bundle_of_one_material_is_refused(tiny_bundle, tmp_path):
    with pytest.raises(UserError, match="knows one material"):
        Teaching([field()], Pipeline.from_pretrained(tiny_bundle), tmp_path, Settings())
