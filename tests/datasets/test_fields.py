"""Pairs, splits and instance labels; no mask is resized, eroded or merged."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom
from scipy.ndimage import label as connected

from fancgan.datasets.fields import default_val, load_fields
from fancgan.particles.labels import read_mask, separate
from tests.support.sentences import fails

TOUCHING = np.zeros((40, 60), np.int32)
TOUCHING[5:20, 5:30] = 3
TOUCHING[5:20, 30:50] = 7
TOUCHING[20:35, 10:40] = 5


# masks


@pytest.mark.parametrize("high", [1, 255, True])
@pytest.mark.parametrize("name", ["m.png", "m.tif"])
def test_binary_masks_are_labelled(tmp_path, draw_discs, high, name):
    discs = draw_discs()
    image = discs.mask if high is True else (discs.mask * np.uint8(high))
    Image.fromarray(image).save(tmp_path / name)
    labels = read_mask(tmp_path / name)
    assert labels.dtype == np.int32
    assert labels.max() == len(discs.radii)
    assert np.array_equal(labels > 0, discs.mask)


def test_a_line_of_one_pixel_parts_particles(tmp_path):
    mask = np.zeros((40, 40), np.uint8)
    mask[5:35, 5:35] = 255
    mask[:, 20] = 0
    mask[5, 19:21] = [255, 0]
    Image.fromarray(mask).save(tmp_path / "m.png")
    labels = read_mask(tmp_path / "m.png")
    assert labels.max() == 2
    assert np.array_equal(labels > 0, mask > 0)


def test_particles_that_meet_at_a_corner_are_two(tmp_path):
    mask = np.zeros((40, 40), np.uint8)
    mask[:20, :20] = mask[20:, 20:] = 1
    Image.fromarray(mask).save(tmp_path / "m.png")
    labels = read_mask(tmp_path / "m.png")
    assert labels.max() == 2
    assert np.array_equal(separate(labels), labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_instance_maps_are_kept(tmp_path, dtype):
    factor = 1 if dtype == np.uint8 else 300
    labels = TOUCHING * factor
    tifffile.imwrite(tmp_path / "m.tif", labels.astype(dtype))
    assert np.array_equal(read_mask(tmp_path / "m.tif"), labels)


def test_instance_map_with_a_particle_in_two_pieces(tmp_path, draw_discs):
    labels = draw_discs(radii=(8,) * 10).labels
    labels[labels == 2] = 1
    Image.fromarray(labels.astype(np.uint16)).save(tmp_path / "m.png")
    assert np.array_equal(read_mask(tmp_path / "m.png"), labels)


def test_palette_masks_are_their_indices(tmp_path):
    image = Image.fromarray(TOUCHING.astype(np.uint8)).convert("P")
    image.putpalette([(40 * i) % 256 for i in range(768)])
    image.save(tmp_path / "m.png")
    assert np.array_equal(read_mask(tmp_path / "m.png"), TOUCHING)


@pytest.mark.parametrize("radii", [(6, 9, 12, 15), (14, 14), (30,)])
def test_smoothed_masks_are_refused(tmp_path, draw_discs, radii):
    path = tmp_path / "m.png"
    for seed in range(6):
        binary = draw_discs(seed=seed, radii=radii).mask * 255.0
        jpeg = BytesIO()
        Image.fromarray(binary.astype(np.uint8)).save(jpeg, "JPEG", quality=95)
        for grey in (
            gaussian_filter(binary, 0.7),
            gaussian_filter(binary, 4),
            zoom(binary, 1.3, order=1),
            np.array(Image.open(jpeg)),
            binary / 2 + np.roll(binary, 2, axis=1) / 2,
        ):
            Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(path)
            fails("m.png is neither binary nor a map of particle numbers", read_mask, path)


def test_numbered_particles_may_lie_in_pieces(tmp_path):
    """A rod across others parts them; numbers without a gap, in areas, are no smoothed mask."""
    labels = np.zeros((60, 90), np.uint16)
    for number in range(1, 5):
        labels[5:55, 20 * number - 12 : 20 * number] = number
    labels[20:24], labels[40:44] = 5, 6
    path = tmp_path / "m.png"
    Image.fromarray(labels).save(path)
    assert np.array_equal(read_mask(path), labels)
    Image.fromarray(labels.astype(np.uint8)).save(path)
    assert np.array_equal(read_mask(path), labels)
    smoothed = gaussian_filter((labels > 0) * 7.0, 1.5).round().astype(np.uint8)
    assert len(np.unique(smoothed)) == 8
    Image.fromarray(smoothed).save(path)
    fails("neither binary nor a map", read_mask, path)


def test_other_bad_masks(tmp_path, draw_discs):
    discs = draw_discs()
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, discs.labels.astype(np.float32) + 0.5)
    fails("neither binary", read_mask, path)
    tifffile.imwrite(path, discs.labels.astype(np.int16) - 1)
    fails("neither binary", read_mask, path)
    tifffile.imwrite(path, np.where(discs.mask, 2, 1).astype(np.uint8))
    fails("neither binary", read_mask, path)
    tifffile.imwrite(path, np.stack([discs.mask * np.uint8(255)] * 3, axis=-1))
    fails("m.tif has 3 channels", read_mask, path)
    tifffile.imwrite(path, discs.image)
    fails("neither binary", read_mask, path)
    fails("does not exist", read_mask, tmp_path / "none.tif")


def test_empty_and_full_masks_are_masks(tmp_path):
    Image.new("L", (40, 40), 0).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").max() == 0
    Image.new("L", (40, 40), 255).save(tmp_path / "m.png")
    assert (read_mask(tmp_path / "m.png") == 1).all()


def test_separate_parts_touching_particles_by_one_pixel():
    apart = separate(TOUCHING)
    assert np.array_equal(apart[apart > 0], TOUCHING[apart > 0])
    assert connected(apart > 0)[1] == 3
    lost = (TOUCHING > 0) & (apart == 0)
    assert 0 < lost.sum() <= 15 + 15 + 20 + 1
    assert not lost[TOUCHING == 3].any()
    assert np.array_equal(separate(apart), apart)


def test_separate_leaves_its_argument_alone():
    before = TOUCHING.copy()
    separate(TOUCHING)
    assert np.array_equal(TOUCHING, before)


# data sets


def test_pairs_load_at_native_size(pair_folder, draw_discs):
    fields = load_fields(pair_folder, "all")
    assert [field.stem for field in fields] == ["disc0", "disc1", "disc2", "disc3"]
    for seed, field in enumerate(fields):
        discs = draw_discs(seed=seed)
        assert np.array_equal(field.image, discs.image)
        assert np.array_equal(field.mask, discs.mask)
        assert field.mask.dtype == bool and field.labels.dtype == np.int32
        assert field.labels.max() == len(discs.radii)
        assert field.nm_per_px is None


def test_split_without_a_table(pair_folder):
    train = [field.stem for field in load_fields(pair_folder, "train")]
    val = [field.stem for field in load_fields(pair_folder, "val")]
    assert len(val) == 1 and len(train) == 3
    assert not set(train) & set(val)
    assert val == [field.stem for field in load_fields(pair_folder, "val")]


def test_default_split_is_a_tenth_spread_over_the_set():
    assert default_val(["only"]) == []
    for count in range(2, 60):
        stems = [f"{number:03d}" for number in range(count)]
        val = default_val(stems)
        assert len(val) == max(1, round(count / 10))
        assert len(set(val)) == len(val) < count
        assert default_val(stems[::-1]) == val
    assert default_val([f"{n:02d}" for n in range(40)]) == ["09", "19", "29", "39"]


def test_split_table(pair_folder):
    (pair_folder / "split.json").write_text(json.dumps({"train": ["disc2"], "val": ["disc0"]}))
    assert [field.stem for field in load_fields(pair_folder, "train")] == ["disc2"]
    assert [field.stem for field in load_fields(pair_folder, "all")] == ["disc0", "disc2"]
    fails("no test images", load_fields, pair_folder, "test")


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"train": 3, "val": []}', '{"train": ["a"], "val": ["a"]}']
)
def test_broken_split_table(pair_folder, text):
    (pair_folder / "split.json").write_text(text)
    fails("split", load_fields, pair_folder)


@pytest.mark.parametrize("ending", ["_m", "_mask"])
def test_mask_names_with_an_ending(pair_folder, ending):
    for path in list((pair_folder / "masks").iterdir()):
        path.rename(path.with_stem(path.stem + ending))
    assert len(load_fields(pair_folder, "all")) == 4


def test_other_files_are_ignored(pair_folder):
    (pair_folder / "images" / "Thumbs.db").touch()
    (pair_folder / "images" / ".disc0.png").touch()
    (pair_folder / "masks" / "notes.txt").touch()
    assert len(load_fields(pair_folder, "all")) == 4


def test_a_touching_instance_map_gets_separators(pair_folder):
    labels = np.zeros((160, 192), np.uint16)
    labels[40:80, 40:80], labels[40:80, 80:120] = 1, 2
    Image.fromarray(labels).save(pair_folder / "masks" / "disc0.png")
    field = load_fields(pair_folder, "all")[0]
    assert np.array_equal(field.labels, labels)
    assert connected(field.mask)[1] == 2
    assert field.mask.sum() == 2 * 40 * 40 - 40


@pytest.mark.parametrize("mask_has_bar", [False, True])
def test_info_bar_is_cut_off_image_and_mask(tmp_path, draw_discs, info_bar, mask_has_bar):
    """A particle drawn over the bar must not join two that the cut parts."""
    discs = draw_discs(300, 400)
    mask = np.zeros((340, 400), np.uint8)
    mask[280:340, 50:70] = mask[280:340, 90:110] = mask[310:330, 50:110] = 255
    for folder, pixels in (
        ("sem", np.concatenate([discs.image, info_bar(40, 400)])),
        ("masks_sem", mask if mask_has_bar else mask[:300]),
    ):
        (tmp_path / folder).mkdir()
        for stem in "ab":
            tifffile.imwrite(tmp_path / folder / f"{stem}.tif", pixels)
    for field in load_fields(tmp_path, "all", "sem"):
        assert np.array_equal(field.image, discs.image)
        assert np.array_equal(field.mask, mask[:300] > 0)
        assert field.labels.max() == 2


def test_modalities(tmp_path, write_pairs):
    for modality, count in (("sem", 3), ("tsem", 2)):
        write_pairs(tmp_path / "p", count)
        (tmp_path / "p" / "images").rename(tmp_path / modality)
        (tmp_path / "p" / "masks").rename(tmp_path / f"masks_{modality}")
        (tmp_path / "p").rmdir()
    assert len(load_fields(tmp_path, "all", "sem")) == 3
    assert len(load_fields(tmp_path, "all", "tsem")) == 2
    assert len(load_fields(tmp_path, "all")) == 3
    fails("choose sem or tsem", load_fields, tmp_path, "all", "tem")


def test_annotated_frames_of_the_cell_tracking_challenge(tmp_path, write_pairs):
    """Masks of some frames, tracking markers beside them."""
    write_pairs(tmp_path / "p", 3)
    for sequence, frames in (("01", (0, 2)), ("02", (1,))):
        (tmp_path / sequence).mkdir()
        (tmp_path / f"{sequence}_GT" / "SEG").mkdir(parents=True)
        (tmp_path / f"{sequence}_GT" / "TRA").mkdir()
        for number in range(3):
            image = np.array(Image.open(tmp_path / f"p/images/disc{number}.png"))
            tifffile.imwrite(tmp_path / sequence / f"t{number:03}.tif", image.astype(np.uint16))
        for number in frames:
            mask = connected(np.array(Image.open(tmp_path / f"p/masks/disc{number}.png")))[0]
            path = tmp_path / f"{sequence}_GT/SEG/man_seg{number:03}.tif"
            tifffile.imwrite(path, mask.astype(np.uint16))
    fields = load_fields(tmp_path, "all")
    assert [field.stem for field in fields] == ["01_t000", "01_t002", "02_t001"]
    assert all(field.labels.max() == 6 for field in fields)


def test_bad_folders(tmp_path, pair_folder):
    fails("does not exist", load_fields, tmp_path / "none")
    fails("neither images", load_fields, tmp_path)
    fails("no split 'training'", load_fields, pair_folder, "training")
    (pair_folder / "masks" / "disc1.png").rename(pair_folder / "masks" / "other.png")
    fails("no mask for disc1", load_fields, pair_folder, "all")
    (pair_folder / "images" / "disc0.tif").touch()
    fails("both disc0.png and disc0.tif", load_fields, pair_folder)


def test_sizes_that_differ(pair_folder):
    path = pair_folder / "masks" / "disc1.png"
    Image.open(path).resize((96, 80)).save(path)
    fails("disc1.png is 96 x 80 pixels but its image is 192 x 160", load_fields, pair_folder, "all")


def test_empty_image_folder(tmp_path: Path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    fails("no train images", load_fields, tmp_path)


@pytest.mark.micrographs
@pytest.mark.parametrize("modality", ["sem", "tsem"])
def test_real_set(tio2, modality):
    split = json.loads((tio2 / "split.json").read_text())[modality]
    train, val = (load_fields(tio2, part, modality) for part in ("train", "val"))
    assert [field.stem for field in train] == split["train"]
    assert [field.stem for field in val] == split["val"]
    assert len(load_fields(tio2, "all", modality)) == 32
    for field in train + val:
        assert field.image.shape == field.labels.shape == (712, 1024)
        assert field.image.dtype == np.uint8 and field.nm_per_px == pytest.approx(7.344)
        raw = next((tio2 / f"masks_{modality}").glob(f"{field.stem}*.tif"))
        assert np.array_equal(field.mask, tifffile.imread(raw)[:712] == 255), "mask altered"
        assert connected(field.mask)[1] == field.labels.max() > 10
