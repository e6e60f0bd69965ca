"""The download, from a server on this machine."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sentiment_rnn.corpus.download import DownloadError, download

CONTENT = bytes(range(256)) * 4096
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT with ranges, and breaks off after `limit` bytes of an answer."""

    limit = len(CONTENT)
    knows_ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sent: list[int] = []


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Answer with the rest of CONTENT from where the Range header says."""
        start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-")) if self.server.knows_ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if self.server.knows_ranges else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        part = CONTENT[start : start + self.server.limit]
        self.server.sent.append(len(part))
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/reviews.tar.gz"


def test_download(server: Server, tmp_path: Path):
    download(address(server), tmp_path / "reviews", MD5)
    assert (tmp_path / "reviews").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["reviews"]


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_interrupted_download_goes_on_where_it_stopped(server: Server, tmp_path: Path, knows_ranges: bool):
    server.limit = 300_000
    with pytest.raises(DownloadError):
        download(address(server), tmp_path / "reviews", MD5)
    assert not (tmp_path / "reviews").exists()
    got = (tmp_path / "reviews.part").stat().st_size
    assert 0 < got <= 300_000
    server.limit, server.knows_ranges = len(CONTENT), knows_ranges
    download(address(server), tmp_path / "reviews", MD5)
    assert (tmp_path / "reviews").read_bytes() == CONTENT
    assert server.sent[-1] == (len(CONTENT) - got if knows_ranges else len(CONTENT))


def test_complete_part_is_taken(server: Server, tmp_path: Path):
    (tmp_path / "reviews.part").write_bytes(CONTENT)
    download(address(server), tmp_path / "reviews", MD5)
    assert (tmp_path / "reviews").read_bytes() == CONTENT


def test_other_content_is_refused_and_deleted(server: Server, tmp_path: Path):
    with pytest.raises(DownloadError, match=f"its md5 is {MD5}"):
        download(address(server), tmp_path / "reviews", "0" * 32)
    assert not list(tmp_path.iterdir())


def test_no_server(tmp_path: Path):
    with pytest.raises(DownloadError, match=r"127.0.0.1:9"):
        download("http://127.0.0.1:9/reviews.tar.gz", tmp_path / "reviews", MD5)
