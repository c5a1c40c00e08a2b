"""The curves of a run in TensorBoard's own files, and in the trackers that somebody installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fancgan.errors import UserError
from tests.support.trainings import read_log, tiny_training

NOT_INSTALLED = "the tracker is not installed: what it is given is not tested"


def curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard reads from its files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return {
        tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }


def train(run: Path, fields, until: int | None = None, **settings) -> None:
    training = tiny_training(run, fields, **settings)
    training.run(until=until)
    training.close()


def test_tensorboard_shows_what_the_log_says(fields, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(run, fields)
    shown = curves(run)
    for name in ("log", "val"):
        lines = read_log(run, f"{name}.jsonl")
        for key in lines[0].keys() - {"step"}:
            expected = [(line["step"], pytest.approx(line[key], abs=1e-5)) for line in lines]
            assert shown[f"{name}/{key}"] == expected, key


def test_a_resumed_run_draws_each_point_once(fields, tmp_path: Path) -> None:
    run = tmp_path / "run"
    killed = tiny_training(run, fields)  # the checkpoint is of step 2, the log goes on to 3
    killed.save = lambda: None if killed.step == 3 else type(killed).save(killed)
    killed.run(until=3)
    killed.journal.close()
    train(run, fields)
    assert [step for step, _ in curves(run)["log/total"]] == [1, 2, 3, 4]


def test_no_tracker_leaves_the_lines_alone(fields, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(run, fields, until=1, tracker="none")
    assert not (run / "tensorboard").exists()
    assert len(read_log(run)) == 1
    train(run, fields, until=2, tracker="tensorboard")  # how a run is watched may change
    assert (run / "tensorboard").exists()


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_a_missing_package_is_one_sentence(fields, tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=f"pip install {name}") as error:
        tiny_training(tmp_path / "run", fields, tracker=name)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_without_tensorboard_a_training_goes_on_and_says_so(
    fields, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    train(tmp_path / "run", fields, until=1)
    assert "pip install tensorboard" in capsys.readouterr().err
    assert len(read_log(tmp_path / "run")) == 1


def test_trackio_gets_the_curves(fields, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("trackio", reason=NOT_INSTALLED)
    from trackio.sqlite_storage import SQLiteStorage

    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    train(tmp_path / "run", fields, until=2, tracker="trackio")
    train(tmp_path / "run", fields, tracker="trackio")
    (name,) = SQLiteStorage.get_runs("fancgan")
    assert name.startswith("run-")
    logged = SQLiteStorage.get_logs("fancgan", name)
    shown = [(row["step"], row["log/total"]) for row in logged if "log/total" in row]
    assert shown == [
        (line["step"], pytest.approx(line["total"], abs=1e-5))
        for line in read_log(tmp_path / "run")
    ]


def test_wandb_gets_the_curves_offline(fields, tmp_path: Path, monkeypatch) -> None:
    wandb = pytest.importorskip("wandb", reason=NOT_INSTALLED)
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = tmp_path / "run"
    train(run, fields, tracker="wandb")
    (stored,) = run.glob("wandb/offline-run-*/*.wandb")
    assert (run / "tracker_id").read_text() in stored.name
    content = stored.read_bytes()
    for key in ("log/total", "val/"):
        assert key.encode() in content
    assert wandb.run is None
