"""The envelope of the service's replies, with all the types that its fields may have."""

import json
from typing import Any

import pytest
from fakes import envelope, no_plate, plate

from streamwatch.core import errors
from streamwatch.core.model import PlateText
from streamwatch.recognition.ocrcars import replies, retry
from streamwatch.recognition.ocrcars.replies import CallOutcome, Reply, excerpt, number, read_reply

CORNERS = ((363.0, 308.0), (580.0, 276.0), (587.0, 323.0), (371.0, 356.0))


def same(text: str) -> str:
    return text


def read(body: bytes | dict[str, Any], status: int = 200, **headers: str) -> CallOutcome:
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_reply(Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body), same)


def read_body(**body: object) -> CallOutcome:
    return read({"showapi_res_code": 0, "showapi_res_body": body})


def error_of(answer: CallOutcome) -> type[errors.RecognitionError]:
    assert answer.failure is not None
    assert not answer.plates
    assert answer.result.plates is None
    assert answer.result.outcome == answer.failure.error.outcome
    assert answer.result.error == str(answer.failure.error)
    return type(answer.failure.error)


def test_the_documented_success() -> None:
    # As printed: without a fee, with a blank after the province.
    answer = read(plate().body, x_ca_request_id="REQ-1")
    assert answer.failure is None
    assert answer.plates == (PlateText("粤 BP57E7", 0.9974533915519714, CORNERS),)
    result = answer.result
    assert (result.outcome, result.charged, result.fee, result.http_status) == ("read", True, 1, 200)
    assert (result.platform_code, result.ret_code) == (0, 0)
    assert (result.request_id, result.answer_id) == ("REQ-1", "64f0c0ffee0123456789abcd")


def test_the_documented_failure_is_no_plate_and_costs_a_fee() -> None:
    answer = read(no_plate().body)
    assert answer.failure is None
    assert answer.plates == answer.result.plates == ()
    assert (answer.result.outcome, answer.result.charged, answer.result.fee) == ("no_plate", True, 1)


@pytest.mark.parametrize("car_no", ["", None, "  ", "·", "-", "　"])
def test_a_car_no_without_a_letter_is_no_plate(car_no: str | None) -> None:
    assert read_body(ret_code=0, car_no=car_no).result.outcome == "no_plate"


def test_an_absent_car_no_is_no_plate_if_the_code_says_success() -> None:
    assert read_body(ret_code="0").result.outcome == "no_plate"


@pytest.mark.parametrize("car_no", [{"a": 1}, ["粤BP57E7"], 5, True])
def test_a_car_no_that_is_not_text_is_no_empty_gate(car_no: object) -> None:
    assert error_of(read_body(ret_code=0, car_no=car_no)) is errors.Transient


@pytest.mark.parametrize("code", [0, "0", " 0 ", 0.0, "", None])
def test_success_in_all_its_types(code: object) -> None:
    assert read_body(ret_code=code, car_no="粤BP57E7").plates[0].text == "粤BP57E7"


def test_success_without_a_code() -> None:
    assert read_body(car_no="粤BP57E7").plates[0].text == "粤BP57E7"
    assert error_of(read_body(remark="?")) is errors.Transient
    assert error_of(read_body()) is errors.Transient


@pytest.mark.parametrize(
    ("code", "error", "again"),
    [
        (10, errors.PictureUrlFailed, retry.NEVER),
        (20, errors.PictureBroken, retry.NEVER),
        (40, errors.BadRequest, retry.NEVER),
        (50, errors.PictureTooLarge, retry.AS_SMALLER),
        (60, errors.PictureBroken, retry.AS_BASELINE),
        (70, errors.DoNotResend, retry.NEVER),
        (80, errors.Transient, retry.SLOWLY),
        (90, errors.Transient, retry.ONCE),
        (-1, errors.Transient, retry.ONCE),
        (12345, errors.Transient, retry.ONCE),
        ("what", errors.Transient, retry.ONCE),
        ([], errors.Transient, retry.ONCE),
        (10**400, errors.Transient, retry.ONCE),
    ],
)
def test_business_codes(code: object, error: type[errors.RecognitionError], again: retry.Retry) -> None:
    for written in (code, str(code)) if isinstance(code, int) and code < 10**9 else (code,):
        answer = read_body(ret_code=written, car_no="", error_msg="why")
        assert error_of(answer) is error
        assert answer.failure is not None
        assert answer.failure.retry == again
        assert answer.result.charged is True
        assert answer.result.ret_code == number(code)
        assert "why" in answer.failure.error.message


