"""The tools of `app.py --mcp`, called as MCP clients call them: over HTTP."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Callable
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import app
from fancgan.evaluation import metrics
from fancgan.microscopy.image_files import STRIP_PX
from tests.support.drawing import draw_discs
from tests.support.serving import Served, free_port

pytest.importorskip("gradio")
mcp = pytest.importorskip("mcp", reason="no MCP client here: bash tests/run installs it")
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

FLAGS = ("--mcp",)
TOOLS = {"layout", "synthesize", "segment", "measure", "dataset"}


def ask(served: Served, question: Callable) -> object:
    """Return what question(session) gives in a session of its own."""

    async def asking() -> object:
        async with (
            streamable_http_client(f"{served.url}gradio_api/mcp/") as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await question(session)

    return asyncio.run(asking())


def call(served: Served, tool: str, **arguments: object) -> tuple[Image.Image | str, dict]:
    """Return the picture or link that a tool answers with, and its figures."""
    answer = ask(served, lambda session: session.call_tool(tool, arguments))
    assert not answer.isError, answer.content[0].text
    first, *_, last = answer.content
    if first.type == "image":
        assert first.mimeType == "image/png"
        image = Image.open(io.BytesIO(base64.b64decode(first.data)))
        image.info["link"] = answer.content[1].text.removeprefix("Image URL: ")
        return image, json.loads(last.text)
    return first.text, json.loads(last.text)


def refusal(served: Served, tool: str, **arguments: object) -> str:
    answer = ask(served, lambda session: session.call_tool(tool, arguments))
    assert answer.isError
    return answer.content[0].text


def data_url(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def test_the_tools_are_named_and_described(served):
    listed = ask(served, lambda session: session.list_tools()).tools
    assert {tool.name for tool in listed} == TOOLS, "the page's own endpoints are no tools"
    for tool in listed:
        assert len(tool.description) > 80
        arguments = tool.inputSchema["properties"]
        assert all(one["description"].endswith(".") for one in arguments.values()), tool.name
        assert all(isinstance(one["type"], str) for one in arguments.values()), tool.name
    required = {tool.name: tool.inputSchema.get("required", []) for tool in listed}
    assert required == {
        "layout": [],
        "synthesize": ["mask"],
        "segment": ["micrograph"],
        "measure": ["micrographs"],
        "dataset": [],
    }


def test_synthesize_gives_the_pipelines_image(served, pipe, mask):
    drawn = data_url(mask.astype(np.uint8) * 255)
    marked, figures = call(served, "synthesize", mask=drawn, seed=11)
    pixels = np.array(marked)
    assert np.array_equal(pixels[:-STRIP_PX], pipe.synthesize(mask, seed=11))
    assert (pixels[-STRIP_PX:] == 0).mean() > 0.6, "the strip says synthetic"
    assert figures["synthetic"] is True and "synthetic" in marked.info["link"]
    with urlopen(marked.info["link"]) as answer:
        assert Image.open(io.BytesIO(answer.read())).text["Synthetic"] == "true"
    labels = pipe.instances(pixels[:-STRIP_PX])
    assert (figures["drawn"], figures["read_back"]) == (3, labels.max())
    assert figures["dice"] == pytest.approx(metrics.dice(mask, labels > 0), abs=1e-4)
    plain, figures = call(
        served, "synthesize", mask=drawn, seed=11, strip=False, background=45, noise=5
    )
    assert plain.size == (128, 96)
    assert figures["levels"]["background"] == pytest.approx(45, abs=0.1)


def test_segment_counts_what_the_pipeline_finds(served, pipe):
    image = draw_discs(200, 300).image
    outlined, figures = call(served, "segment", micrograph=data_url(image), nm_per_px=7.5)
    assert figures["particles"] == pipe.instances(image).max() == 6
    assert (figures["unit"], figures["nm_per_px"]) == ("nm", 7.5)
    value, low, high = figures["ecd_median"]
    assert low < value < high
    assert outlined.size == (300, 200)
    coloured = np.ptp(np.array(outlined.convert("RGB")), axis=2) > 0
    assert ndimage.label(coloured, np.ones((3, 3)))[1] == 6, "an outline for each particle"
    dark = {"micrograph": data_url(255 - image), "model": "particles"}
    figures = call(served, "segment", **dark, diameter_px=22)[1]
    assert figures["particles"] == 6 and figures["confidence"] > 0.5


def test_answers_lead_to_the_next_question(served):
    layout, drawn = call(served, "layout", width=256, height=192, seed=2, count=9)
    assert layout.size == (256, 192) and drawn["particles"] == 9
    again, _ = call(served, "layout", width=256, height=192, seed=2, count=9)
    assert np.array_equal(np.array(layout), np.array(again))
    image, figures = call(served, "synthesize", mask=layout.info["link"], style=layout.info["link"])
    assert figures["drawn"] == 9
    both = f"{image.info['link']}\n{_uploaded(served, image)}"
    results, measured = call(served, "measure", micrographs=both, nm_per_px=7.344)
    assert measured["particles"] == 2 * figures["read_back"]
    with urlopen(results) as answer, zipfile.ZipFile(io.BytesIO(answer.read())) as archive:
        assert "particles.csv" in archive.namelist()


def _uploaded(served: Served, image: Image.Image) -> str:
    """Upload as the tools' description says; return the path that the server answers with."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="up.png"\r\n\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    body = head + buffer.getvalue() + b"\r\n--x--\r\n"
    with urlopen(Request(f"{served.url}gradio_api/upload", body, form)) as answer:
        return json.loads(answer.read())[0]


