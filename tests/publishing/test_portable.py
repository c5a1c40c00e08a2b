"""The networks for other programs: the same answers at any size; the files name no machine."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import export
from fancgan.errors import UserError
from fancgan.pipeline import Pipeline
from fancgan.pretrained.bundle import CARD, FILES, PORTABLE, open_bundle
from fancgan.publishing.module_files import TOLERANCE, example_batch
from fancgan.publishing.portable import FORMATS, LOADERS, convert
from tests.support.bundles import TINY, tiny_networks
from tests.support.paths import ROOT
from tests.support.runs import make_run

SIZES = ((1, 32, 32), (3, 64, 64), (2, 75, 131), (1, 40, 300))  # batch, height, width
SEED = 8
NEEDS = {"export": (), "onnx": ("onnx", "onnxscript", "onnxruntime")}


def need(form: str) -> None:
    for package in NEEDS[form]:
        pytest.importorskip(package)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """A bundle of tiny networks in all formats, as export.py makes it."""
    need("onnx")
    folder = tmp_path_factory.mktemp("portable")
    run, out = make_run(folder / "run", SEED), folder / "tiny"
    argv = ["--run", str(run), "--out", str(out), "--formats", ",".join(FORMATS)]
    assert export.main(argv) == 0
    return out


def differences(module, run) -> list[float]:
    with torch.no_grad():
        inputs = [example_batch(module, TINY, sides, count) for count, *sides in SIZES]
        return [(module(*x) - run(*x)).abs().max().item() for x in inputs]


@pytest.mark.parametrize("form", PORTABLE)
def test_files_give_what_the_networks_give_at_any_size(bundle: Path, form: str) -> None:
    deployed = tiny_networks(seed=SEED).deployed()
    for name in PORTABLE[form]:
        run = LOADERS[form](open_bundle(bundle).read(name))
        assert max(differences(deployed[f"{name.split('.')[0]}.pt"], run)) < TOLERANCE, name


PAPER = {"modulation": "adain", "geometry": False, "upsampling": "nearest", "grain_px": 0.0}
PAPER |= {"contours": False, "brightness": False}


@pytest.mark.parametrize(
    ("form", "changes"),
    [("export", PAPER), ("onnx", PAPER), ("export", {"attention_gates": False})],
)
def test_ablations_are_portable_as_well(form: str, changes: dict) -> None:
    need(form)
    deployed = tiny_networks(dataclasses.replace(TINY, **changes)).deployed()
    for network in ("generator", "segmenter"):
        module = deployed[f"{network}.pt"]
        content = convert(network, module, example_batch(module, TINY), form)
        assert max(differences(module, LOADERS[form](content))) < TOLERANCE, network


def test_the_configuration_names_formats_checksums_and_differences(bundle: Path) -> None:
    names = {name for files in PORTABLE.values() for name in files}
    assert {path.name for path in bundle.iterdir()} == {*FILES, *names}
    config = open_bundle(bundle).config
    assert config["formats"] == list(FORMATS)
    assert set(config["sha256"]) == {*FILES, *names}
    assert all(config["largest_difference"][name] < TOLERANCE for name in names)


def test_the_program_neither_needs_nor_reads_them(bundle: Path, tmp_path: Path) -> None:
    for name in open_bundle(bundle).portable:
        assert open_bundle(bundle).read(name)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for path in bundle.iterdir():
        if path.name != "generator.pt2":
            (damaged / path.name).write_bytes(b"" if "onnx" in path.name else path.read_bytes())
    Pipeline.from_pretrained(damaged)
    for name in ("generator.pt2", "generator.onnx"):
        with pytest.raises(UserError, match=re.escape(name)):
            open_bundle(damaged).read(name)


def test_they_name_no_path_of_the_exporting_machine(bundle: Path) -> None:
    for name in open_bundle(bundle).portable:
        content = (bundle / name).read_bytes()
        for path in (str(ROOT), str(Path(torch.__file__).parent), sys.prefix):
            assert path.encode() not in content, (name, path)


@pytest.mark.parametrize(("form", "number"), [("export", 3), ("onnx", 4)])
def test_the_examples_of_the_card_run(bundle: Path, form: str, number: int, tmp_path: Path) -> None:
    need(form)
    # A drawn look may be too dark for these random networks to read: no single pixel is asked for.
    example = (bundle / CARD).read_text().split("```python\n")[number].split("```")[0]
    assert PORTABLE[form][0] in example
    foreign = ["fancgan", "scipy", "skimage", "PIL", "safetensors"]
    foreign += ["torch"] if form == "onnx" else []
    script = tmp_path / "example.py"
    script.write_text(
        f"import sys\nfor name in {foreign}:\n    sys.modules[name] = None\n{example}\n"
        "inside, outside = (slice(60, 140), slice(80, 190)), slice(150, None)\n"
        "painted, read = image[0, 0], particle\n"
        "print(tuple(image.shape), tuple(particle.shape),\n"
        "      bool(painted[inside].mean() > painted[outside].mean() + 10),\n"
        "      bool(read[inside].mean() > read[outside].mean()))"
    )
    done = subprocess.run(
        [sys.executable, "-I", str(script)], cwd=bundle, capture_output=True, text=True
    )
    assert done.stdout.strip() == "(1, 1, 256, 384) (256, 384) True True", done.stderr


def test_a_card_speaks_of_the_formats_that_are_there(tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "out"
    assert export.main(["--run", str(run), "--out", str(out)]) == 0
    text = (out / CARD).read_text()
    assert "without TorchScript" not in text
    assert ".pt2" not in text
    assert export.main(["--run", str(run), "--out", str(out), "--formats", "export"]) == 0
    text = (out / CARD).read_text()
    assert "generator.pt2" in text
    assert "onnx" not in text


@pytest.mark.parametrize("package", NEEDS["onnx"])
def test_a_missing_package_is_one_sentence(
    package: str, tmp_path: Path, monkeypatch, capsys
) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "out"
    monkeypatch.setitem(sys.modules, package, None)
    assert export.main(["--run", str(run), "--out", str(out), "--formats", "onnx"]) == 2
    message = capsys.readouterr().err
    assert f"needs the package {package}: pip install onnx onnxscript onnxruntime" in message
    assert message.count("\n") == 1
    assert not out.exists()


def test_an_unknown_format_is_one_sentence(tmp_path: Path, capsys) -> None:
    run = make_run(tmp_path / "run")
    argv = ["--run", str(run), "--out", str(tmp_path / "out"), "--formats", "export,tflite"]
    assert export.main(argv) == 2
    assert "no format tflite; choose from torchscript, export, onnx" in capsys.readouterr().err