def test_nothing_recognised_is_no_plate() -> None:
    answer = read_body(ret_code="30", car_no="")
    assert answer.failure is None
    assert (answer.result.outcome, answer.result.ret_code) == ("no_plate", 30)


@pytest.mark.parametrize(
    ("code", "error", "again"),
    [
        (-1, errors.Transient, retry.SLOWLY),
        (-2, errors.QuotaExhausted, retry.NEVER),
        (-3, errors.Transient, retry.SLOWLY),
        (-4, errors.Transient, retry.ONCE),
        (-5, errors.Transient, retry.NEVER),
        (-6, errors.ServiceDown, retry.NEVER),
        (-7, errors.ServiceDown, retry.NEVER),
        (-1000, errors.Transient, retry.NEVER),
        (-1002, errors.ServiceDown, retry.NEVER),
        (-1003, errors.ServiceDown, retry.NEVER),
        (-1004, errors.ServiceDown, retry.NEVER),
        (-1005, errors.ServiceDown, retry.NEVER),
        (-1006, errors.NotAuthorised, retry.NEVER),
        (-1007, errors.QuotaExhausted, retry.NEVER),
        (-1008, errors.ServiceDown, retry.NEVER),
        (-1009, errors.Throttled, retry.QUICKLY),
        (-1010, errors.ServiceDown, retry.NEVER),
        (-1011, errors.NotAuthorised, retry.NEVER),
        (-1012, errors.NotAuthorised, retry.NEVER),
        (-1013, errors.NotAuthorised, retry.NEVER),
        (-999, errors.Transient, retry.ONCE),
        (7, errors.Transient, retry.ONCE),
        ("what", errors.Transient, retry.ONCE),
    ],
)
@pytest.mark.parametrize("body", [{}, "", None, {"ret_code": 0, "car_no": "粤BP57E7"}])
def test_platform_codes_go_before_the_body(
    code: object, body: object, error: type[errors.RecognitionError], again: retry.Retry
) -> None:
    answer = read({"showapi_res_code": code, "showapi_res_error": "系统调用异常", "showapi_res_body": body})
    assert error_of(answer) is error
    assert answer.failure is not None
    assert answer.failure.retry == again
    assert "系统调用异常" in answer.failure.error.message
    assert answer.result.platform_code == number(code)


def test_a_platform_code_as_text() -> None:
    assert error_of(read({"showapi_res_code": "-1009"})) is errors.Throttled
    assert read({"showapi_res_code": "0", "showapi_res_body": {"ret_code": 0, "car_no": "A1"}}).plates[0].text == "A1"


@pytest.mark.parametrize("body", [{}, "", None, [], "text", 0])
def test_platform_success_without_a_body_is_no_empty_gate(body: object) -> None:
    assert error_of(read({"showapi_res_code": 0, "showapi_res_body": body})) is errors.Transient
    assert error_of(read({"showapi_res_code": 0})) is errors.Transient


def test_a_bare_body() -> None:
    assert read({"ret_code": 0, "car_no": "粤BP57E7"}).plates[0].text == "粤BP57E7"
    assert error_of(read({"ret_code": 80, "remark": "busy"})) is errors.Transient
    assert error_of(read({"ret_code": 70}, status=450)) is errors.DoNotResend


@pytest.mark.parametrize(
    ("outer", "inner", "fee"),
    [
        (None, None, 1),
        (1, None, 1),
        ("2", None, 2),
        (None, 3, 3),
        (None, "4", 4),
        (0, None, 0),
        (2, 5, 2),
        ("?", None, 1),
        (-1, None, 1),
        (True, None, 1),
    ],
)
def test_the_fee(outer: object, inner: object, fee: int) -> None:
    body = {"ret_code": 0, "car_no": "粤BP57E7"} | ({} if inner is None else {"showapi_fee_num": inner})
    result = read(envelope(body, showapi_fee_num=outer).body).result
    assert (result.charged, result.fee) == (True, fee)


@pytest.mark.parametrize(
    ("given", "confidence"),
    [
        (0.5, 0.5),
        (1, 1.0),
        (0, 0.0),
        ("0.75", 0.75),
        *((odd, None) for odd in ("", None, 1.01, -0.1, 99.7, "high", True, [], "nan", float("nan"), float("inf"))),
    ],
)
def test_confidence(given: object, confidence: float | None) -> None:
    assert read_body(ret_code=0, car_no="A1", confidence_level=given).plates[0].confidence == confidence
    assert read_body(ret_code=0, car_no="A1").plates[0].confidence is None


