"""The formats of electron microscopes: each file written here, its pages and scale read back."""

from __future__ import annotations

import json
import struct
import sys
import threading
import tracemalloc
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import pytest
from PIL import Image

from fancgan.errors import UserError
from fancgan.microscopy.formats import stored
from fancgan.microscopy.micrograph import read_micrograph
from tests.support.sentences import fails

FRAMES = np.random.default_rng(0).integers(0, 4000, (3, 40, 48)).astype(np.uint16)


def write_velox(path: Path, frames: np.ndarray = FRAMES, unit: str = "m") -> None:
    facts = {"BinaryResult": {"PixelSize": {"width": "2.5e-9", "height": "2.5e-9"}}}
    facts["BinaryResult"] |= {"PixelUnitX": unit, "PixelUnitY": unit}
    text = np.frombuffer(json.dumps(facts).encode() + b"\0", np.uint8)
    with h5py.File(path, "w") as file:
        group = file.create_group("Data/Image/0123456789abcdef")
        group["Data"] = np.moveaxis(frames, 0, -1)
        group["Metadata"] = np.stack([text] * len(frames), axis=1)


def write_ncem(path: Path, frames: np.ndarray = FRAMES, unit: str = "[n_m]") -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group("data/stack")
        group.attrs["emd_group_type"] = 1
        group["data"] = frames
        for axis, (length, step) in enumerate(zip(frames.shape, (1, 2.5, 2.5), strict=True), 1):
            group[f"dim{axis}"] = np.arange(length) * step
            group[f"dim{axis}"].attrs["units"] = unit


def write_mrc(path: Path, frames: np.ndarray = FRAMES, nm: float = 2.5) -> None:
    with mrcfile.new(path, data=frames) as file:
        file.voxel_size = 10 * nm


def write_ser(path: Path, frames: np.ndarray = FRAMES, version: int = 0x220) -> None:
    place = "<Q" if version >= 0x220 else "<I"
    head = struct.pack("<3H4I", 0x4949, 0x197, version, 0x4122, 0x4152, *(len(frames),) * 2)
    head += struct.pack(place, len(head) + struct.calcsize(place) + 4) + struct.pack("<I", 1)
    first = len(head) + struct.calcsize(place) * len(frames)
    planes = [
        struct.pack("<ddiddiHII", 0, 2.5e-9, 0, 0, 2.5e-9, 0, 2, *frame.shape[::-1])
        + frame.astype("<u2").tobytes()
        for frame in frames
    ]
    places = np.cumsum([first, *(len(plane) for plane in planes[:-1])])
    path.write_bytes(b"".join([head, *(struct.pack(place, at) for at in places), *planes]))


