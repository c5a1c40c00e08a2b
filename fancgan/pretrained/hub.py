"""The Hugging Face Hub: reading a bundle from it, and what reading and writing share."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fancgan.errors import UserError
from fancgan.pretrained.bundle import CONFIG, FILES, is_whole

COMMIT = re.compile(r"[0-9a-f]{40}")
NOTHING_LOADED = "Nothing was loaded."
TIMEOUT_S = 60.0  # the client's own is none: a server that falls silent would hold it for ever


class HubUnreachable(UserError):
    """The Hub gave no answer, or one that says nothing about the request (5xx)."""


def download_bundle(repo_id: str, revision: str | None) -> tuple[Path, str]:
    """Return the folder of a Hub repository's bundle and its commit; from the cache if it is there.

    revision: a commit of 40 hexadecimal digits, or a tag. A bundle runs code when it is loaded, so
    what moves by itself, a branch, is not accepted. Nothing is loaded here.
    Raises UserError; HubUnreachable where neither cache nor Hub has an answer.
    """
    if not revision or revision in ("main", "HEAD"):
        raise UserError(
            f"There is no folder {repo_id}; if it is a Hub repository, name the commit that you "
            f"trust as well, by its 40 digits, or a tag{f', not {revision!r}' if revision else ''}."
        )
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError:
        raise UserError(
            "Bundles on the Hub need the package huggingface-hub; install it, or name a folder."
        ) from None
    wanted: dict[str, Any] = {"revision": revision, "allow_patterns": list(FILES)}
    if COMMIT.fullmatch(revision):
        # A commit never changes: what is in the cache needs no question to the Hub.
        with contextlib.suppress(errors.LocalEntryNotFoundError, errors.HFValidationError):
            cached = Path(snapshot_download(repo_id, local_files_only=True, **wanted))
            if is_whole(cached):
                return cached, cached.name
    limit_waiting()
    if not COMMIT.fullmatch(revision):
        _refuse_branch(repo_id, revision)
    with hub_errors(repo_id, revision, NOTHING_LOADED):
        folder = Path(snapshot_download(repo_id, **wanted))
    if not (folder / CONFIG).is_file():
        raise UserError(f"{repo_id} has no {CONFIG} at {folder.name}, so it is no bundle.")
    return folder, folder.name


def _refuse_branch(repo_id: str, revision: str) -> None:
    """Without an answer from the Hub the cache decides: its tags were told apart before."""
    from huggingface_hub import HfApi

    with (
        contextlib.suppress(HubUnreachable),
        hub_errors(repo_id, revision, NOTHING_LOADED),
    ):
        refs = HfApi().list_repo_refs(repo_id)
        names = {ref.name for ref in refs.branches} - {ref.name for ref in refs.tags}
        if revision in names:
            raise UserError(
                f"{revision} is a branch of {repo_id}, and a branch moves; name a tag, or the "
                f"commit by its 40 digits. {NOTHING_LOADED}"
            )


def limit_waiting(seconds: float = TIMEOUT_S) -> None:
    """Let the Hub client of this process give up on a server that is silent for so long."""
    from huggingface_hub import get_session, set_client_factory

    client = get_session()
    kind, hooks = type(client), client.event_hooks
    set_client_factory(lambda: kind(event_hooks=hooks, follow_redirects=True, timeout=seconds))


@contextlib.contextmanager
def hub_errors(repo_id: str, revision: str | None, outcome: str) -> Iterator[None]:
    """Raise UserError for what goes wrong on the way to the Hub, on it, or with the permission.

    outcome: what became of the work, the end of each sentence.
    """
    from huggingface_hub import errors

    try:
        yield
    except UserError:
        raise
    except errors.HFValidationError:
        raise UserError(f"{repo_id} is not a valid name of a Hub repository.") from None
    except (errors.HTTPError, OSError, RuntimeError, ValueError) as error:
        raise _explained(root_cause(error), repo_id, revision, outcome) from error


def root_cause(error: BaseException) -> BaseException:
    """Return the answer or the failed connection behind the errors that only say where it was."""
    from huggingface_hub import errors

    known = (errors.HTTPError, ConnectionError)
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, known):
        cause = cause.__cause__
    return cause or error


def _explained(error: BaseException, repo_id: str, revision: str | None, outcome: str) -> UserError:
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        return UserError(f"{repo_id} is gated; ask for access on its page and log in. {outcome}")
    if isinstance(error, errors.RevisionNotFoundError):
        return UserError(f"{repo_id} has no commit or tag {revision}. {outcome}")
    if status == 401 and not isinstance(error, errors.RepositoryNotFoundError):
        return UserError(
            f"The Hub does not accept the token; log in again (hf auth login). {outcome}"
        )
    if status == 403:
        return UserError(
            f"The token may not write to {repo_id}: it belongs to somebody else, or the token has "
            f"no write access. {outcome}"
        )
    if status in (401, 404):
        return UserError(
            f"There is no repository {repo_id} on the Hub, or it is private and you are not "
            f"logged in. {outcome}"
        )
    if status and status >= 500:
        return HubUnreachable(f"The Hub has a fault (HTTP {status}); try again later. {outcome}")
    if status:
        return UserError(f"The Hub refused {repo_id} (HTTP {status}: {_words(error)}). {outcome}")
    if "Timeout" in type(error).__name__:
        return HubUnreachable(f"The Hub does not answer; try again later. {outcome}")
    if isinstance(error, errors.HTTPError | errors.LocalEntryNotFoundError | ConnectionError):
        return HubUnreachable(
            f"{repo_id}: the Hub cannot be reached, or the connection broke off; check the network "
            f"and run the same again. {outcome}"
        )
    return UserError(f"{repo_id}: {_words(error)}. {outcome}")


def _words(error: BaseException) -> str:
    """The server's own words where it has some, else the error's, in one line."""
    message = getattr(error, "server_message", None) or str(error) or repr(error)
    return " ".join(message.split()).rstrip(".")
