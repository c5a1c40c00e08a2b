"""Particles for other programs: ImageJ regions of interest, COCO and YOLO annotations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile

import numpy as np
from numpy.typing import NDArray

from fancgan.files import zipped
from fancgan.particles.outlines import particle_rings, ring_area

IN_MEMORY = 2**20  # bytes


def imagej_rois(labels: NDArray[np.integer]) -> bytes:
    """Return a zip of one traced region per particle of labels [H, W], named by its number.

    ImageJ's ROI manager opens it. The outlines run along the pixels' sides, as those of ImageJ's
    wand do, so ImageJ counts the same pixels. Of a particle in several pieces the largest is given,
    without its holes.
    """
    import roifile

    def regions() -> Iterator[tuple[str, bytes]]:
        for number, rings in particle_rings(labels).items():
            roi = roifile.ImagejRoi.frompoints(rings[0], name=f"{number:05d}")
            roi.roitype = roifile.ROI_TYPE.TRACED
            yield f"{roi.name}.roi", roi.tobytes()

    return zipped(regions())


def coco_image(
    labels: NDArray[np.integer], file_name: str, image_id: int, first_id: int
) -> tuple[dict, list[dict]]:
    """Return COCO's entries of a picture and of its particles, labels [H, W].

    Area and box are those of the pixels. A particle is given by its outlines; one with holes, which
    outlines cannot say, by run lengths. `label` is its number in the label image.
    """
    height, width = labels.shape
    found: list[dict] = []
    for number, rings in particle_rings(labels).items():
        corners = np.concatenate(rings)
        left, top = corners.min(axis=0)
        right, bottom = corners.max(axis=0)
        holes = any(ring_area(ring) < 0 for ring in rings)
        found.append(
            {
                "id": first_id + len(found),
                "image_id": image_id,
                "category_id": 1,
                "label": number,
                "segmentation": run_lengths(labels == number)
                if holes
                else [ring.ravel().tolist() for ring in rings],
                "area": int(sum(ring_area(ring) for ring in rings)),
                "bbox": [int(left), int(top), int(right - left), int(bottom - top)],
                "iscrowd": 0,
            }
        )
    image = {"id": image_id, "file_name": file_name, "width": width, "height": height}
    return image, found


def yolo_lines(labels: NDArray[np.integer]) -> str:
    """Return the particles of labels [H, W] as YOLO segmentation: class 0 and its outline, 0 to 1.

    The outline of the largest piece, without holes: the format knows no more.
    """
    height, width = labels.shape
    lines = []
    for rings in particle_rings(labels).values():
        corners = rings[0] / (width, height)
        lines.append("0 " + " ".join(f"{value:.6g}" for value in corners.ravel()) + "\n")
    return "".join(lines)


class CocoDocument:
    """Annotations of several pictures in COCO's format (cocodataset.org, "Data format").

    info: free words about the data set. Millions of annotations lie in a file without a name.
    """

    def __init__(self, info: dict | None = None):
        self.info = info or {}
        self.images: list[dict] = []
        self._count = 0
        self._annotations = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115

    def add(self, file_name: str, labels: NDArray[np.integer], **facts: object) -> None:
        """Add a picture and its particles, labels [H, W]; facts are stored with the picture."""
        image, found = coco_image(labels, file_name, 1, 1)
        self.add_image(image | facts, found)

    def add_image(self, image: dict, found: Sequence[dict]) -> None:
        """Add the entries of coco_image; their ids are made to follow those before."""
        number = len(self.images) + 1
        self.images.append(image | {"id": number})
        self._annotations.seek(0, 2)
        for entry in found:
            self._count += 1
            ids = {"id": self._count, "image_id": number}
            comma = b"," if self._count > 1 else b""
            self._annotations.write(comma + _json(entry | ids))

    def parts(self) -> Iterator[bytes]:
        """Yield the document as JSON, equal for equal contents."""
        yield b'{"info":' + _json(self.info) + b',"images":' + _json(self.images)
        yield b',"annotations":['
        self._annotations.seek(0)
        while part := self._annotations.read(IN_MEMORY):
            yield part
        categories = [{"id": 1, "name": "particle", "supercategory": "particle"}]
        yield b'],"categories":' + _json(categories) + b"}"

    def to_json(self) -> bytes:
        """Return the document as JSON."""
        return b"".join(self.parts())


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Sequence[int]]:
    """Return mask [H, W] as COCO's uncompressed run lengths: column by column, ground first."""
    flat = np.asarray(mask, bool).ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}
