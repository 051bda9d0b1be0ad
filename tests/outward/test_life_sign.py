"""Signs of life, to real servers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from streamwatch.outward import life_sign
from streamwatch.outward.life_sign import LifeSign

SECRET = "b6a1f5c0-invented"


@contextmanager
def service(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{SECRET}", asked
        finally:
            server.shutdown()
            thread.join()


def test_it_comes_only_while_all_is_well() -> None:
    health = iter([True, False, False, True])
    waits = iter([False, False, False, True])
    with service() as (address, asked):
        LifeSign(address, 300.0, lambda: next(health)).run(lambda seconds: next(waits) if seconds else False)
    assert asked == [f"/{SECRET}"] * 2


def test_each_change_is_said_once_without_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with service(503) as (address, _):
        sign = LifeSign(address, 300.0, lambda: True)
        assert [sign.tell(), sign.tell()] == [False, False]
    assert caplog.text.count("answers with the HTTP status 503") == 1
    assert sign.tell() is False
    assert caplog.text.count("cannot be reached") == 1
    assert SECRET not in caplog.text


def test_a_redirect_is_not_followed() -> None:
    with service(302) as (address, asked):
        assert not LifeSign(address, 300.0, lambda: True).tell()
    assert len(asked) == 1


def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life_sign, "TIMEOUT", 0.3)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert not LifeSign(address, 300.0, lambda: True).tell()


def test_a_request_that_hangs_ends_with_the_program() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        sign = LifeSign(f"http://127.0.0.1:{listener.getsockname()[1]}/", 300.0, lambda: True)
        thread = threading.Thread(target=sign.run, args=(lambda seconds: bool(seconds),))
        thread.start()
        listener.accept()[0].close()
        sign.hang_up()
        thread.join(60)
        assert not thread.is_alive()