SQUARE = [{"y": 1, "x": 2}, {"y": 3, "x": 4}, {"y": 5, "x": 6}, {"y": 7, "x": 8}]


@pytest.mark.parametrize(
    ("given", "corners"),
    [
        (SQUARE, ((2, 1), (4, 3), (6, 5), (8, 7))),
        ([{"x": "2", "y": "1"}, *SQUARE[1:]], ((2, 1), (4, 3), (6, 5), (8, 7))),
        ([{"x": 2.5, "y": 1}, *SQUARE[1:]], ((2.5, 1), (4, 3), (6, 5), (8, 7))),
        (SQUARE[:3], None),
        ([*SQUARE, SQUARE[0]], None),
        ([{"x": 2}, *SQUARE[1:]], None),
        ([{"x": "a", "y": 1}, *SQUARE[1:]], None),
        ([{"x": None, "y": 1}, *SQUARE[1:]], None),
        ([[2, 1], *SQUARE[1:]], None),
        ([{"x": float("inf"), "y": 1}, *SQUARE[1:]], None),
        ([], None),
        ("", None),
        (None, None),
        ({}, None),
    ],
)
def test_range_is_read_by_key(given: object, corners: object) -> None:
    assert read_body(ret_code=0, car_no="A1", range=given).plates[0].corners == corners


def test_several_plates() -> None:
    texts = [p.text for p in read_body(ret_code=0, car_no="粤BP57E7,京A12345;沪 A8B0D1、川A00001，").plates]
    assert texts == ["粤BP57E7", "京A12345", "沪 A8B0D1", "川A00001"]


def test_corners_belong_to_a_plate_only_where_it_is_clear_whose_they_are() -> None:
    two = read_body(ret_code=0, car_no="粤BP57E7,京A12345", range=SQUARE).plates
    assert [p.corners for p in two] == [None, None]
    second = [{"x": p["x"] + 100, "y": p["y"]} for p in SQUARE]
    two = read_body(ret_code=0, car_no="粤BP57E7,京A12345", range=SQUARE + second).plates
    assert [p.corners and p.corners[0] for p in two] == [(2, 1), (102, 1)]


MANY = ",".join(f"京A{n:05d}" for n in range(80_000))


@pytest.mark.parametrize(
    "text",
    [
        MANY,
        "京A" + "1" * 900_000,
        "京A" + "1" * 23,
        "京A\x0012345",
        "\x00",
        "京A12345\x1b]0;x\x07",
        "京A\x9b31m12345",
        "京A\u202e54321",
        "京A12345,\u200e",
        "\u2066京A12345",
        "京A1234\u200b5",
        "A1\ud800",
        "<img src=x onerror=alert(1)>1",
        "=cmd|'/C calc'!A0",
        "京A12345'); DROP TABLE sightings;--",
        "Москва1",
        "京A١٢٣٤٥",
        "京A12345🚗",
        "京A1\n2345",
    ],
)
def test_what_can_be_no_plate_is_a_charged_error_and_its_text_is_not_repeated(text: str) -> None:
    answer = read_body(ret_code=0, car_no=text)
    assert error_of(answer) is errors.Transient
    assert (answer.result.charged, answer.result.fee, answer.result.plates) == (True, 1, None)
    assert len(answer.result.error) < 300
    assert answer.result.error.isprintable()
    assert "cmd" not in answer.result.error


@pytest.mark.parametrize(
    "text", ["粤 BP57E7", "京A·F0236", "京Ａ12345\u3000", "WJ 京1234X", "M-ÜN 1234", "AB 12.345", "B (1)"]
)
def test_plates_may_be_written_as_they_are_printed(text: str) -> None:
    assert [plate.text for plate in read_body(ret_code=0, car_no=text).plates] == [text.strip()]


def test_thirty_two_plates_are_the_most() -> None:
    assert len(read_body(ret_code=0, car_no=MANY[: 32 * 8]).plates) == 32
    assert error_of(read_body(ret_code=0, car_no=MANY[: 33 * 8])) is errors.Transient


