"""The page of `sentiment serve`: what it refuses, and, in a browser, what it shows."""

import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from conftest import Scratch
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect, sync_playwright

from sentiment_rnn.cli.serve import LONGEST_TEXT, create_app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"> good {{ 7 * 7 }}"


@pytest.fixture
def client(finished: Scratch, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.chdir(finished.folder)
    return create_app().test_client()


def test_answers(client: FlaskClient):
    assert b"lstm-adam/0" in client.get("/", base_url="http://127.0.0.1").data
    answer = client.post("/", data={"text": "a good film", "model": ["lstm-adam/0", "nbsvm/0"]})
    assert answer.status_code == 200
    assert answer.data.count(b"<section") == 2
    assert client.post("/", data={"text": "a good film", "model": ""}).data.count(b"<section") == 1  # the best one


@pytest.mark.parametrize(
    ("form", "status", "message"),
    [
        ({"text": "x", "model": "../../etc"}, 400, "There is no model ../../etc."),
        ({"text": "x", "model": "/etc"}, 400, "There is no model /etc."),
        ({"text": " \n"}, 400, "There is no text to judge."),
        ({}, 400, "There is no text to judge."),
        ({"text": "x" * (LONGEST_TEXT + 1)}, 413, "The text is longer than 20,000 characters."),
        ({"text": "x" * 20 * LONGEST_TEXT}, 413, "The text is longer than 20,000 characters."),
    ],
)
def test_refusals(form: dict[str, str], status: int, message: str, client: FlaskClient):
    answer = client.post("/", data=form)
    assert answer.status_code == status
    assert message in answer.text
    assert "<section" not in answer.text


def test_other_names_of_this_machine_are_refused(client: FlaskClient):
    assert client.get("/", base_url="http://evil.example").status_code == 400
    assert client.get("/etc/passwd").status_code == 404
    assert client.get("/static/../../etc/passwd").status_code == 404


def test_what_is_typed_is_escaped(client: FlaskClient):
    answer = client.post("/", data={"text": HOSTILE, "model": "lstm-adam/0"})
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert "{{ 7 * 7 }}" in answer.text.replace("</span>", "").replace('<span class="unread">', "")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.fixture
def address(finished: Scratch) -> Iterator[str]:
    """Of a server of its own."""
    command = [Path(sys.executable).with_name("sentiment"), "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=finished.folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[0]
        server.terminate()


def test_server_outlives_dropped_and_huge_requests(address: str):
    host, port = address.removeprefix("http://").split(":")
    for length in (5, 40_000_000):  # dropped before the answer; refused before it is all sent
        with socket.create_connection((host, int(port))) as connection:
            head = f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            connection.sendall(f"{head}Content-Length: {length}\r\n\r\ntext=".encode())
            if length > 5:
                assert b" 413 " in connection.recv(100)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes by a reset
    with urlopen(address, timeout=20) as answer:
        assert answer.status == 200


@pytest.fixture
def browser_page(address: str) -> Iterator[Page]:
    """A page of a phone's width."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 390, "height": 800})
            page.goto(address)
            yield page
        finally:
            browser.close()


def test_in_a_browser(browser_page: Page):
    page = browser_page
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if "127.0.0.1" not in request.url else None)
    page.get_by_label("a review").fill(HOSTILE)
    page.get_by_label("model 1").select_option("lstm-adam/0")
    page.get_by_label("model 2").select_option("nbsvm/0")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("section")).to_have_count(2)  # waits for the answer
    assert page.title() == "Positive or negative?"
    assert page.locator(".text").first.inner_text() == HOSTILE
    probability = float(page.locator(".probability").first.inner_text())
    assert page.locator(".label").first.inner_text() == ("positive" if probability > 0.5 else "negative")
    assert page.get_by_label("a review").input_value() == HOSTILE
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert problems == []
