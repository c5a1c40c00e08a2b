"""What other programs read is what was found: ImageJ regions and COCO, read by their libraries."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import roifile
from skimage.draw import polygon2mask

from fancgan.measuring.annotations import CocoDocument, imagej_rois, run_lengths
from fancgan.particles.outlines import particle_rings, region_rings, ring_area


def some_labels() -> np.ndarray:
    """Discs that touch, a ring with a hole, a diagonal pair of pixels, a particle at the frame."""
    rows, columns = np.mgrid[:90, :120]
    labels = np.zeros((90, 120), np.int32)
    for number, (row, column, radius) in enumerate([(30, 30, 14), (30, 55, 12), (60, 88, 20)], 1):
        labels[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = number
    labels[(rows - 60) ** 2 + (columns - 88) ** 2 <= 36] = 0
    labels[70, 10] = labels[71, 11] = 5
    labels[80:, :7] = 9
    return labels


def inside(ring: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose middle lies within a ring of corners."""
    return polygon2mask(shape, ring[:, ::-1] - 0.5)


def test_rings_enclose_exactly_the_pixels():
    labels = some_labels()
    rings = particle_rings(labels)
    assert list(rings) == [1, 2, 3, 5, 9]
    for number, particle in rings.items():
        region = labels == number
        assert sum(ring_area(ring) for ring in particle) == region.sum()
        drawn = np.zeros(labels.shape, bool)
        for ring in particle:
            drawn ^= inside(ring, labels.shape)
        assert np.array_equal(drawn, region)
    assert [ring_area(ring) < 0 for ring in rings[3]] == [False, True]
    assert [ring_area(ring) for ring in rings[5]] == [1, 1], "4-connected: two pieces"


@pytest.mark.parametrize("seed", range(8))
def test_rings_of_noise_turn_at_every_corner(seed):
    region = np.random.default_rng(seed).random((12, 15)) < 0.5
    rings = region_rings(region)
    assert sum(ring_area(ring) for ring in rings) == region.sum()
    drawn = np.zeros(region.shape, bool)
    for ring in rings:
        steps = np.diff(np.concatenate([ring, ring[:1]]), axis=0)
        assert ((steps == 0).sum(axis=1) == 1).all(), "along rows and columns alone"
        assert ((steps[:, 0] == 0) != (np.roll(steps[:, 0], 1) == 0)).all(), "no idle corners"
        drawn ^= inside(ring, region.shape)
    assert np.array_equal(drawn, region)


def test_imagej_reads_each_particle():
    labels = some_labels()
    content = imagej_rois(labels)
    assert content == imagej_rois(labels), "the same on every run"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rois = [roifile.ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()]
    assert [roi.name for roi in rois] == ["00001", "00002", "00003", "00005", "00009"]
    assert {roi.roitype for roi in rois} == {roifile.ROI_TYPE.TRACED}
    for roi, number in zip(rois[:2], (1, 2), strict=True):
        points = roi.coordinates()
        assert np.array_equal(inside(points, labels.shape), labels == number)
        rows, columns = np.nonzero(labels == number)
        assert (roi.left, roi.top) == (columns.min(), rows.min())


def test_coco_is_read_by_pycocotools(tmp_path):
    coco_api = pytest.importorskip("pycocotools.coco")
    labels = some_labels()
    document = CocoDocument({"description": "drawn"})
    document.add("a.tif", labels, nm_per_px=7.344)
    document.add("b.tif", np.roll(labels, 3, axis=1))
    path = tmp_path / "coco.json"
    path.write_bytes(document.to_json())
    coco = coco_api.COCO(str(path))
    assert coco.getImgIds() == [1, 2]
    assert coco.loadImgs(1)[0]["nm_per_px"] == 7.344
    assert coco.loadCats(1)[0]["name"] == "particle"
    for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[1])):
        region = labels == annotation["label"]
        assert annotation["area"] == region.sum(), "pixels, not the box"
        rows, columns = np.nonzero(region)
        left, top, width, height = annotation["bbox"]
        assert (left, top) == (columns.min(), rows.min())
        assert (left + width, top + height) == (columns.max() + 1, rows.max() + 1)
        read = coco.annToMask(annotation).astype(bool)
        assert np.array_equal(read, region), annotation["label"]


def test_run_lengths_begin_with_the_ground():
    mask = np.array([[True, False], [True, True]])
    assert run_lengths(mask) == {"size": [2, 2], "counts": [0, 2, 1, 1]}
    assert run_lengths(~mask)["counts"] == [2, 1, 1]
    assert json.dumps(run_lengths(mask))
