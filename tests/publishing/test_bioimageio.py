"""A segmenter as a model of bioimage.io: its validator and its library take it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import export
from fancgan.pretrained.bundle import SEGMENTER
from fancgan.publishing.bioimageio import DESCRIPTION


@pytest.fixture(scope="module", params=["tiny", "particles"])
def package(request, tiny_bundle, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bioimageio") / "model.zip"
    bundle = tiny_bundle if request.param == "tiny" else "particles"
    assert export.main(["--bundle", str(bundle), "--bioimageio", str(path)]) == 0
    return path


def test_torch_alone_gives_the_output_that_is_promised(package):
    with zipfile.ZipFile(package) as archive:
        described = json.loads(archive.read(DESCRIPTION))
        module = torch.jit.load(io.BytesIO(archive.read(SEGMENTER)))
        given, wanted = (
            np.load(io.BytesIO(archive.read(described[side][0]["test_tensor"]["source"])))
            for side in ("inputs", "outputs")
        )
    with torch.no_grad():
        maps = module(torch.from_numpy(given)).numpy()
        wider = module(torch.rand(1, 1, 75, 131) * 255)
    assert np.abs(maps - wanted).max() < 1e-4
    assert wanted.shape == (1, 2, *given.shape[2:]) and wider.shape == (1, 2, 75, 131)


def test_the_validator_has_nothing_against_it(package):
    spec = pytest.importorskip("bioimageio.spec")
    described = spec.load_description(package, perform_io_checks=True)
    assert isinstance(described, spec.ModelDescr), described.validation_summary.format()


def test_the_library_runs_it(package):
    core = pytest.importorskip("bioimageio.core")
    summary = core.test_model(package, weight_format="torchscript")
    assert summary.status == "passed", summary.format()
