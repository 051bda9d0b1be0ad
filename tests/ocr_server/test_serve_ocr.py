"""The verb serve-ocr: its address, its clients, its certificate, and its end."""

import base64
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import draw_plate
from daemons import free_port
from fakes import FakeLedger
from paying import BY_CODE, BY_KEY, CODE, JPEG, KEY, SECRET, client_of
from pydantic import SecretStr
from serving_clients import BODY, BY_APPCODE, KINDS, Got, Reader, everything, request, serving

from streamwatch.config import loading
from streamwatch.config.settings import Settings
from streamwatch.core import errors
from streamwatch.ocr_server import reading
from streamwatch.ocr_server import serve_ocr as serve_ocr_module
from streamwatch.ocr_server import service as service_module
from streamwatch.ocr_server.serve_ocr import make_service, serve_ocr

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="is curl's")


def settings(credentials: dict[str, str] | None = None, **place: Any) -> Settings:
    secrets = {name: SecretStr(word) for name, word in (credentials or {}).items()}
    return Settings.model_validate({"recognizer": {"ocrcars": secrets}, "serve_ocr": {"port": free_port(), **place}})


def made(folder: Path) -> tuple[Path, Path]:
    """Return a self-made certificate for 127.0.0.1, and its key."""
    certificate, key = folder / "reader.pem", folder / "reader.key"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=reader", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", *new, *names, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def context(certificate: Path, key: Path) -> ssl.SSLContext:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    return tls


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "reader.example.com", "::"])
def test_beyond_loopback_it_listens_for_nobody_without_credentials(host: str) -> None:
    with pytest.raises(errors.ConfigError, match="everybody who can reach") as caught:
        make_service(settings(host=host), Reader)
    assert "STREAMWATCH_APPCODE" in str(caught.value)


