"""The client of the paid service, over real sockets: requests, ledger, answers, retries, pictures."""

import base64
import logging
import threading
from urllib.parse import quote

import cv2
import httpx
import numpy as np
import pytest
from fakes import FakeLedger, FakeOcrCars, Handler, ServedAnswer, envelope, no_plate, plate, refusal
from paying import BY_CODE, BY_KEY, CODE, JPEG, URL, Waits, charges, client_of, failing, jpeg_of

from streamwatch.core import errors
from streamwatch.core.model import CallResult, Engine, Recognizer

# The request


@pytest.mark.parametrize("by", [BY_CODE, BY_KEY], ids=["appcode", "signature"])
def test_reads_a_plate(by: dict[str, str]) -> None:
    ledger = FakeLedger()
    with FakeOcrCars(plate("粤 BP57E7"), **by) as service, client_of(service, by) as client:
        recognizer: Recognizer = client
        plates = recognizer.read(JPEG, ledger)
    assert service.complaints == []
    assert [call.picture for call in service.calls] == [JPEG]
    assert [(p.text, p.corners and p.corners[0]) for p in plates] == [("粤 BP57E7", (363.0, 308.0))]
    assert ledger.opened == [(1, JPEG)]
    result = ledger.last
    assert (result.outcome, result.charged, result.fee, result.http_status) == ("read", True, 1, 200)
    assert result.request_id == "7B1F2C3D-0000-4000-8000-1234567890AB"
    assert result.latency > 0
    assert client.engine is Engine.OCRCARS


@pytest.mark.parametrize("by", [BY_CODE, BY_KEY], ids=["appcode", "signature"])
def test_reads_a_picture_by_its_address(by: dict[str, str]) -> None:
    ledger = FakeLedger()
    with FakeOcrCars(plate(), **by) as service, client_of(service, by) as client:
        assert len(client.read_url(URL, ledger)) == 1
    assert service.complaints == []
    assert service.calls[0].body == b"img_url=" + quote(URL, safe="").encode()
    assert ledger.opened == [(1, URL)]


def test_the_headers_on_the_wire() -> None:
    with FakeOcrCars(**BY_KEY) as service, client_of(service, BY_KEY) as client:
        client.read(JPEG, FakeLedger())
        (call,) = service.calls
    assert call.body == b"img_base64=" + quote(base64.b64encode(JPEG), safe="").encode()
    names = [name for name, _ in call.headers]
    assert call.header("Accept") == "application/json"
    assert call.header("Accept-Encoding") == "identity"
    assert call.header("X-Ca-Signature-Headers") == "X-Ca-Key,X-Ca-Nonce,X-Ca-Timestamp"
    assert {"X-Ca-Key", "X-Ca-Nonce", "X-Ca-Timestamp", "X-Ca-Signature"} <= set(names), "spelt as signed"
    assert not {"Authorization", "Expect", "Transfer-Encoding", "Content-MD5", "Cookie"} & set(names)


def test_appcode_and_signature_are_never_sent_together() -> None:
    with FakeOcrCars(**BY_CODE) as service, client_of(service) as client:
        client.read(JPEG, FakeLedger())
        (call,) = service.calls
    assert call.header("Authorization") == f"APPCODE {CODE}"
    assert not [name for name, _ in call.headers if name.lower().startswith("x-ca-")]


def test_a_query_of_the_endpoint_is_sent_and_signed() -> None:
    with (
        FakeOcrCars(**BY_KEY) as service,
        client_of(service.endpoint + "?zeta=1&trace=9&empty=&b%20c=%E7%B2%A4+x", BY_KEY) as client,
    ):
        assert len(client.read(JPEG, FakeLedger())) == 1
    assert service.complaints == []
    assert service.calls[0].path == "/ocrCars?zeta=1&trace=9&empty=&b%20c=%E7%B2%A4+x"


