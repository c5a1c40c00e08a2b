"""The two networks for programs without TorchScript: torch.export programs, and ONNX files.

Both take any batch, height and width. The inputs are those of the modules of deploy.py: mask, style
and noise, or an image. A generator that is told how bright each particle is takes that as well:
drawing it ends when nothing changes any more, which neither format can say.
"""

from __future__ import annotations

import importlib.util
import io
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from fancgan.errors import UserError
from fancgan.microscopy.micrograph import MIN_SIDE_PX
from fancgan.pretrained.bundle import PORTABLE

FORMATS = ("torchscript", *PORTABLE)
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
INPUTS = {"generator": ("mask", "style", "noise", "brightness"), "segmenter": ("image",)}
OUTPUTS = {"generator": "grey_levels", "segmenter": "probabilities"}
MAX_SIDE_PX, MAX_BATCH = 2**15, 2**10
Run = Callable[..., Tensor]


def check_formats(formats: Sequence[str]) -> None:
    """Raise UserError for a format that is none, or whose packages are missing."""
    strange = [name for name in formats if name not in FORMATS]
    if strange:
        raise UserError(f"There is no format {strange[0]}; choose from {', '.join(FORMATS)}.")
    missing = [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if "onnx" in formats and missing:
        raise UserError(
            f"--formats onnx needs the package {missing[0]}: pip install "
            f"{' '.join(ONNX_PACKAGES)}, or leave out onnx."
        )


def convert(name: str, module: nn.Module, example: list[Tensor], form: str) -> bytes:
    """Return the file of a deployed module in one of the two formats.

    name: "generator" or "segmenter". example: inputs of a batch of at least 2.
    """
    module = module.eval().cpu().requires_grad_(False)
    program = torch.export.export(
        module,
        tuple(example),
        dynamic_shapes=_shapes(example),
        # What it cannot prove of all sizes (group_norm's 1 % height != 0) is asked when it runs.
        prefer_deferred_runtime_asserts_over_guards=True,
    )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names the folders of the machine that exports
    if form == "onnx":
        return _onnx_bytes(name, program, example)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def _onnx_bytes(name: str, program: ExportedProgram, example: list[Tensor]) -> bytes:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "# The axis name", UserWarning)  # inputs share axes
        converted = torch.onnx.export(
            program,
            tuple(example),
            dynamo=True,
            dynamic_shapes=_shapes(example),
            input_names=list(INPUTS[name][: len(example)]),
            output_names=[OUTPUTS[name]],
            verbose=False,
        )
    assert converted is not None  # with dynamo=True
    with tempfile.TemporaryDirectory(prefix="fancgan-") as folder:
        path = Path(folder, f"{name}.onnx")
        converted.save(path)
        return path.read_bytes()


def _shapes(example: list[Tensor]) -> tuple[dict[int, Dim], ...]:
    """Which axes of the inputs may have another length: all but the channels."""
    batch = Dim("batch", min=1, max=MAX_BATCH)
    sides = {
        2: Dim("height", min=MIN_SIDE_PX, max=MAX_SIDE_PX),
        3: Dim("width", min=MIN_SIDE_PX, max=MAX_SIDE_PX),
    }
    return tuple({0: batch, **(sides if x.ndim == 4 else {})} for x in example)


def load_program(content: bytes) -> Run:
    return torch.export.load(io.BytesIO(content)).module()


def load_onnx(content: bytes) -> Run:
    from onnxruntime import InferenceSession

    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]

    def run(*inputs: Tensor) -> Tensor:
        given = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return run


LOADERS = {"export": load_program, "onnx": load_onnx}
