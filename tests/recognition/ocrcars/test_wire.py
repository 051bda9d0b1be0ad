"""Exchanges over real sockets: connections, proxies, and what becomes of the money when one breaks."""

import logging
import socket
import ssl
import struct
import threading
import time
from pathlib import Path

import httpx
import pytest
from fakes import (
    Behaviour,
    FakeLedger,
    FakeOcrCars,
    Handler,
    ServedAnswer,
    hang_up,
    keep_silent,
    plate,
    reset,
    send_raw,
)
from paying import BY_CODE, BY_KEY, JPEG, URL, Waits, charges, client_of, credentials_of, failing, jpeg_of

from streamwatch.core import errors
from streamwatch.recognition.ocrcars import wire
from streamwatch.recognition.ocrcars.client import OcrCars
from streamwatch.system.connections import Transport

# Connections


def test_one_connection_serves_many_calls_and_cookies_are_not_kept() -> None:
    answer = ServedAnswer(plate().body, headers={"Set-Cookie": "acw_tc=1; path=/"})
    with FakeOcrCars(answer, **BY_CODE) as service, client_of(service) as client:
        for _ in range(3):
            client.read(JPEG, FakeLedger())
    assert service.complaints == []
    assert len({call.connection for call in service.calls}) == 1


def test_a_connection_that_the_service_has_closed_is_not_used_again() -> None:
    def answer_and_close(handler: Handler) -> None:
        handler.send(plate())
        handler.close_connection = True

    with FakeOcrCars(answer_and_close, **BY_CODE) as service, client_of(service) as client:
        for _ in range(3):
            ledger = FakeLedger()
            client.read(JPEG, ledger)
            assert charges(ledger) == [True]
            time.sleep(0.05)
    assert len({call.connection for call in service.calls}) == 3


def test_netrc_and_proxies_do_not_touch_a_call_to_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login user password of-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    with FakeOcrCars(**BY_CODE) as proxy, FakeOcrCars(**BY_CODE) as service:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.endpoint.removesuffix("/ocrCars"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with client_of(service) as client:
            client.read(JPEG, FakeLedger())
    assert service.complaints == []
    assert proxy.calls == []


@pytest.mark.parametrize("by", [BY_CODE, BY_KEY], ids=["appcode", "signature"])
def test_beyond_this_machine_netrc_is_ignored_and_a_refusing_proxy_sees_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: dict[str, str]
) -> None:
    (tmp_path / ".netrc").write_text("default login user password of-netrc\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    ledger = FakeLedger()
    with FakeOcrCars(**by) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.endpoint.removesuffix("/ocrCars"))
        with (
            client_of("https://ocr.example.com/ocrCars", by) as client,
            pytest.raises(errors.NotSent, match="proxy") as caught,
        ):
            client.read(JPEG, ledger)
    assert "HTTPS_PROXY" in caught.value.what_to_do
    assert charges(ledger) == [False] * 3
    assert [call.path for call in proxy.calls] == ["ocr.example.com:443"] * 3
    for call in proxy.calls:
        assert {name.lower() for name, _ in call.headers} <= {"host", "accept"}
        assert call.body == b""


# Endpoints


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("http://ocr.example.com/ocrCars", "plain http"),
        ("http://127.0.0.1.example.com/ocrCars", "plain http"),
        ("http://10.0.0.1/ocrCars", "plain http"),
        ("ftp://127.0.0.1/ocrCars", "not an address"),
        ("ocr.example.com/ocrCars", "not an address"),
        ("https://", "not an address"),
        ("https://[::1/ocrCars", "not an address"),
        ("https://a..b/ocrCars", "not an address"),
        (f"https://{'a' * 64}.com/ocrCars", "not an address"),
        ("https://h:99999/ocrCars", "not an address"),
        ("https://h:port/ocrCars", "not an address"),
        ("https://h/ocr\x01Cars", "not an address"),
        ("", "not an address"),
        ("https://user:hush@h/ocrCars", "must not carry credentials"),
        ("https://h/ocrCars?appCode=hush", "must not carry credentials"),
        ("https://h/ocrCars?img_url=hush", "must not carry a picture"),
    ],
)
def test_endpoints_that_are_refused(endpoint: str, says: str) -> None:
    with pytest.raises(errors.ConfigError, match=says) as caught:
        OcrCars(endpoint, credentials_of(BY_CODE))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint", ["https://h/ocrCars", "http://localhost:1/ocrCars", "http://127.8.0.1/o", "http://[::1]:8080/ocrCars"]
)
def test_endpoints_that_are_accepted(endpoint: str) -> None:
    OcrCars(endpoint, credentials_of(BY_CODE)).close()