def test_many_threads_read_at_once() -> None:
    failures: list[object] = []
    with FakeOcrCars(**BY_KEY) as service, client_of(service, BY_KEY) as client:

        def work() -> None:
            for _ in range(5):
                ledger = FakeLedger()
                try:
                    client.read(JPEG, ledger)
                except errors.RecognitionError as error:
                    failures.append(error)
                if ledger.events != ["about to pay 1", "ended 1"]:
                    failures.append(ledger.events)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert service.complaints == []
    assert len(service.calls) == 40


# Before anything is sent


def test_what_is_not_a_jpeg_is_not_paid_for() -> None:
    ledger = FakeLedger()
    with FakeOcrCars(**BY_CODE) as service, client_of(service) as client:
        for data in (b"", b"\x89PNG\r\n\x1a\n", b"GIF89a"):
            with pytest.raises(errors.PictureBroken):
                client.read(data, ledger)
    assert service.calls == []
    assert ledger.events == []


def test_an_address_at_the_limit_is_accepted() -> None:
    with FakeOcrCars(**BY_CODE) as service, client_of(service) as client:
        client.read_url("https://img.example.com/" + "a" * 1000, FakeLedger())
        client.read_url("http://8.8.8.8/a.jpg", FakeLedger())
    assert len(service.calls) == 2


# The ledger


def test_nothing_is_sent_where_the_ledger_refuses() -> None:
    ledger = FakeLedger(refuses=errors.StorageFailed("disk full"))
    with FakeOcrCars(**BY_CODE) as service, client_of(service) as client, pytest.raises(errors.StorageFailed):
        client.read(JPEG, ledger)
    assert service.calls == []
    assert ledger.results == []


def test_the_row_is_open_before_the_request_arrives_and_each_attempt_has_its_own() -> None:
    ledger = FakeLedger()

    def look(handler: Handler) -> None:
        ledger.events.append("request")
        handler.send(refusal(503, "X503BZ"))

    with FakeOcrCars(look, look, plate(), **BY_CODE) as service, client_of(service) as client:
        client.read(JPEG, ledger)
    one = ["about to pay 1", "request", "ended 1"]
    assert ledger.events == [*one, "about to pay 2", "request", "ended 2", "about to pay 3", "ended 3"]
    assert [result.outcome for _, result in ledger.results] == ["transient", "transient", "read"]
    assert charges(ledger) == [False, False, True]


def test_the_row_is_closed_as_doubtful_when_something_unforeseen_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    ledger = FakeLedger()
    with FakeOcrCars(**BY_CODE) as service, client_of(service) as client:
        monkeypatch.setattr(httpx.Client, "send", explode)
        with pytest.raises(KeyboardInterrupt):
            client.read(JPEG, ledger)
    assert ledger.events == ["about to pay 1", "ended 1"]
    assert (ledger.last.outcome, ledger.last.charged) == ("doubtful", None)


# Answers


def test_no_plate_is_a_success() -> None:
    ledger = FakeLedger()
    with FakeOcrCars(no_plate(), **BY_CODE) as service, client_of(service) as client:
        assert client.read(JPEG, ledger) == []
    assert (ledger.last.outcome, ledger.last.charged, ledger.last.fee) == ("no_plate", True, 1)