def write_dm(path: Path, frames: np.ndarray = FRAMES, version: int = 3, unit: str = "nm") -> None:
    """A thumbnail and a stack, in the fewest tags that a reader needs."""
    size = ">Q" if version == 4 else ">I"

    def entry(kind: int, name: str, content: bytes) -> bytes:
        length = struct.pack(">Q", len(content)) if version == 4 else b""
        return struct.pack(">BH", kind, len(name)) + name.encode() + length + content

    def group(name: str, *entries: bytes) -> bytes:
        return entry(20, name, struct.pack(f">BB{size[1]}", 1, 0, len(entries)) + b"".join(entries))

    def leaf(name: str, head: list[int], content: bytes) -> bytes:
        info = struct.pack(f">{len(head) + 1}{size[1]}", len(head), *head)
        return entry(21, name, b"%%%%" + info + content)

    def image(code: int, pixels: np.ndarray, shape: tuple[int, ...]) -> bytes:
        text = unit.encode("utf-16-le")
        axis = group(
            "",
            leaf("Scale", [6], struct.pack("<f", 2.5)),
            leaf("Units", [20, 4, len(text) // 2], text),
        )
        kind = {"u": 4, "i": 3}[pixels.dtype.kind]
        return group(
            "",
            group(
                "ImageData",
                group("Calibrations", group("Dimension", axis, axis)),
                leaf("Data", [20, kind, pixels.size], pixels.tobytes()),
                leaf("DataType", [5], struct.pack("<I", code)),
                group("Dimensions", *(leaf("", [5], struct.pack("<I", n)) for n in shape[::-1])),
            ),
        )

    small = np.zeros((2, 2), "<i4")
    images = group("ImageList", image(23, small, (2, 2)), image(10, frames, frames.shape))
    shown = group("Thumbnails", group("", leaf("ImageIndex", [5], struct.pack("<I", 0))))
    tags = struct.pack(f">BB{size[1]}", 1, 0, 2) + images + shown
    path.write_bytes(struct.pack(f">I{size[1]}I", version, len(tags), 1) + tags)


WRITERS = {
    "a.dm3": write_dm,
    "a.dm4": lambda path, frames=FRAMES: write_dm(path, frames, version=4),
    "velox.emd": write_velox,
    "ncem.emd": write_ncem,
    "a.ser": write_ser,
    "old.ser": lambda path, frames=FRAMES: write_ser(path, frames, version=0x210),
    "a.mrc": write_mrc,
}


@pytest.mark.parametrize("name", WRITERS)
def test_pages_and_scale(tmp_path, name):
    WRITERS[name](tmp_path / name)
    for page in range(3):
        found = read_micrograph(tmp_path / name, page)
        assert np.array_equal(found.pixels, FRAMES[page]) and found.pixels.dtype == np.uint16
        assert found.nm_per_px == pytest.approx(2.5) and found.pages == 3
    fails("3 page", read_micrograph, tmp_path / name, 3)


@pytest.mark.parametrize("name", WRITERS)
def test_huge_frames_are_refused(tmp_path, name, monkeypatch):
    WRITERS[name](tmp_path / name)
    monkeypatch.setattr(stored, "MAX_PIXELS", FRAMES[0].size - 1)
    fails("48 x 40 pixels, larger than", read_micrograph, tmp_path / name)


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_give_a_picture_or_a_sentence(tmp_path, name, recwarn):
    path = tmp_path / name
    WRITERS[name](path, FRAMES[:1])
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    heads = rng.integers(0, min(len(whole), 1500), (60, 4))
    changed = [bytearray(whole[:kept]) for kept in (len(whole) - 100, len(whole) // 2, 300, 9)]
    for places in heads:
        changed.append(bytearray(whole))
        for place in places:
            changed[-1][place] = rng.integers(256)
    for content in changed:
        path.write_bytes(content)
        try:
            assert read_micrograph(path).pixels.ndim == 2
        except UserError as error:
            assert name in str(error)
    assert not recwarn.list


def test_an_extended_header_beyond_the_file_takes_no_memory(tmp_path):
    path = tmp_path / "a.mrc"
    write_mrc(path)
    content = bytearray(path.read_bytes())
    content[92:96] = struct.pack("<i", 2**31 - 1)
    path.write_bytes(content)
    tracemalloc.start()
    fails("cut off", read_micrograph, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_a_scale_that_is_none_has_a_reason(tmp_path):
    write_velox(tmp_path / "v.emd", unit="1/m")
    write_ncem(tmp_path / "n.emd", unit="n_m^-1")
    write_dm(tmp_path / "d.dm3", unit="1/nm")
    write_mrc(tmp_path / "m.mrc", nm=1e9)
    for name in ("v.emd", "n.emd", "d.dm3", "m.mrc"):
        found = read_micrograph(tmp_path / name)
        assert found.nm_per_px is None and "says" in found.nm_source, name


def test_what_holds_no_picture_says_so(tmp_path):
    with h5py.File(tmp_path / "a.emd", "w") as file:
        file["numbers"] = np.arange(5)
    fails("holds no picture", read_micrograph, tmp_path / "a.emd")
    (tmp_path / "a.emi").write_bytes(b"JD\0\0" * 20)
    fails("Open the SER file", read_micrograph, tmp_path / "a.emi")


def test_data_outside_of_the_file_are_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(40 * 48))
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("data/a")
        group.attrs["emd_group_type"] = 1
        outside = [(str(tmp_path / "secret"), 0, 40 * 48)]
        group.create_dataset("data", (40, 48), "u1", external=outside)
        write_ncem(tmp_path / "b.emd")
        file["linked"] = h5py.ExternalLink("b.emd", "data")
    fails("holds no picture", read_micrograph, tmp_path / "a.emd")


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.eps", "a.ppm"])
def test_no_other_format_is_opened(tmp_path, name):
    Image.fromarray(FRAMES[0].astype(np.uint8)).convert("RGB").save(tmp_path / name)
    (tmp_path / "a.png").write_bytes((tmp_path / name).read_bytes())
    assert "damaged" not in fails("none of them", read_micrograph, tmp_path / name)
    fails("none of them", read_micrograph, tmp_path / "a.png")


def test_libraries_are_silent_in_every_thread(tmp_path, capfd):
    (tmp_path / "a.emd").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    (tmp_path / "a.tif").write_bytes(b"II*\0\x08\0\0\0\x05\0" + bytes(range(200)))
    for name in ("a.emd", "a.tif"):
        thread = threading.Thread(target=fails, args=("cut off", read_micrograph, tmp_path / name))
        thread.start()
        thread.join()
    sys.stderr.flush()
    assert capfd.readouterr() == ("", "")
