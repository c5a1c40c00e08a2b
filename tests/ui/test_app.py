"""The demo through its API, as a gradio client uses it, and its pieces."""

from __future__ import annotations

import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from fancgan import UserError
from fancgan.__main__ import main
from fancgan.evaluation import metrics
from fancgan.measuring import overlay
from fancgan.networks.style_vector import between
from fancgan.ui import wire
from fancgan.ui.sketch.mask_sources import own_layout
from tests.support.drawing import draw_discs, info_bar
from tests.support.serving import free_port, run_app

pytest.importorskip("gradio")
pytest.importorskip("gradio_client")
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError


@pytest.fixture(scope="module")
def client(served, tmp_path_factory) -> Client:
    downloads = tmp_path_factory.mktemp("downloads")
    return Client(served.url, verbose=False, download_files=downloads, analytics_enabled=False)


@pytest.fixture(scope="module")
def mask_file(mask, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("masks") / "discs.png"
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return path


def test_named_endpoints(client):
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {
        "/synthesize",
        "/synthesize_look",
        "/layout",
        "/segment",
        "/measure",
        "/scale_bar",
        "/dataset",
        "/dataset_preview",
    }


def test_synthesize_equals_the_pipeline_and_says_synthetic(client, pipe, mask, mask_file):
    path, figures = client.predict(handle_file(mask_file), 11, api_name="/synthesize")
    image = Image.open(path)
    assert np.array_equal(np.array(image), pipe.synthesize(mask, seed=11))
    assert image.text["Synthetic"] == "true"
    assert image.text["Seed"] == "11"
    assert image.text["Bundle"] == pipe.revision
    assert "synthetic" in Path(path).name
    assert figures["drawn"] == 3
    labels = pipe.instances(np.array(image))
    assert figures["read_back"] == labels.max()
    assert figures["dice"] == pytest.approx(metrics.dice(mask, labels > 0), abs=1e-4)


def test_seed_repeats_and_changes(client, mask_file):
    def paint(seed: int) -> bytes:
        return Path(
            client.predict(handle_file(mask_file), seed, api_name="/synthesize")[0]
        ).read_bytes()

    first = paint(1)
    assert paint(1) == first
    assert not np.array_equal(_pixels(first), _pixels(paint(2)))


def _pixels(content: bytes) -> np.ndarray:
    import io

    return np.array(Image.open(io.BytesIO(content)))


def test_synthesize_look_equals_the_pipeline(client, pipe, mask, mask_file, tmp_path):
    look = {"seed": 3, "mix_seed": 4, "mix": 0.25, "levels": {"background": 40}}
    path, figures = client.predict(handle_file(mask_file), look, None, api_name="/synthesize_look")
    style = between(pipe.sample_style(3), pipe.sample_style(4), 0.25)
    style = pipe.style_scale.with_levels(style, background=40)
    assert np.array_equal(np.array(Image.open(path)), pipe.synthesize(mask, seed=3, style=style))
    assert figures["levels"]["background"] == pytest.approx(40, abs=0.01)
    reference = tmp_path / "reference.png"
    Image.fromarray(draw_discs(200, 300).image).save(reference)
    path, _ = client.predict(
        handle_file(mask_file), {"seed": 3}, handle_file(reference), api_name="/synthesize_look"
    )
    like = pipe.synthesize(mask, seed=3, style=draw_discs(200, 300).image)
    assert np.array_equal(np.array(Image.open(path)), like)
    for wish, words in (
        ({"levels": {"mood": 1}}, "nothing else"),
        ({"finish": {"gamma": 99}}, "gamma must be a number"),
        ({"mix_seed": 1, "mix": 2}, "mix must be"),
        ({"seed": 1.5}, "whole number"),
        ({"colour": "red"}, "no colour"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict(handle_file(mask_file), wish, None, api_name="/synthesize_look")


def test_layout_is_a_mask_and_repeats(client):
    path = client.predict("Agglomerates", 3, api_name="/layout")
    mask = np.array(Image.open(path))
    assert mask.shape == (512, 768)
    assert set(np.unique(mask)) == {0, 255}
    again = np.array(Image.open(client.predict("Agglomerates", 3, api_name="/layout")))
    other = np.array(Image.open(client.predict("Agglomerates", 4, api_name="/layout")))
    assert np.array_equal(mask, again)
    assert not np.array_equal(mask, other)


def test_segment_crops_the_bar_and_keeps_the_scale(client, pipe, tmp_path):
    discs = draw_discs(160, 400)
    pixels = np.vstack([discs.image, info_bar(40, 400)])
    path = tmp_path / "field.tif"
    tifffile.imwrite(
        path, pixels, imagej=True, resolution=(1 / 7.5, 1 / 7.5), metadata={"unit": "nm"}
    )
    labels, outlined, figures = client.predict(handle_file(path), None, api_name="/segment")
    assert figures["info_bar_rows_cropped"] == 40
    assert figures["nm_per_px"] == pytest.approx(7.5)
    expected = pipe.instances(discs.image)
    with tifffile.TiffFile(labels) as tiff:
        assert np.array_equal(tiff.asarray(), expected.astype(np.uint16))
        assert tiff.imagej_metadata["unit"] == "nm"
        numerator, denominator = tiff.pages[0].tags["XResolution"].value
        assert denominator / numerator == pytest.approx(7.5, rel=1e-4)
    assert figures["particles"] == expected.max()
    assert Image.open(outlined).size == (400, 160)
    figures = client.predict(handle_file(path), 7.0, api_name="/segment")[2]
    assert figures["nm_per_px"] == 7.0
    value, low, high = figures["ecd_mean"]
    assert low < value < high and figures["unit"] == "nm"
    assert "confidence" not in figures and "statistics_withheld" not in figures


def test_particles_of_any_kind_say_how_sure_they_are(client, tmp_path):
    path, empty = tmp_path / "dark.png", tmp_path / "empty.png"
    Image.fromarray(255 - draw_discs(200, 300).image).save(path)
    Image.new("L", (300, 200), 90).save(empty)
    figures = client.predict(handle_file(path), 2.0, "particles", api_name="/segment")[2]
    assert figures["particles"] == 6 and 0.5 < figures["confidence"] <= 1
    assert figures["typical_diameter_nm"] == pytest.approx(
        2 * figures["typical_diameter_px"], rel=1e-4
    )
    assert figures["typical_diameter_px"] == pytest.approx(22, rel=0.15)
    few = {"frame_distance_px": [1e4, None]}
    asked = handle_file(path), 2.0, "particles", None, True, 0.5, "red", few
    assert client.predict(*asked, api_name="/segment")[2]["particles"] == 0
    asked = handle_file(empty), None, "particles", 20
    figures = client.predict(*asked, api_name="/segment")[2]
    assert "No particle was found" in figures["statistics_withheld"]
    assert not any(name.startswith("ecd_") for name in figures)
    figures = client.predict(*asked, True, api_name="/segment")[2]
    assert figures["ecd_median"] == [None, None, None]
    both, wish = [handle_file(path), handle_file(empty)], {"model": "particles"}
    figures = client.predict(both, wish, api_name="/measure")[1]
    assert figures["statistics_withheld"].startswith("empty: ") and figures["whole_particles"] == 6
    assert figures["files"]["dark"]["confidence"] > 0.5
    with pytest.raises(AppError, match="no model moon"):
        client.predict(handle_file(path), None, "moon", api_name="/segment")


def test_measure_gives_everything_of_several_files(client, tmp_path):
    paths = []
    for seed in range(2):
        paths.append(tmp_path / f"f{seed}.png")
        Image.fromarray(draw_discs(200, 300, seed=seed).image).save(paths[-1])
    files = [handle_file(path) for path in paths]
    results, figures = client.predict(files, {"split": 0.5}, api_name="/measure")
    with zipfile.ZipFile(results) as archive:
        assert {"particles.csv", "f0_labels.tif", "f1_rois.zip"} <= set(archive.namelist())
    assert figures["particles"] == 12
    assert figures["unit"] == "px"
    with pytest.raises(AppError, match="nothing else"):
        client.predict(files, {"colour": "red"}, api_name="/measure")
    with pytest.raises(AppError, match="same name"):
        client.predict([files[0], files[0]], None, api_name="/measure")


def test_dataset_is_what_the_shell_makes(client, tiny_bundle, tmp_path):
    settings = {"n": 3, "seed": 4, "amount": "coverage, %", "value": 20, "strip": False}
    path, facts = client.predict(settings, None, api_name="/dataset")
    assert facts["pairs"] == 3 and "synthetic" in Path(path).name
    out = tmp_path / "set"
    flags = ["--n", "3", "--seed", "4", "--coverage", "0.2", "--bundle", str(tiny_bundle)]
    assert main(["make-dataset", "--out", str(out), *flags]) == 0
    with zipfile.ZipFile(path) as archive:
        made = {name: archive.read(name) for name in archive.namelist()}
    files = (one for one in out.rglob("*") if one.is_file())
    assert made == {one.relative_to(out).as_posix(): one.read_bytes() for one in files}
    tiles, shown = client.predict(settings, None, api_name="/dataset_preview")
    assert len(tiles) == len(shown["preview"]) == 3
    for wish, words in (
        ({"n": 10_000}, "make-dataset --n 10000"),
        ({"n": 0}, "1 to 200"),
        ({"n": 150, "size": "512 × 512"}, "1 to 122"),
        ({"amount": "count", "value": None}, "How much"),
        ({"colour": "red"}, "nothing else"),
        ({"d50_nm": "big"}, "must be a number"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict(wish, None, api_name="/dataset")


def test_bad_files_get_one_sentence(client, tmp_path, mask_file):
    text = tmp_path / "<b>notes.tif"
    text.write_text("not a picture")
    empty, colour, dot = tmp_path / "empty.png", tmp_path / "colour.png", tmp_path / "dot.png"
    Image.new("L", (64, 64)).save(empty)
    rgb = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(colour)
    Image.new("L", (1, 1), 255).save(dot)
    for path, endpoint in (
        (text, "/segment"),
        (colour, "/segment"),
        (dot, "/segment"),
        (text, "/synthesize"),
        (empty, "/synthesize"),
        (colour, "/synthesize"),
        (dot, "/synthesize"),
    ):
        with pytest.raises(AppError) as caught:
            client.predict(handle_file(path), 1, api_name=endpoint)
        words = str(caught.value)
        assert words.endswith((".", ")")) and "\n" not in words, (path, endpoint, words)
        assert "<b>" not in words and "Traceback" not in words
    with pytest.raises(AppError, match="seed"):
        client.predict(handle_file(mask_file), -1, api_name="/synthesize")
    with pytest.raises(AppError, match="pixel size"):
        client.predict(handle_file(mask_file), -2, api_name="/segment")
    with pytest.raises(AppError, match="no layout"):
        client.predict("Spaghetti", 1, api_name="/layout")


def test_bad_arguments_exit_with_2(tiny_bundle, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        runs = [
            run_app("--bundle", str(tiny_bundle), "--port", port),
            run_app("--bundle", str(tiny_bundle), "--port", "70000"),
            run_app("--bundle", str(tmp_path / "missing"), "--port", str(free_port())),
        ]
    for done in runs:
        assert done.returncode == 2
        assert done.stderr.startswith("app.py: ")
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize("corner", [False, True])
def test_mask_survives_the_wire(corner):
    mask = np.random.default_rng(0).random((48, 64)) > 0.6
    mask[0, 0] = corner
    value = wire.encode_mask(mask)
    decoded, seq = wire.decode_mask(value | {"seq": 9})
    assert np.array_equal(decoded, mask)
    assert seq == 9


@pytest.mark.parametrize(
    "value",
    [
        None,
        "data",
        {"width": 64, "height": 64},
        {"width": 64, "height": 64, "runs": []},
        {"width": 64, "height": 64, "runs": [64]},
        {"width": 64, "height": 64, "runs": [-1, 64 * 64 + 1]},
        {"width": 64, "height": 64, "runs": [[64 * 64]]},
        {"width": 64, "height": 64, "runs": ["x"]},
        {"width": 1, "height": 1, "runs": [1]},
        {"width": 10**9, "height": 10**9, "runs": [10**18]},
    ],
)
def test_broken_drawings_are_refused(value):
    with pytest.raises(UserError):
        wire.decode_mask(value)


def test_a_layout_of_ones_own_is_what_was_asked_for():
    wishes = {"count": 9, "d50_nm": 300, "gsd": 1.1, "agglomeration": "single"}
    mask, seen = own_layout(wishes, 4, (256, 320), 7.344)
    assert (mask.shape, seen, overlay.count_particles(mask)) == ((256, 320), 9, 9)
    assert np.array_equal(mask, own_layout(wishes, 4, (256, 320), 7.344)[0])
    for change, words in (
        ({"count": 2.5}, "whole number"),
        ({"gsd": "wide"}, "must be a number"),
        ({"gsd": 9}, "choose from"),
        ({"agglomeration": "heaps"}, "choose one of"),
        ({"colour": "red"}, "nothing else"),
        ({"shape": "bananas"}, "choose one of"),
        ({"aspect_ratio": "long"}, "must be a number"),
        ({"count": 200}, "at most 33%"),
        ({"count": 2000, "d50_nm": 40, "agglomeration": "mix"}, "at most 1500"),
    ):
        with pytest.raises(UserError, match=words):
            own_layout(wishes | change, 4, (256, 320), 7.344)
    rods = {"shape": "rods", "flexibility": 0.3, "overlap_shown": "both", "count": 9}
    assert own_layout(rods, 4, (256, 320), 7.344)[1] == 9
    with pytest.raises(UserError, match="at most 1500"):
        own_layout({"d50_nm": 40}, 4, (1448, 1448), 7.344)


def test_outlines_lie_inside_and_part_neighbours():
    labels = np.zeros((40, 60), np.int32)
    labels[5:35, 5:30] = 1
    labels[5:35, 30:55] = 2
    layer = np.array(overlay.outline_layer(labels).convert("RGBA"))
    line = layer[..., 3] > 0
    assert not line[labels == 0].any()
    assert line[5, 5:55].all() and line[20, 29] and line[20, 30]
    assert not line[20, 10:28].any()
    assert tuple(layer[20, 29, :3]) != tuple(layer[20, 30, :3])