def test_a_data_set_is_made(served):
    link, facts = call(served, "dataset", n=2, seed=4, coverage=0.2, shape="cubes", d50_nm=200)
    assert facts["pairs"] == 2 and "synthetic" in link
    with urlopen(link) as answer, zipfile.ZipFile(io.BytesIO(answer.read())) as archive:
        lines = archive.read("manifest.jsonl").decode().splitlines()
    assert [json.loads(line)["layout"]["coverage"] for line in lines] == [0.2, 0.2]
    assert [json.loads(line)["layout"]["shape"] for line in lines] == ["cubes", "cubes"]


def test_data_urls_leave_no_file(served, mask):
    pixels = mask.astype(np.uint8) * 255
    pixels[0, 0] = 255  # a file that no other test sends
    content = base64.b64decode(data_url(pixels).split(",")[1])
    call(served, "synthesize", mask=data_url(pixels))
    files = [path for path in served.temporary.rglob("*") if path.is_file()]
    assert files and not any(path.read_bytes() == content for path in files)


def test_mistakes_are_one_sentence(served, mask):
    good = data_url(mask.astype(np.uint8) * 255)
    for tool, arguments, words in (
        ("synthesize", {"mask": good, "seed": -3}, "whole number"),
        ("synthesize", {"mask": "/etc/hostname"}, "no such file on this server"),
        ("synthesize", {"mask": str(served.temporary.parent / "server.log")}, "no such file"),
        ("synthesize", {"mask": "http://127.0.0.1:1/mask.png"}, "no such file on this server"),
        ("synthesize", {"mask": f"{good[:60]}?"}, "not whole"),
        ("segment", {"micrograph": "data:;base64,bm8gcGljdHVyZQ=="}, "image"),
        ("segment", {"micrograph": ""}, "no such file"),
        ("measure", {"micrographs": " "}, "No file arrived"),
        ("layout", {"count": 5, "coverage": 0.2}, "not both"),
        ("layout", {"width": 9}, "at least 32"),
        ("layout", {"shape": "rods", "aspect_ratio": 150}, "px wide"),
        ("dataset", {"n": 10_000}, "make-dataset --n 10000"),
    ):
        said = refusal(served, tool, **arguments)
        assert words in said and "Traceback" not in said and "\n" not in said, (tool, said)


def test_without_the_package_there_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(app, "find_spec", lambda name: None)
    assert app.main(["--mcp", "--port", str(free_port())]) == 2
    said = capsys.readouterr().err
    assert said == "app.py: --mcp needs one more package: pip install 'gradio[mcp]'.\n"
