"""A call ends in time wherever it hangs, and takes in no more than it must. Real sockets; peers that send slowly."""

import gzip
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fakes import Behaviour, FakeLedger, FakeOcrCars, Handler, ServedAnswer, keep_silent, plate
from paying import BY_CODE, JPEG, Waits, charges, client_of, credentials_of, failing

from streamwatch.core import errors
from streamwatch.recognition.ocrcars.client import OcrCars

LIMIT = 0.6
"""Seconds for the answer; the peers below go on for a minute."""
LATE = 30
"""Seconds after which a call that has not ended counts as held: far beyond the limit, far below the peers' minute."""


def dripping(head: bytes, *pieces: bytes) -> Behaviour:
    """Send the head, then these pieces again and again, twenty a second."""

    def behave(handler: Handler) -> None:
        handler.close_connection = True
        ends = time.monotonic() + 60
        for piece in itertools.chain([head], itertools.cycle(pieces)):
            try:
                handler.wfile.write(piece)
                handler.wfile.flush()
            except OSError:
                return
            if time.monotonic() > ends or handler.server.closing.wait(0.05):
                return

    return behave


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
HANGING = {
    "mute": keep_silent,
    "head": dripping(b"HTTP/1.1 200 OK\r\nX: ", b"a"),
    "status line": dripping(b"HTTP", b"/"),
    "continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "processing": dripping(b"", b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n"),
    "body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "body without length": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "chunks": dripping(CHUNKED + b"\r\n", b"1\r\n \r\n"),
    "chunk extension": dripping(CHUNKED + b"\r\n5;x=", b"y"),
    "chunk size": dripping(CHUNKED + b"\r\n", b"0"),
    "trailer": dripping(CHUNKED + b"\r\n0\r\nX: ", b"y"),
    "empty gzip blocks": dripping(
        CHUNKED + b"Content-Encoding: gzip\r\n\r\na\r\n\x1f\x8b\x08\x00\0\0\0\0\0\xff\r\n",
        b"5\r\n\x00\x00\x00\xff\xff\r\n",
    ),
}


def ended(act: Callable[[], object]) -> errors.RecognitionError:
    """Return the error of a call that has to end. On its own thread, a held call fails a test and not the suite."""
    caught: list[BaseException] = []

    def work() -> None:
        try:
            act()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(LATE)
    assert not thread.is_alive(), "the call holds its caller"
    (error,) = caught
    assert isinstance(error, errors.RecognitionError)
    return error


@pytest.mark.parametrize("behaviour", HANGING.values(), ids=HANGING)
@pytest.mark.parametrize("pooled", [False, True], ids=["fresh", "pooled"])
def test_an_answer_that_does_not_come_to_its_end_is_doubtful_in_time(behaviour: Behaviour, pooled: bool) -> None:
    ledger, waits = FakeLedger(), Waits()
    answers = [plate(), behaviour] if pooled else [behaviour]
    with (
        FakeOcrCars(*answers, **BY_CODE) as service,
        client_of(service, wait=waits, connect_timeout=LIMIT, read_timeout=LIMIT) as client,
    ):
        if pooled:
            client.read(JPEG, FakeLedger())
        error = ended(lambda: client.read(JPEG, ledger))
    assert type(error) is errors.Doubtful
    assert "charged" in error.message
    assert len(service.calls) == len(answers)
    assert charges(ledger) == [None]


def test_a_refusal_whose_body_drips_is_still_a_refusal() -> None:
    drips = dripping(b"HTTP/1.1 403 No\r\nX-Ca-Error-Code: B403MQ\r\nContent-Length: 100000\r\n\r\n", b" ")
    with FakeOcrCars(drips, **BY_CODE) as service, client_of(service, read_timeout=LIMIT) as client:
        assert type(ended(lambda: client.read(JPEG, FakeLedger()))) is errors.QuotaExhausted


@contextmanager
def peer(serve: Callable[[socket.socket, threading.Event], None], backlog: int = 5) -> Iterator[int]:
    """Run a server that does with each connection what it is told, and return its port."""
    over, threads = threading.Event(), []
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as server:

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                thread = threading.Thread(target=quietly, args=(connection,))
                threads.append(thread)
                thread.start()

        def quietly(connection: socket.socket) -> None:
            with connection:
                try:
                    serve(connection, over)
                except OSError:
                    return

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def drip_a_handshake(connection: socket.socket, over: threading.Event) -> None:
    """Send the beginning of a TLS record of 16 kB, and then single bytes with pauses."""
    connection.recv(10_000)
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    while not over.wait(0.05):
        connection.sendall(b"\x03")


def test_a_handshake_that_drips_is_not_sent() -> None:
    ledger = FakeLedger()
    with peer(drip_a_handshake) as port:
        endpoint = f"https://127.0.0.1:{port}/ocrCars"
        with client_of(endpoint, wait=Waits(stop_at=1), connect_timeout=LIMIT, read_timeout=LIMIT) as client:
            error = ended(lambda: client.read(JPEG, ledger))
    assert type(error) is errors.NotSent
    assert charges(ledger) == [False]


