"""Fetching the public TiO2 data set, file by file, each checked against its sha256."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

from fancgan.errors import UserError
from fancgan.files import whole_file, writing

TIO2_URL = (
    "https://raw.githubusercontent.com/BAMresearch/automatic-sem-image-segmentation/"
    "8c88052e2320062d6de4d20cf7d67a1cdd20a9e7/"
)
TIO2_NOTICE = """\
TiO2 nanoparticle micrographs and manual masks
Source:  github.com/BAMresearch/automatic-sem-image-segmentation (commit 8c88052e), also
         Zenodo, doi 10.5281/zenodo.4563942
Cite:    B. Ruehle, J. F. Krumrey, V.-D. Hodoroaba, Scientific Reports 11, 4942 (2021),
         doi 10.1038/s41598-021-84287-6
Licence: CC BY-NC-ND 4.0: share unmodified, with attribution, for non-commercial use."""

_HERE = Path(__file__).parent
_FOLDERS = {
    "SEM": "sem",
    "TSEM": "tsem",
    "TiO2_Masks_Manual_4connected": "masks_sem",
    "TiO2_Masks_TSEM": "masks_tsem",
}
_TIMEOUT_S = 30


def download_tio2(
    out: str | Path,
    *,
    base_url: str = TIO2_URL,
    checksums: str | Path = _HERE / "tio2_sha256.txt",
    split: str | Path = _HERE / "tio2_split.json",
    retries: int = 2,
) -> Path:
    """Fetch the data set into out (sem/, masks_sem/, tsem/, masks_tsem/, split.json); return out.

    Files that are there and right are not fetched again, so an interrupted download goes on where
    it stopped. base_url, checksums and split serve a mirror. Raises UserError, in one sentence,
    without a connection, for a file the server does not have, or one that is not what it should be.
    """
    import pooch
    from tqdm import tqdm

    out = Path(out)
    sources = read_checksums(Path(checksums))
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        # The split goes first: a part of the set must never be split anew, test fields and all.
        path, wanted = out / "split.json", Path(split).read_bytes()
        if not path.exists():
            with whole_file(path) as part:
                part.write_bytes(wanted)
        elif path.read_bytes() != wanted:
            raise UserError(f"{path} is another split already; choose an empty folder for --out.")
    base_url = base_url.rstrip("/") + "/"
    pooch.get_logger().setLevel("ERROR")
    store = pooch.create(
        path=out,
        base_url=base_url,
        registry={name: f"sha256:{digest}" for name, (digest, _) in sources.items()},
        urls={name: base_url + quote(path) for name, (_, path) in sources.items()},
        retry_if_failed=retries,
    )
    get = pooch.HTTPDownloader(timeout=_TIMEOUT_S)
    for done, name in enumerate(tqdm(sources, desc="tio2", unit="file")):
        try:
            store.fetch(name, downloader=get)
        except (OSError, ValueError) as error:
            raise UserError(_reason(error, name, base_url, done, len(sources))) from error
    return out


def _reason(error: Exception, name: str, base_url: str, done: int, total: int) -> str:
    host = urlsplit(base_url).hostname
    again = f"run the same command again to go on ({done} of {total} files are here)."
    response = getattr(error, "response", None)
    if response is not None:
        return f"{host} does not deliver {name} (HTTP {response.status_code}); {again}"
    if isinstance(error, ValueError):
        return f"{name} from {host} is not the published file (sha256 differs) and was not kept."
    if type(error).__module__.startswith(("requests", "urllib3")):
        return f"No connection to {host}, or it broke off; check the network and {again}"
    return f"{name} cannot be written: {getattr(error, 'strerror', None) or error}."


def read_checksums(path: Path) -> dict[str, tuple[str, str]]:
    """Local name -> (sha256, path in the repository), from a list as sha256sum writes it."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        digest, _, source = line.partition("  ")
        folder, name = PurePosixPath(source).parts[-2:]
        found[f"{_FOLDERS[folder]}/{name}"] = (digest, source)
    return found
