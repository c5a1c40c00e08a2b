"""The demo as a Hugging Face Space: a folder that starts on its own, and its upload."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from fancgan.errors import UserError
from fancgan.pretrained.bundle import FILES
from fancgan.pretrained.hub import TIMEOUT_S, limit_waiting
from fancgan.pretrained.served import VARIABLE, pinned
from fancgan.publishing.upload import check_login, check_name, list_files, push_space, resolve

ROOT = Path(__file__).resolve().parents[2]
JUNK = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def publish(
    repo_id: str,
    *,
    bundle: str | None = None,
    private: bool = False,
    dry_run: bool = False,
    timeout_s: float = TIMEOUT_S,
    say: Callable[[str], None] = print,
) -> str | None:
    """Publish the demo as the Space repo_id; return the commit, None for a dry run.

    bundle: "owner/name@revision" to serve, pinned to its commit of now in the Space's variable
    FANCGAN_BUNDLE. Without it the variable is left alone. Raises UserError.
    """
    check_name(repo_id)
    if not dry_run:
        check_login(repo_id, timeout_s)
    if bundle:
        limit_waiting(timeout_s)
        bundle = pinned(resolve(bundle))
    variables = {VARIABLE: bundle} if bundle else {}
    with tempfile.TemporaryDirectory(prefix="fancgan-") as folder:
        stage = assemble(Path(folder, "space"), bundle)
        if dry_run:
            say(f"would send to the Space {repo_id}:")
            paths = (path for path in stage.rglob("*") if path.is_file())
            list_files({path.relative_to(stage).as_posix(): path for path in paths}, say)
            for key, value in variables.items():
                say(f"    variable {key} = {value}")
            return None
        commit = push_space(stage, repo_id, variables, private=private)
    say(f"published the Space {repo_id} at {commit}")
    return commit


def assemble(out: Path, bundle: str | None = None) -> Path:
    """Write the Space's folder to `out`, which must not exist; return it.

    The packaged bundles stay in it: 30 MB that keep the page up where the Hub does not answer.
    bundle: "owner/name@commit" that the Space is to fetch while it is built, not at each start.
    """
    for name in ("app.py", "space/README.md", "space/requirements.txt"):
        if not (ROOT / name).is_file():
            raise UserError(f"{ROOT} has no {name}; a Space is published from a clone.")
    shutil.copytree(ROOT / "fancgan", out / "fancgan", ignore=JUNK)
    for name in ("app.py", "LICENSE", "space/requirements.txt"):
        shutil.copy(ROOT / name, out)
    card = (ROOT / "space/README.md").read_text(encoding="utf-8")
    (out / "README.md").write_text(_with_model(card, bundle), encoding="utf-8", newline="\n")
    return out


def _with_model(card: str, bundle: str | None) -> str:
    """Add the model to the front matter, so that the Hub links it and preloads it."""
    if not bundle:
        return card
    repo_id, _, commit = bundle.partition("@")
    lines = f"models:\n  - {repo_id}\npreload_from_hub:\n  - {repo_id} {','.join(FILES)} {commit}\n"
    return re.sub(r"\n---\n", f"\n{lines}---\n", card, count=1)
