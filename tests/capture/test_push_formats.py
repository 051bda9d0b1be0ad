"""What cameras post becomes a vehicle, a heartbeat or a refusal, whatever the bytes are."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from push_cameras import HikvisionCamera, ZhenshiCamera

from streamwatch.capture.push import BadPush, hikvision, zhenshi
from streamwatch.core.model import PlateText

JPEG = b"\xff\xd8 any"
MULTIPART = "multipart/form-data; boundary=7e13971310878"


def posted(plate: str = "粤B12345", **result: Any) -> bytes:
    record = ZhenshiCamera(0, "").sees(plate, JPEG, at=1_790_000_000.25, **result)
    return json.dumps(record, ensure_ascii=False).encode()


def changed(key: str, value: object) -> bytes:
    record = json.loads(posted())
    record["AlarmInfoPlate"]["result"]["PlateResult"][key] = value
    return json.dumps(record).encode()


def test_a_vehicle_of_zhenshi_is_understood() -> None:
    pushed = zhenshi.read(posted())
    assert pushed is not None
    corners = (520.0, 500.0), (760.0, 500.0), (760.0, 576.0), (520.0, 576.0)
    assert pushed.plate == PlateText("粤B12345", 0.96, corners, "blue")  # type: ignore[arg-type]
    assert (pushed.record, pushed.serial, pushed.offline) == ("1", "a1b2c3d4-e5f6", False)
    assert pushed.taken_at == datetime.fromtimestamp(1_790_000_000.25, UTC)
    assert pushed.picture == JPEG


def test_older_cameras_write_in_gbk() -> None:
    pushed = zhenshi.read(posted().decode().encode("gbk"))
    assert pushed is not None
    assert pushed.plate is not None
    assert pushed.plate.text == "粤B12345"


@pytest.mark.parametrize("said", ["_无_", "", " ", 12, None, "A" * 30, "粤B\x1b[2J12"])
def test_what_cannot_be_a_plate_is_none(said: object) -> None:
    pushed = zhenshi.read(changed("license", said))
    assert pushed is not None
    assert pushed.plate is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("confidence", 1e308),
        ("confidence", "many"),
        ("confidence", -1),
        ("confidence", None),
        ("confidence", [1]),
    ],
)
def test_an_impossible_confidence_is_none(key: str, value: object) -> None:
    pushed = zhenshi.read(changed(key, value))
    assert pushed is not None
    assert pushed.plate is not None
    assert pushed.plate.confidence is None


@pytest.mark.parametrize(
    "stamp",
    [
        None,
        {"Timeval": None},
        {"Timeval": {"sec": -1}},
        {"Timeval": {"sec": True}},
        {"Timeval": {"sec": 10**30}},
        {"Timeval": {"sec": 12}},
        {"Timeval": {"sec": "soon"}},
    ],
)
def test_a_time_that_cannot_be_right_is_none(stamp: object) -> None:
    pushed = zhenshi.read(changed("timeStamp", stamp))
    assert pushed is not None
    assert pushed.taken_at is None


@pytest.mark.parametrize("packed", ["!!!", "QQ", 5, None, ["a"], ""])
def test_a_picture_that_cannot_be_unpacked_is_empty(packed: object) -> None:
    pushed = zhenshi.read(changed("imageFile", packed))
    assert pushed is not None
    assert pushed.picture == b""


@pytest.mark.parametrize("body", [b"", b"serialno=1&heartbeat=1", b'{"AlarmGioIn": {}}', b'{"heartbeat": 1}'])
def test_anything_else_is_a_heartbeat(body: bytes) -> None:
    assert zhenshi.read(body) is None


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"AlarmInfoPlate": 1}',
        b'{"AlarmInfoPlate": {"result": []}}',
        b'{"AlarmInfoPlate": {"result": {"PlateResult": null}}}',
        b'{"AlarmInfoPlate":' * 900 + b"}" * 900,
        b'{"a":' + b"[" * 4900,
        b'{"AlarmInfoPlate": [' + b"[]," * 2_000_000 + b"0]}",
        b'{"\xff\xff\xff": 1}',
        b'{"AlarmInfoPlate": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_such_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadPush):
        zhenshi.read(body)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda some: st.lists(some, max_size=3)))
def test_no_value_at_any_place_breaks_the_reader_of_zhenshi(value: object) -> None:
    for key in ("license", "confidence", "colorType", "location", "timeStamp", "plateid", "isoffline", "imageFile"):
        pushed = zhenshi.read(changed(key, value))
        assert pushed is not None
        assert len(pushed.record) <= 64


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers(body: bytes) -> None:
    for read in (zhenshi.read, lambda one: hikvision.read(MULTIPART, one), lambda one: hikvision.read("text/xml", one)):
        with suppress(BadPush):
            read(body)


def test_the_answer_opens_only_if_it_says_so() -> None:
    said = json.loads(zhenshi.answer(True))["Response_AlarmInfoPlate"]
    assert said == {"info": "ok", "content": "retransfer_stop"}
    assert json.loads(zhenshi.answer(False, stop=False)) == {"Response_AlarmInfoPlate": {"info": "no"}}


def hikvision_body(**said: Any) -> bytes:
    return HikvisionCamera(0, "").body("京AF0236", JPEG + b"large", **said)


def test_a_vehicle_of_hikvision_is_understood() -> None:
    pushed = hikvision.read(MULTIPART, hikvision_body(dateTime="2026-11-29T08:00:01.500+08:00"))
    assert pushed is not None
    assert pushed.plate == PlateText("京AF0236", 0.97, None, "blue")
    assert pushed.taken_at == datetime(2026, 11, 29, 0, 0, 1, 500_000, UTC)
    assert (pushed.record, pushed.offline, pushed.picture) == ("6f1a-1", False, JPEG + b"large")


def test_what_hikvision_sends_again_was_kept() -> None:
    pushed = hikvision.read(MULTIPART, hikvision_body(isDataRetransmission="true"))
    assert pushed is not None
    assert pushed.offline


def test_other_events_of_hikvision_are_heartbeats() -> None:
    assert hikvision.read(MULTIPART, hikvision_body(eventType="videoloss")) is None
    assert (
        hikvision.read("application/xml", b"<EventNotificationAlert><eventType>x</eventType></EventNotificationAlert>")
        is None
    )


@pytest.mark.parametrize(
    "at", ["2026-11-29T08:00:01", "never", "", "9999-99-99T00:00:00Z", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_without_offset_or_sense_is_none(at: str) -> None:
    pushed = hikvision.read(MULTIPART, hikvision_body(dateTime=at))
    assert pushed is not None
    assert pushed.taken_at is None


DTD = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a><eventType>&c;</eventType></a>'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param(MULTIPART, hikvision_body(xml=DTD), id="a DTD"),
        pytest.param("text/xml", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', id="a DTD elsewhere"),
        pytest.param("text/xml", b"<a>" * 50 + b"</a>" * 50, id="deep"),
        pytest.param("text/xml", b"<a>" + b"<b/>" * 3000 + b"</a>", id="many elements"),
        pytest.param("text/xml", b"<a>" + b" " * 300_000 + b"</a>", id="long"),
        pytest.param("text/xml", b"<a>", id="cut off"),
        pytest.param("multipart/form-data", b"", id="no boundary"),
        pytest.param(MULTIPART, b"--7e13971310878\r\n\r\n", id="no end"),
        pytest.param(MULTIPART, b"--7e13971310878--\r\n", id="no parts"),
        pytest.param(MULTIPART, (b"--7e13971310878\r\n\r\n\r\n" * 30) + b"--7e13971310878--", id="many parts"),
        pytest.param(
            MULTIPART, hikvision_body().replace(b"anpr.xml", b"a.jpg").replace(b"<?xml", b"<?lmx"), id="no XML"
        ),
    ],
)
def test_what_is_no_such_post_of_hikvision_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(BadPush):
        hikvision.read(kind, body)


def test_a_picture_may_hold_what_looks_like_a_line_break() -> None:
    jpeg = b"\xff\xd8" + bytes(range(256)) * 40 + b"\r\n--other\r\n\r\n"
    pushed = hikvision.read(MULTIPART, HikvisionCamera(0, "").body("京AF0236", jpeg))
    assert pushed is not None
    assert pushed.picture == jpeg