@pytest.mark.parametrize("by", [BY_CODE, BY_KEY], ids=["AppCode", "AppKey"])
def test_beyond_loopback_with_credentials(by: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    make_service(settings(by, host="0.0.0.0"), Reader).close()
    assert "everybody on the network can read the pictures" in caplog.text


def test_half_a_pair_of_keys_is_a_mistake() -> None:
    with pytest.raises(errors.ConfigError, match="both"):
        make_service(settings({"app_key": KEY}), Reader)


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(errors.ConfigError, match="in use"):
        make_service(settings(port=taken.getsockname()[1]), Reader)


def test_an_engine_that_is_missing_leaves_no_socket() -> None:
    chosen = settings()

    def missing() -> Reader:
        raise errors.EngineMissing("The local engine is not installed.")

    with pytest.raises(errors.EngineMissing):
        make_service(chosen, missing)
    socket.create_server(("127.0.0.1", chosen.serve_ocr.port)).close()


@pytest.mark.parametrize("place", [{"certificate": "absent.pem"}, {"key": "absent.key"}])
def test_certificates_that_cannot_be_used(place: dict[str, str]) -> None:
    with pytest.raises(errors.ConfigError, match=r"serve_ocr\.certificate"):
        make_service(settings(**place), Reader)


@needs_openssl
def test_a_key_of_another_certificate_or_with_a_password(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    certificate, key = made(tmp_path)
    _, other = made(tmp_path / "other")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-in", key, "-out", locked, "-aes128", "-passout", "pass:hush"],
        check=True,
        capture_output=True,
    )
    for wrong in (other, locked, certificate):
        with pytest.raises(errors.ConfigError, match="cannot be used"):
            make_service(settings(certificate=certificate, key=wrong), Reader)


def test_paths_of_the_certificate_are_relative_to_the_config_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("serve_ocr: {certificate: reader.pem, key: keys/reader.key}")
    place = loading.load(file).serve_ocr
    assert (place.certificate, place.key) == (tmp_path / "reader.pem", tmp_path / "keys" / "reader.key")


@needs_openssl
@pytest.mark.parametrize("by", [BY_CODE, BY_KEY], ids=["AppCode", "signature"])
def test_https_with_a_self_made_certificate(
    tmp_path: Path, by: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = made(tmp_path)
    with serving(tls=context(certificate, key)) as where:
        with client_of(where.endpoint, by) as client, pytest.raises(errors.NotSent):
            client.read(JPEG, FakeLedger())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with client_of(where.endpoint, by) as client:
            assert [plate.text for plate in client.read(JPEG, FakeLedger())] == ["京AF0236"]


@needs_openssl
def test_who_does_not_speak_tls_disturbs_nobody(tmp_path: Path) -> None:
    certificate, key = made(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with serving(tls=context(certificate, key)) as where, where.connect() as silent, where.connect() as plain:
        plain.sendall(request(BODY, KINDS, BY_APPCODE))
        assert b"HTTP" not in plain.recv(1000)
        with trusting.wrap_socket(where.connect(), server_hostname="127.0.0.1") as good:
            good.sendall(request(BODY, KINDS, BY_APPCODE))
            assert everything(good).startswith(b"HTTP/1.1 200 OK\r\n")
        assert silent.fileno() >= 0


@needs_openssl
@needs_curl
def test_curl(tmp_path: Path) -> None:
    certificate, key = made(tmp_path)
    picture = tmp_path / "picture.txt"
    picture.write_bytes(base64.b64encode(JPEG))
    with serving(tls=context(certificate, key)) as where:

        def curl(*more: str) -> str:
            command = ["curl", "-s", "-i", "-m", "20", "--cacert", str(certificate), *more, where.endpoint]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout

        answer = curl("-H", BY_APPCODE, "--data-urlencode", f"img_base64@{picture}")
        assert answer.startswith("HTTP/1.1 200 OK")
        assert '"car_no": "京AF0236"' in answer
        assert "X-Ca-Error-Code: A401AC" in curl("-H", "Authorization: APPCODE wrong", "-d", "img_base64=AAAA")
        assert "X-Ca-Error-Code: I405UM" in curl("-H", BY_APPCODE)


class Threads:
    """Start threads for a test. At its end wait for them, and restore the signal handlers."""

    def __init__(self) -> None:
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        self._started: list[threading.Thread] = []

    def spawn(self, target: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=target, name=name)
        self._started.append(thread)
        thread.start()
        return thread

    def end(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for thread in self._started:
            thread.join(10)


@pytest.fixture
def threads() -> Iterator[Threads]:
    started = Threads()
    yield started
    started.end()


def test_a_signal_ends_it_after_what_was_taken_is_answered(threads: Threads) -> None:
    reader = Reader()
    reader.open.clear()
    chosen = settings({"appcode": CODE})
    service = make_service(chosen, lambda: reader)
    answers: list[bytes] = []

    def visit() -> None:
        with socket.create_connection(("127.0.0.1", chosen.serve_ocr.port), timeout=20) as connection:
            connection.sendall(request(BODY, KINDS, BY_APPCODE))
            answers.append(everything(connection))

    def act() -> None:
        client = threads.spawn(visit, "client")
        while not reader.busy:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.3)
        reader.open.set()
        client.join(10)

    threads.spawn(act, "actor")
    assert serve_ocr(service, 10.0, threads.spawn) == 0
    assert answers[0].startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.errors_expected
def test_an_engine_that_dies_is_started_again_and_says_so(
    threads: Threads, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine dies on the first picture, and its next start fails."""
    monkeypatch.setattr(reading, "AGAIN_FIRST", 0.01)
    dying, well = Reader(), Reader()
    dying.error = RuntimeError("a bug")
    chosen, engines = settings(), iter([dying, MemoryError("no room"), well])
    codes: list[str] = []

    def make() -> Reader:
        engine = next(engines)
        if isinstance(engine, Exception):
            raise engine
        return engine

    service = make_service(chosen, make)

    def visit() -> None:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", chosen.serve_ocr.port), timeout=20) as connection:
                connection.sendall(request(BODY, KINDS))
                got = Got(everything(connection))
                codes.append(got.code or got.document["showapi_res_body"]["car_no"])
        os.kill(os.getpid(), signal.SIGTERM)

    threads.spawn(visit, "client")
    assert serve_ocr(service, 5.0, threads.spawn) == 0
    assert codes == ["X500ER", "京AF0236"]
    assert dying.closed
    said = [record.getMessage() for record in caplog.records if record.name.endswith("reading")]
    assert said == [
        "the engine failed unexpectedly; it is started again",
        "the engine cannot be started (no room); the next try comes in 0.01 s",
        "the engine has been started again",
    ]


@pytest.mark.errors_expected
def test_an_engine_that_hangs_is_replaced_and_says_so(
    threads: Threads, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs with the first picture; the second one is read, also after the first has come back."""
    monkeypatch.setattr(reading, "HANGING", 0.2)
    monkeypatch.setattr(serve_ocr_module, "LISTEN_EVERY", 0.05)
    hanging, well = Reader(), Reader()
    hanging.open.clear()
    chosen, engines = settings(), iter([hanging, well])
    service = make_service(chosen, lambda: next(engines))
    codes: list[str] = []

    def visit() -> None:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", chosen.serve_ocr.port), timeout=20) as connection:
                connection.sendall(request(BODY, KINDS))
                got = Got(everything(connection))
                codes.append(got.code or got.document["showapi_res_body"]["car_no"])
            if len(codes) == 2:
                hanging.open.set()
        os.kill(os.getpid(), signal.SIGTERM)

    threads.spawn(visit, "client")
    assert serve_ocr(service, 5.0, threads.spawn) == 0
    threads.end()
    assert codes == ["X500ER", "京AF0236", "京AF0236"]
    assert (hanging.busy, well.busy) == (1, 2)
    assert hanging.closed
    said = [record.getMessage() for record in caplog.records if record.name.endswith("reading")]
    assert said == [
        "the engine has been reading one picture for 0.2 s; another one is started",
        "the engine has been started again",
    ]


@pytest.mark.errors_expected
def test_an_engine_that_hangs_again_and_again_ends_it_with_1(
    threads: Threads, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HANGING", 0.1)
    monkeypatch.setattr(serve_ocr_module, "LISTEN_EVERY", 0.05)
    engines = [Reader() for _ in range(reading.MOST_HANGING)]
    for engine in engines:
        engine.open.clear()
    chosen, given = settings(), iter(engines)
    service = make_service(chosen, lambda: next(given))

    def visit() -> None:
        for _ in engines:
            with socket.create_connection(("127.0.0.1", chosen.serve_ocr.port), timeout=20) as connection:
                connection.sendall(request(BODY, KINDS))
                everything(connection)

    threads.spawn(visit, "client")
    assert serve_ocr(service, 0.1, threads.spawn) == 1
    assert "the engine has hung 3 times" in caplog.text
    for engine in engines:
        engine.open.set()


@pytest.mark.errors_expected
def test_while_the_engine_does_not_start_a_signal_still_ends_it(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = Reader()
    dying.error = RuntimeError("a bug")
    chosen, engines = settings(), iter([dying])
    service = make_service(chosen, lambda: next(engines))

    def visit() -> None:
        with socket.create_connection(("127.0.0.1", chosen.serve_ocr.port), timeout=20) as connection:
            connection.sendall(request(BODY, KINDS))
            everything(connection)
        os.kill(os.getpid(), signal.SIGTERM)

    threads.spawn(visit, "client")
    assert serve_ocr(service, 5.0, threads.spawn) == 0


@pytest.mark.errors_expected
def test_a_server_that_fails_unexpectedly_ends_it_with_1(
    threads: Threads, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(service_module, "read_head", broken)
    chosen = settings()
    service = make_service(chosen, Reader)

    def visit() -> None:
        with socket.create_connection(("127.0.0.1", chosen.serve_ocr.port), timeout=20) as connection:
            connection.sendall(request(BODY, KINDS))
            everything(connection)

    threads.spawn(visit, "client")
    assert serve_ocr(service, 5.0, threads.spawn) == 1
    assert "the thread server failed unexpectedly" in caplog.text


def test_on_loopback_without_credentials_no_page_of_another_site_may_use_it(threads: Threads) -> None:
    """Such a page can have its own name resolve to 127.0.0.1, but the browser still sends that name."""
    chosen = settings()
    service = make_service(chosen, Reader)
    threads.spawn(service.run, "server")
    with socket.create_connection(("127.0.0.1", chosen.serve_ocr.port), timeout=20) as connection:
        connection.sendall(request(BODY, KINDS).replace(b"Host: localhost", b"Host: evil.example.com"))
        assert Got(everything(connection)).code == "I400HD"
    service.close()


def test_the_verb_with_the_local_engine(tmp_path: Path) -> None:
    """Start the process, ask it as a client, and end it by a signal."""
    port, car = free_port(), np.full((300, 700, 3), 90, np.uint8)
    car[90:195, 180:510] = cv2.resize(draw_plate("京AF0236", "blue"), (330, 105), interpolation=cv2.INTER_AREA)
    (tmp_path / "config.yaml").write_text(f"serve_ocr: {{port: {port}}}\n")
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamwatch", "serve-ocr"],
            cwd=tmp_path,
            env={**os.environ, "STREAMWATCH_APPCODE": CODE},
            stderr=log,
        )
    try:
        limit = time.monotonic() + 120
        while "answering" not in (tmp_path / "log").read_text():
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.1)
        with client_of(f"http://127.0.0.1:{port}/ocrCars", read_timeout=60.0) as client:
            picture = bytes(cv2.imencode(".jpg", car)[1])
            assert [plate.text for plate in client.read(picture, FakeLedger())] == ["京AF0236"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    said = (tmp_path / "log").read_text()
    assert "read, " in said
    assert CODE not in said


def test_no_secret_is_shown_by_the_credentials() -> None:
    service = settings({**BY_CODE, **BY_KEY})
    assert CODE not in repr(service)
    assert SECRET not in repr(service)
