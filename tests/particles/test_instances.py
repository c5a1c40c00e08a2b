"""Seeds and watershed on drawn shapes whose right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from fancgan.particles.instances import core_seeds, decode_instances, drop_small


def two_touching_discs(missing_line: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of two discs that a line of one pixel parts, and the mask with part of it filled."""
    rows, columns = np.mgrid[:60, :90]
    labels = np.where((rows - 30) ** 2 + (columns - 30) ** 2 <= 18**2, 1, 0)
    right = (rows - 30) ** 2 + (columns - 58) ** 2 <= 18**2
    labels = np.where(right & (columns > 44), 2, np.where(columns >= 44, 0, labels))
    line = (columns == 44) & (abs(rows - 30) <= 10)
    filled = line & (np.random.default_rng(seed).random(line.shape) < missing_line)
    return labels.astype(np.int32), (labels > 0) | filled


@pytest.mark.parametrize("missing_line", [0.0, 0.5, 1.0])
def test_touching_discs_are_parted_even_where_the_line_is_missed(missing_line: float) -> None:
    truth, mask = two_touching_discs(missing_line)
    core = binary_erosion(truth == 1, iterations=2) | binary_erosion(truth == 2, iterations=2)
    labels = decode_instances(mask.astype(np.float32), core.astype(np.float32))
    assert labels.dtype == np.int32
    assert labels.max() == 2
    for number in (1, 2):
        found = labels == labels[30, 30 if number == 1 else 58]
        target = truth == number
        assert (found & target).sum() / (found | target).sum() > 0.97


def test_seeds_meet_on_the_faint_line() -> None:
    # Equal seeds far from the faint column: the flood has to stop at the column, not half-way.
    prob = np.full((40, 60), 0.95, np.float32)
    prob[:, 45] = 0.6
    core = np.zeros_like(prob)
    core[15:25, 5:15] = 1
    core[15:25, 50:58] = 1
    labels = decode_instances(prob, core)
    assert (labels[:, :45] == labels[20, 10]).all()
    assert (labels[:, 46:] == labels[20, 55]).all()


def test_a_particle_without_a_core_is_kept_and_one_below_the_limit_is_not() -> None:
    prob = np.zeros((40, 40), np.float32)
    prob[5:10, 5:10] = 0.9  # 25 px
    prob[20:24, 20:24] = 0.9  # 16 px
    labels = decode_instances(prob, np.zeros_like(prob), min_area_px=20)
    assert labels.max() == 1
    assert (labels > 0).sum() == 25
    assert decode_instances(prob, np.zeros_like(prob), min_area_px=16).max() == 2


def test_thresholds_act() -> None:
    prob = np.full((32, 32), 0.4, np.float32)
    core = np.zeros_like(prob)
    core[4:12, 4:12] = core[20:28, 20:28] = 0.8
    core[12:20, 12:20] = 0.5  # a weak bridge between two seeds
    assert decode_instances(prob, core, threshold=0.5).max() == 0
    assert decode_instances(prob, core, threshold=0.3, core_threshold=0.6).max() == 2
    joined = core + 0.3 * (np.abs(np.subtract.outer(range(32), range(32))) < 6)
    low = {"threshold": 0.3, "core_threshold": 0.2}
    assert decode_instances(prob, joined, **low, min_core_px=1000).max() == 1
    assert decode_instances(prob, joined, **low, min_core_px=40).max() > 1


def bridged_cores(bridge: float, radius: int = 6) -> np.ndarray:
    """Two certain discs, and a strip of probability `bridge` from one to the other."""
    rows, columns = np.mgrid[:40, :60]
    core = np.where((abs(rows - 20) <= 3) & (abs(columns - 30) <= 14), bridge, 0)
    for centre in (16, 44):
        core = np.where((rows - 20) ** 2 + (columns - centre) ** 2 <= radius**2, 1.0, core)
    return core


@pytest.mark.parametrize(("bridge", "count"), [(0.3, 2), (0.6, 2), (0.8, 2), (1.0, 1)])
def test_cores_come_apart_at_the_level_of_their_bridge(bridge, count) -> None:
    assert core_seeds(bridged_cores(bridge), 0.4, min_core_px=40).max() == count


def test_a_small_peak_does_not_split_a_core() -> None:
    core = bridged_cores(0.6)
    assert core_seeds(core, 0.4, min_core_px=200).max() == 1
    peaks = np.full((40, 60), 0.6)
    peaks[10:14, 10:14] = peaks[25:29, 40:44] = 1.0  # 16 px each
    assert core_seeds(peaks, 0.4, min_core_px=40).max() == 1


def test_a_core_stays_whole_where_only_one_of_its_peaks_is_large() -> None:
    core = bridged_cores(0.6)
    core[:, 36:] = np.minimum(core[:, 36:], 0.6)
    seeds = core_seeds(core, 0.4, min_core_px=40)
    assert seeds.max() == 1
    assert seeds[20, 44] == seeds[20, 16] == 1


def test_seeds_are_numbered_without_gaps() -> None:
    core = np.concatenate([bridged_cores(0.6), bridged_cores(0.3)])
    seeds = core_seeds(core, 0.4, min_core_px=40)
    assert np.unique(seeds).tolist() == [0, 1, 2, 3, 4]
    assert core_seeds(np.zeros((20, 20)), 0.4, 40).max() == 0


def test_numbers_have_no_gaps() -> None:
    labels = np.zeros((10, 30), np.int32)
    labels[:, 0:8], labels[0, 10], labels[:, 20:28] = 3, 5, 9
    kept = drop_small(labels, 2)
    assert np.unique(kept).tolist() == [0, 1, 2]
    assert ((kept > 0) == np.isin(labels, (3, 9))).all()


def test_nothing_found_is_an_empty_map() -> None:
    zeros = np.zeros((32, 48), np.float32)
    labels = decode_instances(zeros, zeros)
    assert labels.shape == (32, 48)
    assert not labels.any()


def test_unequal_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="equal"):
        decode_instances(np.zeros((32, 32)), np.zeros((32, 33)))
