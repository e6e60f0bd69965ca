"""Downloading a large file: progress bar, resume, checksum."""

import hashlib
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

from sentiment_rnn.errors import PipelineError

_CHUNK = 1 << 16  # bytes; what an interruption loses at most
_TIMEOUT = (10, 60)  # seconds, to connect and between two reads


class DownloadError(PipelineError):
    """The file could not be downloaded."""


def download(url: str, path: Path, md5: str) -> None:
    """Download to `path`, which appears only when it is whole and its md5 is right.

    What an interrupted download has got stays in `path`.part, and the next call goes on from there.

    Raises:
        DownloadError: no connection, an HTTP error, or another md5.
    """
    partial = path.with_name(path.name + ".part")
    try:
        _resume(url, partial)
    except (requests.RequestException, OSError) as error:
        raise DownloadError(f"{url}: {error}") from error
    with partial.open("rb") as file:
        actual = hashlib.file_digest(file, "md5").hexdigest()
    if actual != md5:
        partial.unlink()
        raise DownloadError(f"{url}: its md5 is {actual} where {md5} is expected; it was deleted")
    partial.replace(path)


def _resume(url: str, partial: Path) -> None:
    size = partial.stat().st_size if partial.exists() else 0
    session = requests.Session()
    session.mount(url, HTTPAdapter(max_retries=Retry(total=3, backoff_factor=0.5)))
    # identity: a server that sends the archive as a compressed text would have it unpacked on arrival
    headers = {"Range": f"bytes={size}-", "Accept-Encoding": "identity"}
    with session.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing is left to get
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            size = 0  # the server starts from the beginning
        total = size + int(response.headers.get("Content-Length", 0))
        with (
            partial.open("ab" if size else "wb") as file,
            tqdm(
                desc=f"downloading {partial.stem}", total=total, initial=size, unit="B", unit_scale=True, disable=None
            ) as progress,
        ):
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                progress.update(len(chunk))
