"""Whatever goes wrong with a paid call, no secret gets into a log, an error, a repr or a traceback."""

import logging
import traceback

import pytest
from fakes import (
    Behaviour,
    FakeLedger,
    FakeOcrCars,
    ServedAnswer,
    envelope,
    hang_up,
    keep_silent,
    plate,
    refusal,
    reset,
    send_raw,
)
from paying import BY_CODE, BY_KEY, CODE, JPEG, KEY, SECRET, URL, Waits, client_of

from streamwatch.core import errors


def everything_about(error: BaseException | None) -> str:
    """Return the error, its causes, and all locals of all frames but the test's own, as a talkative log would."""
    text = ""
    while error is not None:
        text += "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename != __file__:
                text += repr(frame.f_locals)
        error = error.__cause__ or error.__context__
    return text


LEAKY: list[ServedAnswer | Behaviour] = [
    refusal(401, "A401AC", f"Invalid AppCode `{CODE}`"),
    refusal(418, message=f"What is {CODE} {KEY} {SECRET} APPCODE {CODE}?"),
    refusal(403, CODE[:6], f"x {CODE}"),
    refusal(400, message=f"Invalid Signature, Server StringToSign:POSTX-Ca-Key:{KEY}/ocrCars?img_url={URL}"),
    refusal(302, Location=f"https://h/?code={CODE}"),
    refusal(307, Location=f"http://[{CODE}/"),
    ServedAnswer(f"<html>{CODE} {SECRET} {KEY}{URL}</html>".encode(), content_type="text/html"),
    ServedAnswer(f'{{"{CODE} {SECRET} {KEY}'.encode()),
    envelope({"ret_code": 90, "error_msg": f"{CODE} {SECRET} {KEY} {URL}"}),
    envelope(None, showapi_res_code=-1, showapi_res_error=f"{CODE} {SECRET} {KEY}", showapi_res_id=CODE),
    refusal(503, "X503BZ", **{"X-Ca-Request-Id": CODE + SECRET}),
    plate(),
    hang_up,
    reset,
    keep_silent,
    send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    send_raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000),
    send_raw(f"{CODE} {SECRET}\r\n\r\n".encode()),
]


@pytest.mark.parametrize("by", [BY_CODE, BY_KEY], ids=["appcode", "signature"])
@pytest.mark.parametrize("answer", LEAKY, ids=range(len(LEAKY)))
def test_no_secret_gets_out(
    answer: ServedAnswer | Behaviour, by: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    for name in (None, "httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, name)
    ledger = FakeLedger()
    out = ""
    with (
        FakeOcrCars(answer, **by) as service,
        client_of(service.endpoint + "?token=in-the-query", by, read_timeout=0.2, wait=Waits(stop_at=2)) as client,
    ):
        for read in (lambda: client.read(JPEG, ledger), lambda: client.read_url(URL, ledger)):
            try:
                read()
            except errors.RecognitionError as error:
                out += str(error) + everything_about(error).replace(repr(URL), "")
        out += repr(client) + repr(vars(client)) + repr(ledger.results) + caplog.text
    assert service.complaints == []
    assert len(caplog.records) >= 2
    for secret in (*by.values(), "in-the-query", "sig=a+b/c"):
        assert secret not in out


def test_the_query_of_a_picture_address_is_hidden_also_where_it_comes_alone(caplog: pytest.LogCaptureFixture) -> None:
    query = URL.partition("?")[2]
    answer = envelope({"ret_code": 10, "error_msg": f"download failed: {query}"})
    ledger = FakeLedger()
    with (
        FakeOcrCars(answer, **BY_CODE) as service,
        client_of(service) as client,
        pytest.raises(errors.PictureUrlFailed, match="download failed") as caught,
    ):
        client.read_url(URL, ledger)
    assert query not in str(caught.value) + ledger.last.error + caplog.text
