"""train.py as somebody runs it: it stops gently, goes on, and says in a sentence what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import torch

from tests.support.paths import ROOT
from tests.support.trainings import read_log, tiny_flags


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true"}


def test_sigterm_to_all_processes_saves_and_the_same_command_goes_on(pair_folder, tmp_path):
    """As Slurm and `timeout` send it: the processes that prepare crops get it too."""
    run = tmp_path / "run"
    command = [
        sys.executable,
        str(ROOT / "train.py"),
        "--data",
        str(pair_folder),
        "--run",
        str(run),
    ]
    command += [*tiny_flags(steps=100000)]
    command[command.index("--save-every-steps") + 1] = "1000000"
    command[command.index("--eval-every-steps") + 1] = "1000000"
    command[command.index("--workers") + 1] = "2"
    process = subprocess.Popen(
        command, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline = time.time() + 240
        while not (run / "log.jsonl").exists() and time.time() < deadline:
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    reached = torch.load(run / "checkpoint.pt", weights_only=True)["step"]
    assert reached >= 1

    # steps may be extended or cut on resuming
    command[command.index("--steps") + 1] = str(reached + 2)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert f"step {reached + 2} of {reached + 2}, done" in done.stdout
    assert [line["step"] for line in read_log(run)] == list(range(1, reached + 3))


def test_bad_data_ends_with_one_sentence(tmp_path):
    command = [sys.executable, str(ROOT / "train.py"), "--data", str(tmp_path / "nowhere")]
    command += ["--run", str(tmp_path / "run")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 2
    assert "does not exist" in done.stderr
    assert "Traceback" not in done.stderr