def test_the_certificates_of_httpx_are_trusted_if_the_environment_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    made: list[str] = []
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: made.append("") or ssl.create_default_context())
    OcrCars("https://h/ocrCars", credentials_of(BY_CODE)).close()
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    OcrCars("https://h/ocrCars", credentials_of(BY_CODE)).close()
    assert made == [""]


def test_an_unusable_environment_is_a_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://user:hush@proxy:70")
    with pytest.raises(errors.ConfigError, match="proxy") as caught:
        OcrCars("https://h/ocrCars", credentials_of(BY_CODE))
    assert "hush" not in str(caught.value)


# Broken exchanges


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(hang_up, id="closed without a word"),
        pytest.param(reset, id="reset"),
        pytest.param(keep_silent, id="silent"),
        pytest.param(send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"), id="cut body"),
        pytest.param(send_raw(b"HTTP/1.1 200 OK\r\nContent-Le"), id="cut header"),
        pytest.param(send_raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), id="not HTTP"),
        pytest.param(send_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", b"x"), id="cut chunk"),
        pytest.param(
            send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", *[b" "] * 600, pause=0.1), id="trickle"
        ),
        pytest.param(send_raw(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 300_000), id="huge header"),
    ],
)
@pytest.mark.parametrize("pooled", [False, True], ids=["fresh", "pooled"])
def test_a_call_whose_fate_is_unknown_is_doubtful_and_never_sent_again(behaviour: Behaviour, pooled: bool) -> None:
    ledger, waits = FakeLedger(), Waits()
    answers = [plate(), behaviour] if pooled else [behaviour]
    with FakeOcrCars(*answers, **BY_CODE) as service, client_of(service, wait=waits, read_timeout=0.5) as client:
        if pooled:
            client.read(JPEG, FakeLedger())
        started = time.monotonic()
        with pytest.raises(errors.Doubtful) as caught:
            client.read(JPEG, ledger)
        assert time.monotonic() - started < 20, "a trickle would last a minute"
    assert len(service.calls) == len(answers)
    assert waits.pauses == []
    assert (ledger.last.outcome, ledger.last.charged) == ("doubtful", None)
    assert "charged" in caught.value.message


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(send_raw(b"HTTP/1.1 503 Busy\r\nX-Ca-Error-Code: X503BZ\r\nContent-Length: 9\r\n\r\nx"), id="cut"),
        pytest.param(
            send_raw(
                b"HTTP/1.1 503 Busy\r\nX-Ca-Error-Code: X503BZ\r\nContent-Length: 9\r\n\r\n", *[b" "] * 8, pause=0.1
            ),
            id="trickle",
        ),
    ],
)
def test_a_refusal_with_a_broken_body_is_still_a_refusal(behaviour: Behaviour) -> None:
    ledger = FakeLedger()
    with FakeOcrCars(behaviour, plate(), **BY_CODE) as service, client_of(service, read_timeout=0.3) as client:
        assert len(client.read(JPEG, ledger)) == 1
    assert charges(ledger) == [False, True]
    assert ledger.results[0][1].gateway_code == "X503BZ"


def test_a_body_without_end_is_not_read_to_its_end() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n"
    with FakeOcrCars(send_raw(head, *[b"x" * 100_000] * 30), **BY_CODE) as service:
        assert type(failing(service, FakeLedger(), wait=Waits(stop_at=1))) is errors.Transient


def test_no_connection_is_not_sent_and_tried_again() -> None:
    with FakeOcrCars(**BY_CODE) as service:
        endpoint = service.endpoint
    ledger, waits = FakeLedger(), Waits()
    with client_of(endpoint, wait=waits) as client, pytest.raises(errors.NotSent, match=r"refused") as caught:
        client.read(JPEG, ledger)
    assert charges(ledger) == [False] * 3
    assert len(waits.pauses) == 2
    assert "127.0.0.1" in caught.value.message


def test_a_host_that_does_not_exist_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    ledger = FakeLedger()
    with (
        client_of("https://ocr.example.com/ocrCars", wait=Waits(stop_at=1)) as client,
        pytest.raises(errors.NotSent, match="Name or service not known"),
    ):
        client.read(JPEG, ledger)
    assert charges(ledger) == [False]


def test_a_server_without_tls_is_not_sent_and_the_advice_fits() -> None:
    ledger = FakeLedger()
    with FakeOcrCars(hang_up, **BY_CODE) as service:
        endpoint = service.endpoint.replace("http://", "https://")
        with client_of(endpoint, wait=Waits(stop_at=1)) as client, pytest.raises(errors.NotSent) as caught:
            client.read(JPEG, ledger)
    assert service.calls == []
    assert charges(ledger) == [False]
    assert "clock" in caught.value.what_to_do


