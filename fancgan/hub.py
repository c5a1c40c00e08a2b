"""Bundles on the Hugging Face Hub."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from fancgan.bundle import FILES
from fancgan.errors import UserError

COMMIT = re.compile(r"[0-9a-f]{40}")


def download_bundle(repo_id: str, revision: str | None) -> Path:
    """Return the folder of a Hub repository's bundle at one commit, from the cache if it is there.

    revision: 40 hexadecimal digits. A bundle runs code when it is loaded, so what a name or a
    branch may point to tomorrow is not accepted. Nothing is loaded here.
    """
    if not revision or not COMMIT.fullmatch(revision):
        raise UserError(
            f"There is no folder {repo_id}; if it is a Hub repository, name the commit that you "
            f"trust as well, by its 40 digits{f', not {revision!r}' if revision else ''}."
        )
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError:
        raise UserError(
            "Bundles on the Hub need the package huggingface-hub; install it, or name a folder."
        ) from None
    wanted = {"revision": revision, "allow_patterns": list(FILES)}
    try:
        # A commit never changes: what is in the cache needs no question to the Hub.
        with contextlib.suppress(errors.LocalEntryNotFoundError):
            cached = Path(snapshot_download(repo_id, local_files_only=True, **wanted))
            if all((cached / name).is_file() for name in FILES):
                return cached
        return Path(snapshot_download(repo_id, **wanted))
    except errors.GatedRepoError:
        raise UserError(f"{repo_id} is gated; ask for access on its page and log in.") from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            f"There is no repository {repo_id} on the Hub, or it is private and you are not "
            "logged in."
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(f"{repo_id} has no commit {revision}.") from None
    except errors.HFValidationError:
        raise UserError(f"{repo_id} is not a valid name of a Hub repository.") from None
    except errors.LocalEntryNotFoundError:
        raise UserError(
            f"{repo_id} is not in the cache and the Hub cannot be reached; connect once, or name "
            "a folder."
        ) from None
    except (errors.HfHubHTTPError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise UserError(f"{repo_id} could not be downloaded: {reason}") from None