@pytest.mark.parametrize(
    ("answer", "error", "calls", "charged"),
    [
        (refusal(403, "B403MQ", "Api Market Subscription quota exhausted"), errors.QuotaExhausted, 1, False),
        (refusal(401, "A401AC", "Invalid AppCode `not exists `"), errors.CredentialsRefused, 1, False),
        (refusal(403, message="User Arrears"), errors.InArrears, 1, False),
        (refusal(401, message="Unauthorized"), errors.NotAuthorised, 1, False),
        (refusal(404, "I404NF"), errors.ServiceDown, 1, False),
        (refusal(400, "I400HD"), errors.BadRequest, 1, False),
        (refusal(400, "I400BD"), errors.BadRequest, 2, False),
        (refusal(429, "T429PA", "Throttled by API Flow Control"), errors.Throttled, 3, False),
        (refusal(503, message="Service Unavailable"), errors.Transient, 3, False),
        (refusal(503, "D503CB"), errors.Transient, 1, False),
        (refusal(400, message="Nonce Used"), errors.Transient, 2, False),
        (refusal(500), errors.Transient, 3, False),
        (refusal(450), errors.Transient, 2, False),
        (refusal(302, Location="https://elsewhere.example.com/"), errors.ServiceDown, 1, False),
        (refusal(307, Location="http://[broken/"), errors.ServiceDown, 1, False),
        (ServedAnswer(b"<html>login</html>", content_type="text/html"), errors.Transient, 3, False),
        (ServedAnswer(b'{"showapi_res_code": 0, "showapi_res'), errors.Transient, 1, True),
        (envelope(None, showapi_res_code=-2), errors.QuotaExhausted, 1, True),
        (no_plate(10), errors.PictureUrlFailed, 1, True),
        (no_plate(20), errors.PictureBroken, 1, True),
        (no_plate(40), errors.BadRequest, 1, True),
        (no_plate(50), errors.PictureTooLarge, 2, True),
        (no_plate(60), errors.PictureBroken, 2, True),
        (no_plate(70), errors.DoNotResend, 1, True),
        (no_plate(80), errors.Transient, 1, True),
        (no_plate(90), errors.Transient, 1, True),
        (no_plate(77), errors.Transient, 1, True),
    ],
)
def test_each_failure_has_its_class_its_retries_and_its_price(
    answer: ServedAnswer, error: type[errors.RecognitionError], calls: int, charged: bool
) -> None:
    ledger = FakeLedger()
    with FakeOcrCars(answer, **BY_CODE) as service:
        raised = failing(service, ledger)
    assert type(raised) is error
    assert len(service.calls) == calls
    assert charges(ledger) == [charged] * calls
    assert ledger.last.outcome == error.outcome
    assert raised.message.endswith(".")
    assert raised.what_to_do


def test_a_redirect_is_not_followed() -> None:
    with FakeOcrCars(**BY_CODE) as elsewhere, FakeOcrCars(refusal(308, Location=elsewhere.endpoint), **BY_CODE) as here:
        failing(here, FakeLedger())
    assert elsewhere.calls == []


def test_each_attempt_is_signed_anew() -> None:
    with (
        FakeOcrCars(refusal(503, "X503BZ"), refusal(429, "T429IN"), plate(), **BY_KEY) as service,
        client_of(service, BY_KEY) as client,
    ):
        client.read(JPEG, FakeLedger())
    assert service.complaints == []
    assert len({call.header("X-Ca-Nonce") for call in service.calls}) == 3
    assert len({call.header("X-Ca-Signature") for call in service.calls}) == 3


def test_pauses_grow_and_a_stop_ends_them() -> None:
    waits, ledger = Waits(), FakeLedger()
    with FakeOcrCars(refusal(429, "T429PA"), **BY_CODE) as service:
        failing(service, ledger, wait=waits)
        assert 0.75 <= waits.pauses[0] <= 1.25
        assert 1.5 <= waits.pauses[1] <= 2.5
        assert len(waits.pauses) == 2
        assert type(failing(service, ledger, wait=Waits(stop_at=1))) is errors.Throttled
    assert len(service.calls) == 3 + 1


def test_mixed_failures_share_one_budget() -> None:
    ledger = FakeLedger()
    with FakeOcrCars(refusal(503, "X503BZ"), refusal(450), refusal(429, "T429PA"), plate(), **BY_CODE) as service:
        assert type(failing(service, ledger)) is errors.Throttled
    assert len(service.calls) == 3


def test_chinese_words_of_the_gateway_arrive_whole() -> None:
    with FakeOcrCars(refusal(418, message="请求非法"), **BY_CODE) as service:
        assert "请求非法" in failing(service, FakeLedger()).message