@pytest.mark.parametrize(
    "points",
    [
        [(1e308, -1e308), (-1e308, 5), (1e300, 1e9), (0, 0)],
        [(-50, -50), (-10, -50), (-10, -20), (-50, -20)],
        [(5, 5)] * 4,
        [(5, 5), (5, 5), (5, 40), (5, 40)],
        [(0, 0), (20_001, 0), (20_001, 9), (0, 9)],
    ],
)
def test_corners_out_of_every_picture_or_around_nothing_are_none(points: list[tuple[float, float]]) -> None:
    given = [{"x": x, "y": y} for x, y in points]
    (plate,) = read_body(ret_code=0, car_no="京A12345", range=given).plates
    assert plate.corners is None


def test_a_plate_that_the_edge_cuts_keeps_its_corners() -> None:
    given = [{"x": x, "y": y} for x, y in [(-5, -2), (60, -2), (60, 20), (-5, 20)]]
    assert read_body(ret_code=0, car_no="京A12345", range=given).plates[0].corners is not None


@pytest.mark.parametrize(
    "body", [b"", b"<html><body>login</body></html>", b"null", b"[]", b'"ok"', b"5", b"\xff\xfe\x00", b"[" * 100_000]
)
def test_what_is_not_json_is_not_the_service_and_not_charged(body: bytes) -> None:
    answer = read(body)
    assert error_of(answer) is errors.Transient
    assert (answer.result.charged, answer.result.fee) == (False, 0)


@pytest.mark.parametrize(
    "body", [b'{"showapi_res_code": 0, "showapi_res_body": {"ret_code": 0, "car_no":', b'{"a":' * 100_000, b" {"]
)
def test_a_cut_json_text_came_from_the_service_and_is_charged(body: bytes) -> None:
    answer = read(body)
    assert error_of(answer) is errors.Transient
    assert answer.failure is not None
    assert answer.failure.retry == retry.ONCE
    assert (answer.result.charged, answer.result.fee) == (True, 1)


def test_an_object_of_another_kind_is_unknown() -> None:
    assert error_of(read({"login": "please"})) is errors.Transient


def test_450_is_read_like_200_but_not_charged() -> None:
    for body in ({"showapi_res_code": 0, "showapi_res_body": {"ret_code": -1}}, {"ret_code": "80", "remark": "x"}):
        answer = read(body, status=450)
        assert error_of(answer) is errors.Transient
        assert (answer.result.charged, answer.result.fee, answer.result.http_status) == (False, 0, 450)
    assert error_of(read({"showapi_res_code": -1009}, status=450)) is errors.Throttled
    assert error_of(read(b"", status=450)) is errors.Transient
    assert error_of(read({"other": 1}, status=450)) is errors.Transient


def test_the_gateway_is_heard_before_the_body() -> None:
    body = plate().body
    assert error_of(read(body, status=403, x_ca_error_code="B403MQ")) is errors.QuotaExhausted
    assert error_of(read(body, status=403, x_ca_error_message="Unauthorized")) is errors.NotAuthorised
    answer = read(b"", status=403, x_ca_error_code="B403MQ")
    assert (answer.result.gateway_code, answer.result.charged, answer.result.fee) == ("B403MQ", False, 0)


def test_an_unlisted_gateway_message_leaves_the_body_its_say() -> None:
    assert error_of(read({"ret_code": 70}, status=450, x_ca_error_message="Something else")) is errors.DoNotResend
    assert error_of(read(b"", status=404, x_ca_error_message="Invalid Path")) is errors.ServiceDown


def test_every_row_has_a_sentence_and_what_to_do() -> None:
    for row in (*replies.PLATFORM.values(), *replies.BUSINESS.values(), replies.UNKNOWN):
        error = row.failure("x").error
        assert error.message.endswith(" (x).")
        assert error.what_to_do


def test_an_excerpt_is_short_and_one_line() -> None:
    text = excerpt("a\r\nb\x1b[31m\x00 " + "c" * 500 + "END", same)
    assert text.startswith("a b [31m ccc")
    assert text.endswith("END (514 characters)")
    assert len(text) < 300


def test_an_excerpt_never_repeats_pictures_queries_or_credentials() -> None:
    for secret in (
        "Invalid Signature, Server StringToSign:POST secret",
        "x img_base64=secret",
        "x IMG_URL=https://h/p?secret",
        "see https://h/p?sig=secret for more",
        "https://user:secret@h/p",
    ):
        assert "secret" not in excerpt(secret, same)
    assert excerpt("code hush!", lambda text: text.replace("hush", "***")) == "code ***!"


def test_an_excerpt_of_megabytes_is_quick() -> None:
    assert len(excerpt("a" * 3_000_000, same)) < 300
