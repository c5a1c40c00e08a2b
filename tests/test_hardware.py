"""The precision that "auto" stands for: the processor's, or the one that the operator forces."""

from __future__ import annotations

import pytest
import torch

from fancgan import Pipeline
from fancgan.errors import UserError
from fancgan.hardware import auto_is_bf16, bf16_pays
from tests.support.bundles import make_tiny_bundle

CPU = torch.device("cpu")


def test_auto_follows_the_processor(monkeypatch):
    monkeypatch.delenv("FANCGAN_PRECISION", raising=False)
    assert auto_is_bf16(CPU) == bf16_pays(CPU)


def test_the_operator_forces_a_precision(monkeypatch, tmp_path):
    bundle = make_tiny_bundle(tmp_path / "tiny")
    for forced, half in (("float32", False), ("bfloat16", True)):
        monkeypatch.setenv("FANCGAN_PRECISION", forced)
        assert auto_is_bf16(CPU) == half
        assert Pipeline.from_pretrained(bundle).half == half
        assert Pipeline.from_pretrained(bundle, precision="bfloat16").half, "asked for by name"
        assert not Pipeline.from_pretrained(bundle, precision="float32").half


def test_another_word_is_refused(monkeypatch):
    monkeypatch.setenv("FANCGAN_PRECISION", "bf16")
    with pytest.raises(UserError, match=r"^FANCGAN_PRECISION is 'bf16'; set it to float32 or"):
        auto_is_bf16(CPU)
