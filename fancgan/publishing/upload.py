"""Publishing on the Hugging Face Hub: a bundle, or the demo as a Space, each in one commit."""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fancgan.errors import UserError
from fancgan.pretrained.bundle import CARD, Bundle
from fancgan.pretrained.find import HUB_NAME
from fancgan.pretrained.hub import COMMIT, TIMEOUT_S, hub_errors, limit_waiting
from fancgan.publishing.model_card import SHEET, write_card

TAG = re.compile(r"[\w][\w.-]*")
UNTOUCHED = "Nothing was published; the same command again does it."
Say = Callable[[str], None]


def check_login(repo_id: str, timeout_s: float = TIMEOUT_S) -> None:
    """Raise UserError unless the name is one, and the Hub can be reached and knows the token.

    To be called first: nobody should wait for an export to learn that the token is wrong.
    """
    from huggingface_hub import HfApi, get_token

    check_name(repo_id)
    if get_token() is None:
        raise UserError(
            "There is no token for the Hub: make one with write access in the settings of your "
            "account, then run hf auth login, or set HF_TOKEN. Nothing was published."
        )
    limit_waiting(timeout_s)
    with hub_errors(repo_id, None, UNTOUCHED):
        HfApi().whoami()


def check_name(repo_id: str) -> None:
    if not HUB_NAME.fullmatch(repo_id):
        raise UserError(f"{repo_id} is no name of a Hub repository; write it as OWNER/NAME.")


def check_tag(tag: str) -> None:
    if not TAG.fullmatch(tag) or tag == "main" or COMMIT.fullmatch(tag):
        raise UserError(f"{tag} is no good tag; take letters, digits, dots and dashes, like v1.")


@contextlib.contextmanager
def bundle_files(bundle: Bundle, repo_id: str, tag: str | None) -> Iterator[dict[str, Path]]:
    """Give the files to publish by name: the bundle's, its card, and a painter's sample sheet.

    A card that somebody edited is sent as it is. Raises UserError where the bundle is damaged.
    """
    from fancgan.pipeline import Pipeline
    from fancgan.publishing.card_sheet import card_sheet

    pipe = Pipeline(bundle)  # verifies what it loads
    for name in bundle.portable:
        bundle.read(name)
    files = {name: bundle.path / name for name in (*bundle.files, *bundle.portable)}
    with tempfile.TemporaryDirectory(prefix="fancgan-") as folder:
        if pipe.paints:
            files[SHEET] = Path(folder, SHEET)
            files[SHEET].write_bytes(card_sheet(pipe))
        files[CARD] = bundle.path / CARD
        if not files[CARD].is_file() or _is_as_exported(bundle):
            files[CARD] = Path(folder, CARD)
            text = write_card(bundle.config, repo_id=repo_id, tag=tag)
            files[CARD].write_text(text, encoding="utf-8", newline="\n")
        yield files


def _is_as_exported(bundle: Bundle) -> bool:
    content = (bundle.path / CARD).read_bytes()
    return hashlib.sha256(content).hexdigest() == bundle.config["sha256"].get(CARD)


def list_files(files: Mapping[str, Path], say: Say = print) -> None:
    """Say the name and size of each file, and the sum."""
    sizes = {name: path.stat().st_size for name, path in sorted(files.items())}
    for name, size in sizes.items():
        say(f"    {size:>12,}  {name}")
    say(f"    {sum(sizes.values()):>12,}  bytes in {len(sizes)} files")


def push_bundle(
    bundle: Bundle,
    repo_id: str,
    *,
    private: bool = False,
    tag: str | None = None,
    dry_run: bool = False,
    say: Say = print,
) -> str | None:
    """Publish a bundle in one commit and return it; None for a dry run, which sends nothing.

    A repository that is missing is made; files that the Hub has already are not sent again. A tag
    that exists is never moved. Raises UserError; until the commit nothing can be seen on the Hub.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    check_name(repo_id)
    if tag:
        check_tag(tag)
    with bundle_files(bundle, repo_id, tag) as files:
        if dry_run:
            say(f"would send to {repo_id}{f', tag {tag}' if tag else ''}:")
            list_files(files, say)
            return None
        with hub_errors(repo_id, tag, UNTOUCHED):
            _make_repository(repo_id, "model", private)
            if tag:
                _refuse_taken_tag(repo_id, tag)
            message = f"Bundle {bundle.config['name']}, revision {bundle.revision}"
            operations = [CommitOperationAdd(name, str(files[name])) for name in sorted(files)]
            commit = HfApi().create_commit(repo_id, operations, commit_message=message).oid
    say(f"published {repo_id}@{commit}")
    if tag:
        with hub_errors(repo_id, tag, f"The files are published at {commit}, the tag is not set."):
            HfApi().create_tag(repo_id, tag=tag, revision=commit)
        say(f"tagged {repo_id}@{tag}")
    return commit


def _make_repository(repo_id: str, repo_type: str, private: bool) -> None:
    from huggingface_hub import HfApi

    sdk = "gradio" if repo_type == "space" else None
    HfApi().create_repo(
        repo_id, repo_type=repo_type, space_sdk=sdk, private=private or None, exist_ok=True
    )
    # What was meant to be private must not go to a repository that was public before.
    if private and not HfApi().repo_info(repo_id, repo_type=repo_type).private:
        raise UserError(f"{repo_id} exists and is public: make it private on its page first.")


def _refuse_taken_tag(repo_id: str, tag: str) -> None:
    from huggingface_hub import HfApi, errors

    with contextlib.suppress(errors.RevisionNotFoundError):
        commit = HfApi().repo_info(repo_id, revision=tag).sha
        raise UserError(
            f"{repo_id} has a tag {tag} already, at {commit}; choose another, tags are not moved. "
            "Nothing was published."
        )


def resolve(source: str) -> str:
    """Return "owner/name@commit" of an "owner/name@revision" that the Hub has.

    Raises UserError for another form, a repository or revision that is not there.
    """
    from huggingface_hub import HfApi

    repo_id, _, revision = source.partition("@")
    check_name(repo_id)
    if not revision:
        raise UserError(f"{source} names no revision; write OWNER/NAME@TAG or OWNER/NAME@COMMIT.")
    if COMMIT.fullmatch(revision):
        return source
    with hub_errors(repo_id, revision, UNTOUCHED):
        return f"{repo_id}@{HfApi().repo_info(repo_id, revision=revision).sha}"


def push_space(
    folder: Path, repo_id: str, variables: Mapping[str, str], *, private: bool = False
) -> str:
    """Publish an assembled Space in one commit, its variables set before; return the commit.

    Files of an earlier version that are no longer part of it are removed. Raises UserError.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    with hub_errors(repo_id, None, UNTOUCHED):
        _make_repository(repo_id, "space", private)
        # Before the files: the Space must never start with another model than the pinned one.
        for key, value in variables.items():
            api.add_space_variable(repo_id, key, value)
        sent: dict[str, Any] = {"repo_id": repo_id, "repo_type": "space", "folder_path": folder}
        return api.upload_folder(**sent, delete_patterns="*", commit_message="The demo").oid