def take_slowly(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(500)
    while not over.wait(0.05):
        connection.recv(500)


def test_a_request_that_is_taken_slowly_is_not_sent_and_not_tried_again_at_once() -> None:
    ledger, waits = FakeLedger(), Waits()
    large = JPEG + bytes(12_000_000)
    with (
        peer(take_slowly) as port,
        client_of(f"http://127.0.0.1:{port}/ocrCars", wait=waits, connect_timeout=LIMIT, read_timeout=LIMIT) as client,
    ):
        error = ended(lambda: client.read(large, ledger))
    assert type(error) is errors.NotSent
    assert "read_timeout" in error.what_to_do
    assert (charges(ledger), waits.pauses) == ([False], [])


def test_no_connection_in_time_is_not_sent() -> None:
    """Return a listener that accepts nobody: once its queue is full, a connection stays half open."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as first, socket.socket() as more:
        for filling in (first, more):
            filling.setblocking(False)
            filling.connect_ex(server.getsockname())
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}/ocrCars"
        with client_of(endpoint, wait=Waits(stop_at=1), connect_timeout=LIMIT) as client:
            assert type(ended(lambda: client.read(JPEG, FakeLedger()))) is errors.NotSent


def test_a_look_up_that_hangs_is_not_sent_and_hangs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, asked = threading.Event(), []

    def hang(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        answered.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    ledger = FakeLedger()
    try:
        client = OcrCars("https://ocr.example.com/ocrCars", credentials_of(BY_CODE), wait=Waits(), connect_timeout=0.3)
        error = ended(lambda: client.read(JPEG, ledger))
    finally:
        answered.set()
        client.close()
    assert type(error) is errors.NotSent
    assert charges(ledger) == [False] * 3
    assert asked == ["ocr.example.com"]


def test_a_proxy_that_drips_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = FakeLedger()
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with FakeOcrCars(dripping(b"HTTP/1.1 200 Go\r\nX: ", b"a")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.endpoint.removesuffix("/ocrCars"))
        client = OcrCars(
            "https://ocr.example.com/ocrCars", credentials_of(BY_CODE), wait=Waits(stop_at=1), connect_timeout=LIMIT
        )
        assert type(ended(lambda: client.read(JPEG, ledger))) is errors.NotSent
        client.close()
    assert charges(ledger) == [False]


def test_a_proxy_spoken_to_over_tls_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "https://user:hush@proxy.example.com:3129")
    with pytest.raises(errors.ConfigError, match="http://") as caught:
        OcrCars("https://ocr.example.com/ocrCars", credentials_of(BY_CODE))
    assert "hush" not in str(caught.value)


# Encoded answers


def bomb(layers: int) -> bytes:
    body = bytes(4_000_000)
    for _ in range(layers):
        body = gzip.compress(body, 9, mtime=0)
    return body


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(plate().body, mtime=0), "gzip"),
        (bomb(1), "gzip"),
        (bomb(2), "gzip, gzip"),
        (b"{}", "gzip"),
        (plate().body, "br"),
        (plate().body, "x\x1b[31m"),
    ],
)
def test_an_encoded_answer_is_not_decoded_and_counts_as_charged(body: bytes, encoding: str) -> None:
    ledger = FakeLedger()
    with FakeOcrCars(ServedAnswer(body, headers={"Content-Encoding": encoding}), **BY_CODE) as service:
        error = failing(service, ledger)
        assert service.calls[0].header("Accept-Encoding") == "identity"
    assert type(error) is errors.Transient
    assert "compressed" in error.message
    assert "\x1b" not in str(error)
    assert charges(ledger) == [True]
    assert len(service.calls) == 1


def test_an_encoding_that_is_none_is_none() -> None:
    answer = ServedAnswer(plate().body, headers={"Content-Encoding": "identity"})
    with FakeOcrCars(answer, **BY_CODE) as service, client_of(service) as client:
        assert len(client.read(JPEG, FakeLedger())) == 1


def test_an_encoded_refusal_is_a_refusal() -> None:
    answer = ServedAnswer(bomb(1), 403, {"Content-Encoding": "gzip", "X-Ca-Error-Code": "B403MQ"})
    with FakeOcrCars(answer, **BY_CODE) as service:
        assert type(failing(service, FakeLedger())) is errors.QuotaExhausted


def test_a_chunk_header_without_end_is_bounded_and_no_matter_of_the_signature() -> None:
    """The HTTP library gives up as on a header that is too large, which also a wrong signature can cause."""
    ledger = FakeLedger()

    def flood(handler: Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(CHUNKED + b"\r\n5;x=")
        for _ in range(100):
            try:
                handler.wfile.write(b"y" * 10_000)
            except OSError:
                return

    by_key = {"app_key": "204000001", "app_secret": "invented-app-secret-of-a-test"}
    with FakeOcrCars(flood, **by_key) as service, client_of(service, by_key) as client:
        error = ended(lambda: client.read(JPEG, ledger))
    assert type(error) is errors.Doubtful
    assert charges(ledger) == [None]


def test_a_handshake_that_fails_is_not_sent_and_the_advice_fits() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate no handshake succeeds

    def shake(connection: socket.socket, over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as shaken:
            shaken.recv(1)

    ledger = FakeLedger()
    with peer(shake) as port, client_of(f"https://127.0.0.1:{port}/ocrCars", wait=Waits(stop_at=1)) as client:
        error = ended(lambda: client.read(JPEG, ledger))
    assert type(error) is errors.NotSent
    assert "clock" in error.what_to_do


def test_an_encoded_failure_is_judged_by_its_status() -> None:
    ledger = FakeLedger()
    with FakeOcrCars(ServedAnswer(bomb(1), 404, {"Content-Encoding": "gzip"}), **BY_CODE) as service:
        error = failing(service, ledger)
    assert type(error) is not errors.Transient
    assert ledger.last.http_status == 404
