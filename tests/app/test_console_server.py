"""The console on its port: who may reach it, what is said of it, and how it ends."""

import logging
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from daemons import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streamwatch.app import console_access, reopened_server
from streamwatch.app.console_access import console_address, has_users
from streamwatch.app.console_server import ConsoleServer, open_console
from streamwatch.config.settings import Settings, WebSettings
from streamwatch.core.errors import ConfigError
from streamwatch.http.pages import App
from streamwatch.http.server import HttpServer

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")


def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


def make() -> App:
    return Starlette(routes=[Route("/", hello)])


def settings_of(folder: Path, **web: Any) -> Settings:
    return Settings.model_validate({"data_dir": folder / "data", "web": {"port": free_port(), **web}})


def certificate(folder: Path) -> dict[str, Path]:
    """Make a certificate and return the settings that name it."""
    found = {"tls_certificate": folder / "gate.pem", "tls_key": folder / "gate.key"}
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=gate"]
    out = ["-keyout", str(found["tls_key"]), "-out", str(found["tls_certificate"])]
    subprocess.run(["openssl", *new, *out], check=True, capture_output=True)
    return found


def user_exists(monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    monkeypatch.setattr(console_access, "has_users", lambda _: exists)


@contextmanager
def serving(settings: Settings, opened: Callable[[], HttpServer] | None = None) -> Iterator[ConsoleServer]:
    console = ConsoleServer(console_address(settings.web), opened or (lambda: open_console(settings, make)))
    thread = threading.Thread(target=console.run)
    thread.start()
    try:
        yield console
    finally:
        console.stop()
        thread.join(30)
        assert not thread.is_alive()


def until(what: Callable[[], object]) -> None:
    limit = time.monotonic() + 60
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.02)


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_it_says_where_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="streamwatch")
    settings = settings_of(tmp_path)
    with serving(settings) as console:
        until(lambda: console.health.address)
        assert ask(settings.web.port).endswith(b"hello")
        assert console.health.address == f"http://127.0.0.1:{settings.web.port}"
        assert console.health.why == ""
    assert f"the console is at http://127.0.0.1:{settings.web.port}" in caplog.text


def test_a_taken_port_is_one_sentence_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reopened_server, "AGAIN", 0.05)
    settings = settings_of(tmp_path)
    attempts: list[int] = []

    def opened() -> HttpServer:
        attempts.append(1)
        return open_console(settings, make)

    with closing(socket.create_server(("127.0.0.1", settings.web.port))) as taken, serving(settings, opened) as console:
        until(lambda: len(attempts) > 3)
        sentence = f"Port {settings.web.port} of 127.0.0.1 cannot be used for the console: Address already in use."
        assert console.health.why.startswith(sentence)
        assert console.health.address == ""
        assert [record.levelname for record in caplog.records] == ["WARNING"], "said once"
        taken.close()
        until(lambda: console.health.address)
        assert ask(settings.web.port).endswith(b"hello")
        assert console.health.why == ""


@pytest.mark.errors_expected
def test_a_server_that_fails_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reopened_server, "AGAIN", 0.05)
    settings = settings_of(tmp_path)
    failing = [OSError("no descriptor is left")]

    def opened() -> HttpServer:
        if failing:
            raise failing.pop()
        return open_console(settings, make)

    with serving(settings, opened) as console:
        until(lambda: console.health.address)
        assert ask(settings.web.port).endswith(b"hello")


def test_a_stop_before_the_port_is_open_ends_it(tmp_path: Path) -> None:
    console = ConsoleServer("http://x", lambda: open_console(settings_of(tmp_path), make))
    console.stop()
    console.run()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_beyond_this_machine_it_needs_https_or_a_proxy(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_exists(monkeypatch, True)
    with pytest.raises(ConfigError, match=r"without https.*web\.tls_certificate.*web\.behind_proxy"):
        open_console(settings_of(tmp_path, host=host), make)


@needs_openssl
@pytest.mark.parametrize("https", [True, False])
def test_beyond_this_machine_it_needs_a_user(https: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how: dict[str, Any] = certificate(tmp_path) if https else {"behind_proxy": "192.0.2.9"}
    settings = settings_of(tmp_path, host="0.0.0.0", **how)
    user_exists(monkeypatch, False)
    with pytest.raises(ConfigError, match=r"no user.*streamwatch user add"):
        open_console(settings, make)
    user_exists(monkeypatch, True)
    open_console(settings, make).stop()


def test_a_proxy_on_this_machine_lets_in_others_so_that_it_needs_a_user_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_exists(monkeypatch, False)
    with pytest.raises(ConfigError, match="no user"):
        open_console(settings_of(tmp_path, behind_proxy="127.0.0.1"), make)


def test_a_certificate_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"web\.tls_certificate and web\.tls_key cannot be used: No such file"):
        open_console(settings_of(tmp_path, tls_certificate=tmp_path / "none.pem"), make)
    with pytest.raises(ConfigError, match=r"web\.tls_key is set and web\.tls_certificate is not"):
        open_console(settings_of(tmp_path, tls_key=tmp_path / "none.pem"), make)


def test_without_a_database_there_are_no_users(tmp_path: Path) -> None:
    assert not has_users(settings_of(tmp_path))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("web", "address"),
    [
        ({}, "http://127.0.0.1:8470"),
        ({"host": "::1", "port": 80}, "http://[::1]:80"),
        ({"host": "192.0.2.1", "tls_certificate": Path("gate.pem")}, "https://192.0.2.1:8470"),
        ({"host": "0.0.0.0"}, f"http://{socket.gethostname()}:8470"),
    ],
)
def test_the_address_is_one_that_a_person_can_open(web: dict[str, Any], address: str) -> None:
    assert console_address(WebSettings(**web)) == address