def test_a_request_that_did_not_leave_whole_cannot_have_been_charged() -> None:
    """A server that reads the head and breaks off. The rest of the request is too large for any buffer."""
    large = JPEG + bytes(10_000_000)
    ledger = FakeLedger()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        thread = threading.Thread(target=serve)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}/ocrCars"
        with client_of(endpoint, wait=Waits(stop_at=1)) as client, pytest.raises(errors.NotSent, match="whole"):
            client.read(large, ledger)
        thread.join()
    assert charges(ledger) == [False]


def test_an_early_refusal_of_a_large_request_is_read() -> None:
    """A gateway may refuse while the upload is still running."""
    large = JPEG + bytes(10_000_000)
    ledger = FakeLedger()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Large\r\nX-Ca-Error-Code: I413RL\r\nContent-Length: 0\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 20):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}/ocrCars"
        with client_of(endpoint, wait=Waits(stop_at=1)) as client, pytest.raises(errors.PictureTooLarge):
            client.read(large, ledger)
        thread.join()
    assert charges(ledger) == [False]


def test_a_signature_error_that_repeats_the_picture_stops_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """The repeated request is longer than any header that can be read, which looks like a network fault."""
    caplog.set_level(logging.DEBUG)
    wrong = BY_KEY | {"app_secret": "another-secret"}
    ledger = FakeLedger()
    large = jpeg_of(1600, 900, 95)
    assert len(large) > 200_000
    with FakeOcrCars(**BY_KEY) as service, client_of(service, wrong) as client:
        with pytest.raises(errors.CredentialsRefused, match="signature"):
            client.read(large, ledger)
        assert len(service.calls) == 1
        with pytest.raises(errors.CredentialsRefused, match="signature") as caught:
            client.read_url(URL, ledger)
    assert charges(ledger) == [False, False]
    assert len(service.calls) == 2
    assert "sig=" not in str(caught.value) + caplog.text + repr(ledger.last)
    assert max(len(record.getMessage()) for record in caplog.records) < 1000


def test_closing_while_a_call_is_under_way_ends_it_as_doubtful() -> None:
    ledger = FakeLedger()
    caught: list[errors.RecognitionError] = []
    with FakeOcrCars(keep_silent, **BY_CODE) as service, client_of(service, read_timeout=1) as client:

        def work() -> None:
            try:
                client.read(JPEG, ledger)
            except errors.RecognitionError as error:
                caught.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        while not service.calls:
            time.sleep(0.01)
        client.close()
        thread.join()
    assert [type(error) for error in caught] == [errors.Doubtful]
    assert ledger.last.charged is None


def subclasses(kind: type[BaseException]) -> set[type[BaseException]]:
    return {kind}.union(*map(subclasses, kind.__subclasses__()))


def test_every_exception_of_httpx_has_its_meaning() -> None:
    own = {kind for kind in subclasses(httpx.RequestError) if kind.__module__ == "httpx"}
    assert len(own) >= 19
    assert set(wire.MEANING) == own


@pytest.mark.parametrize("kind", sorted(wire.MEANING, key=lambda kind: kind.__name__))
def test_an_exception_by_itself_never_claims_that_nothing_was_sent_unless_it_must_be_so(
    kind: type[httpx.RequestError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise kind("broken")

    ledger = FakeLedger()
    with client_of("http://127.0.0.1:9/ocrCars", wait=Waits(stop_at=1)) as client:
        monkeypatch.setattr(Transport, "handle_request", fail)
        with pytest.raises(errors.RecognitionError) as caught:
            client.read(JPEG, ledger)
    before = {httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol}
    if kind is httpx.LocalProtocolError:
        assert type(caught.value) is errors.BadRequest
    else:
        assert type(caught.value) is (errors.NotSent if kind in before else errors.Doubtful)
    assert ledger.last.charged is (None if type(caught.value) is errors.Doubtful else False)


def test_without_a_function_to_wait_with_a_retry_pauses_the_thread() -> None:
    ledger = FakeLedger()
    refused = ServedAnswer(b"", 429, {"X-Ca-Error-Code": "T429MR"})
    with FakeOcrCars(refused, plate(), **BY_CODE) as service:
        client = OcrCars(service.endpoint, credentials_of(BY_CODE))
        began = time.monotonic()
        assert len(client.read(JPEG, ledger)) == 1
        assert time.monotonic() - began >= 0.75
        client.close()
    assert charges(ledger) == [False, True]
