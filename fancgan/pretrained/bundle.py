"""A bundle: the folder that carries a trained model, and the check that it is whole.

    generator.pt  segmenter.pt  style_encoder.pt   TorchScript, for torch alone
    generator.pt2, segmenter.pt2                   the same for torch.export, where asked for
    generator.onnx, segmenter.onnx                 and for ONNX
    model.safetensors                              weights by name, half precision, to fine-tune
    config.json                                    architecture, data, numbers, sha256 of all files
    README.md                                      model card

A bundle of version 2 may hold a segmenter alone, or one for any scale with its judgement
(fancgan.segmentation.finding) in config.json.

The checksums find damage and mixed-up files. Who may be trusted is another question: TorchScript
runs code, so load only bundles of your own, or of a repository that you named at a fixed commit.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from fancgan.errors import UserError
from fancgan.files import whole_folder

FORMAT = "fancgan-bundle"
VERSIONS = (1, 2)  # 1: all modules, and a segmenter that knows one scale
CONFIG = "config.json"
CARD = "README.md"
WEIGHTS = "model.safetensors"
SEGMENTER = "segmenter.pt"
MODULES = ("generator.pt", SEGMENTER, "style_encoder.pt")
FILES = (*MODULES, WEIGHTS, CONFIG, CARD)
# For other programs, by format: this one neither downloads nor loads them.
PORTABLE = {
    "export": ("generator.pt2", "segmenter.pt2"),
    "onnx": ("generator.onnx", "segmenter.onnx"),
}

PACKAGED = Path(str(resources.files("fancgan"))) / "bundles"


@dataclass(frozen=True)
class Bundle:
    """A bundle's folder and its checked configuration.

    origin: "owner/name@commit" of the Hub repository that it was downloaded from, or "".
    """

    path: Path
    config: dict
    origin: str = ""

    @property
    def revision(self) -> str:
        """Short hash over the configuration, and through its checksums over every file."""
        return self.config["sha256"][CONFIG][:12]

    @property
    def files(self) -> list[str]:
        """The files that this program loads or shows: those of FILES that the bundle has."""
        return [name for name in FILES if name in self.config["sha256"]]

    @property
    def paints(self) -> bool:
        """Whether there is a generator, and the style encoder that belongs to it."""
        return set(MODULES) <= set(self.files)

    @property
    def portable(self) -> list[str]:
        """The files for other programs that the bundle was exported with."""
        formats = self.config.get("formats", ())
        return [name for form, names in PORTABLE.items() if form in formats for name in names]

    def read(self, name: str) -> bytes:
        """Return the bytes of one file; UserError where it is missing or not as exported."""
        try:
            content = (self.path / name).read_bytes()
        except OSError:
            raise UserError(
                f"The bundle {self.path} has no readable {name}; export or download it again."
            ) from None
        if hashlib.sha256(content).hexdigest() != self.config["sha256"].get(name):
            raise UserError(
                f"{self.path / name} is not the file that was exported (its sha256 differs from "
                f"{CONFIG}); export or download the bundle again."
            )
        return content

    def verify(self) -> None:
        """Check every file that is loaded. The card is not: people edit it, nothing reads it."""
        for name in self.files:
            if name not in (CONFIG, CARD):
                self.read(name)


def open_bundle(folder: str | Path, origin: str = "") -> Bundle:
    """Read and check the config.json of a bundle folder; UserError says what is wrong with it."""
    folder = Path(folder)
    path = folder / CONFIG
    if not path.is_file():
        what = f"has no {CONFIG}, so it is no bundle" if folder.is_dir() else "is no folder"
        raise UserError(f"{folder} {what}; python export.py --run RUN --out DIR makes one.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        sums, version = config["sha256"], config["version"]
        known = config["format"] == FORMAT and isinstance(sums[CONFIG], str) and SEGMENTER in sums
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path} is damaged or of another program; export it again.") from None
    if not known:
        raise UserError(f"{path} does not describe a bundle of this program.")
    if version not in VERSIONS:
        raise UserError(
            f"{path} has format version {version}, and this program reads up to {VERSIONS[-1]}; "
            "take the program's version that fits, or export the bundle again."
        )
    if sums[CONFIG] != config_digest(config):
        raise UserError(
            f"{path} is not as it was exported (its checksum differs); "
            "export or download the bundle again."
        )
    return Bundle(folder, config, origin)


def config_digest(config: dict) -> str:
    """Return the sha256 of a configuration, its own entry in "sha256" left out."""
    sums = {name: digest for name, digest in config.get("sha256", {}).items() if name != CONFIG}
    canonical = json.dumps(config | {"sha256": sums}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def seal(folder: Path, config: dict) -> dict:
    """Write config.json with the checksums of the files in the folder; return it."""
    sums = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (*FILES, *itertools.chain.from_iterable(PORTABLE.values()))
        if name != CONFIG and (folder / name).exists()
    }
    version = 1 if set(MODULES) <= sums.keys() and "judgement" not in config else 2
    config = {"format": FORMAT, "version": version} | config | {"sha256": sums}
    config["sha256"] = sums | {CONFIG: config_digest(config)}
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8", newline="\n")
    return config


@contextmanager
def replacing(out: str | Path) -> Iterator[Path]:
    """Give an empty folder beside `out` that takes its place when the block ends without error.

    An existing `out` is replaced only if it is a bundle or empty, otherwise UserError.
    """
    out = Path(os.path.abspath(out))
    occupied = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if occupied and not is_bundle(out):
        raise UserError(f"{out} exists and is no bundle; choose another --out, or remove it.")
    with ExitStack() as stack:
        try:
            stage = stack.enter_context(whole_folder(out))
        except OSError as error:
            raise UserError(f"{out.parent} cannot be written to: {error.strerror}.") from error
        yield stage
        stage.chmod(0o755)


def is_whole(folder: Path) -> bool:
    """Whether a folder holds a config.json and every file that it lists for this program."""
    with contextlib.suppress(UserError):
        return all((folder / name).is_file() for name in open_bundle(folder).files)
    return False


def is_bundle(folder: Path) -> bool:
    """Whether a folder's config.json says that this program wrote it (whole or damaged)."""
    try:
        return json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False