# Smaller and other pictures


@pytest.mark.parametrize("answer", [no_plate(50), refusal(413, "I413RL"), refusal(413), refusal(421)])
def test_too_large_is_answered_by_one_smaller_picture_with_corners_scaled_back(answer: ServedAnswer) -> None:
    ledger = FakeLedger()
    jpeg = jpeg_of(1600, 900, 95)
    with FakeOcrCars(answer, plate(), **BY_CODE) as service, client_of(service) as client:
        (found,) = client.read(jpeg, ledger)
    first, second = (call.picture for call in service.calls)
    assert first == jpeg
    assert len(second) <= len(jpeg) // 2
    assert [picture for _, picture in ledger.opened] == [first, second], "the ledger sees what is sent"
    height, width = cv2.imdecode(np.frombuffer(second, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert width < 1600
    assert found.corners is not None
    assert found.corners[0] == pytest.approx((363 * 1600 / width, 308 * 900 / height))


def test_a_smaller_picture_is_tried_once_only() -> None:
    with FakeOcrCars(refusal(413), **BY_CODE) as service:
        assert type(failing(service, FakeLedger())) is errors.PictureTooLarge
    assert len(service.calls) == 2


def test_too_large_beyond_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamwatch.recognition.ocrcars.client.smaller", lambda jpeg: None)
    with FakeOcrCars(refusal(413), **BY_CODE) as service, client_of(service) as client:
        for read in (lambda: client.read(JPEG, FakeLedger()), lambda: client.read_url(URL, FakeLedger())):
            with pytest.raises(errors.PictureTooLarge):
                read()
    assert len(service.calls) == 2


def test_a_refused_format_is_sent_once_more_as_baseline_jpeg() -> None:
    picture = cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_COLOR)
    progressive = bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1])
    assert b"\xff\xc2" in progressive
    ledger = FakeLedger()
    with FakeOcrCars(no_plate(60), plate(), **BY_CODE) as service, client_of(service) as client:
        (found,) = client.read(progressive, ledger)
    assert [result.plates for _, result in ledger.results] == [None, (found,)]
    again = service.calls[1].picture
    assert b"\xff\xc0" in again
    assert b"\xff\xc2" not in again
    assert found.corners is not None
    assert found.corners[0] == (363.0, 308.0)


# What is written down


def test_what_support_asks_for_is_a_line_for_the_curious(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeOcrCars(refusal(403, "B403MQ"), plate(), **BY_CODE) as service:
        failing(service, FakeLedger())
        with client_of(service) as client:
            client.read(JPEG, FakeLedger())
    refused, read = (record.getMessage() for record in caplog.records if record.name.startswith("streamwatch"))
    assert {record.levelno for record in caplog.records if record.name.startswith("streamwatch")} == {logging.DEBUG}
    assert all(part in refused for part in ("quota", "HTTP 403", "B403MQ", "7B1F2C3D-0000"))
    assert all(part in read for part in ("read", "HTTP 200", f"{len(JPEG)} bytes", "fee 1", "64f0c0ffee"))


def test_results_are_complete() -> None:
    ledger = FakeLedger()
    with FakeOcrCars(refusal(429, "T429PA"), plate(), **BY_CODE) as service, client_of(service) as client:
        found = client.read(JPEG, ledger)
    first, second = (result for _, result in ledger.results)
    assert first == CallResult(
        "throttled",
        False,
        0,
        first.latency,
        http_status=429,
        gateway_code="T429PA",
        request_id="7B1F2C3D-0000-4000-8000-1234567890AB",
        error=first.error,
    )
    assert second == CallResult(
        "read",
        True,
        1,
        second.latency,
        http_status=200,
        platform_code=0,
        ret_code=0,
        request_id="7B1F2C3D-0000-4000-8000-1234567890AB",
        answer_id="64f0c0ffee0123456789abcd",
        plates=tuple(found),
    )
