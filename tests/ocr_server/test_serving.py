"""ocrCars' protocol from the server's side, over real sockets: for the project's own client and for others."""

import base64
import logging
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import cv2
import numpy as np
import pytest
from fakes import FakeLedger
from listening import turned_away
from paying import BY_CODE, BY_KEY, CODE, JPEG, KEY, SECRET, client_of, jpeg_of
from pydantic import SecretStr
from serving_clients import (
    BODY,
    BY_APPCODE,
    FORM,
    KINDS,
    PLATE,
    Got,
    Reader,
    Serving,
    ask,
    everything,
    request,
    serving,
    signed,
)

from streamwatch.core import errors
from streamwatch.ocr_server import Guard, KeyPair, reading
from streamwatch.ocr_server import service as service_module
from streamwatch.ocr_server.request import LARGEST_BODY, RequestRefused, read_form
from streamwatch.recognition.ocrcars.signature import sign, string_to_sign


@pytest.fixture
def where() -> Iterator[Serving]:
    with serving() as one:
        yield one


@pytest.mark.parametrize("by", [BY_CODE, BY_KEY], ids=["AppCode", "signature"])
def test_the_projects_own_client_reads_plates(where: Serving, by: dict[str, str]) -> None:
    ledger = FakeLedger()
    with client_of(where.endpoint, by) as client:
        (plate,) = client.read(JPEG, ledger)
    assert (plate.text, plate.confidence) == (PLATE.text, PLATE.confidence)
    assert plate.corners == ((1, 2), (101, 2), (101, 40), (1, 40))
    assert (ledger.last.http_status, ledger.last.charged, ledger.last.fee) == (200, True, 0)
    assert len(ledger.last.request_id) == 36
    assert len(ledger.last.answer_id) == 24


def test_no_plate_is_an_answer(where: Serving) -> None:
    where.reader.plates = []
    with client_of(where.endpoint) as client:
        assert client.read(JPEG, FakeLedger()) == []
    body = ask(where, request(BODY, KINDS, BY_APPCODE)).document["showapi_res_body"]
    assert body == {"ret_code": 0, "confidence_level": "", "range": [], "error_msg": "", "car_no": ""}


@pytest.mark.parametrize(
    "by",
    [{"appcode": "another"}, {**BY_KEY, "app_key": "204000002"}, {**BY_KEY, "app_secret": "another"}],
    ids=["AppCode", "AppKey", "AppSecret"],
)
def test_wrong_credentials_are_refused_as_the_gateway_does(where: Serving, by: dict[str, str]) -> None:
    ledger = FakeLedger()
    with client_of(where.endpoint, by) as client, pytest.raises(errors.CredentialsRefused):
        client.read(JPEG, ledger)
    assert ledger.last.charged is False
    assert ledger.last.gateway_code in ("A401AC", "A400IK", "A403IS")
    assert where.reader.busy == 0


@pytest.mark.parametrize(
    ("headers", "line"),
    [([], "POST /ocrCars HTTP/1.1"), ([], f"POST /ocrCars?AppCode={CODE} HTTP/1.1"), (["X-Ca-Key: "], None)],
)
def test_without_credentials(where: Serving, headers: list[str], line: str | None) -> None:
    got = ask(where, request(BODY, KINDS, *headers, line=line or "POST /ocrCars HTTP/1.1"))
    assert (got.status, got.code, got.body) == (400, "A400MA", b"")
    assert got.headers["x-ca-request-id"]


def test_where_no_credentials_are_set_everybody_may_ask() -> None:
    with serving(guard=Guard(None, None)) as where, client_of(where.endpoint) as client:
        assert client.read(JPEG, FakeLedger())
        assert ask(where, request(BODY, KINDS)).ret_code == 0


def test_a_request_that_is_repeated_is_refused_and_one_with_a_new_nonce_is_not(where: Serving) -> None:
    raw = request(BODY, *signed())
    assert [ask(where, raw).code for _ in range(3)] == ["", "S403NU", "S403NU"]
    assert ask(where, request(BODY, *signed())).status == 200


def test_a_wrong_signature_uses_up_no_nonce(where: Serving) -> None:
    right = signed()
    wrong = [line if not line.startswith("X-Ca-Signature:") else "X-Ca-Signature: AAAA" for line in right]
    got = ask(where, request(BODY, *wrong))
    assert (got.status, got.code) == (403, "A403IS")
    assert got.headers["x-ca-error-message"].startswith("Invalid Signature, Server StringToSign:POSTapplication/json")
    assert len(got.headers["x-ca-error-message"]) <= 400
    assert ask(where, request(BODY, *right)).status == 200


@pytest.mark.parametrize("off", [-901, 901])
def test_an_old_timestamp_is_refused(where: Serving, off: float) -> None:
    got = ask(where, request(BODY, *signed(time.time() + off)))
    assert (got.status, got.code) == (403, "S403TE")


def test_a_nonce_is_remembered_as_long_as_its_timestamp_is_good() -> None:
    now = [time.time()]
    pair = KeyPair(SecretStr(KEY), SecretStr(SECRET))
    with serving(guard=Guard(None, pair, lambda: now[0], lambda: now[0])) as where:
        raw = request(BODY, *signed(now[0] + 890))
        assert ask(where, raw).status == 200
        now[0] += 1780
        assert ask(where, raw).code == "S403NU"
        now[0] += 30
        assert ask(where, raw).code == "S403TE"


def test_signatures_as_other_programs_make_them(where: Serving) -> None:
    """Send lower-case names, HmacSHA1, a Date, no nonce and no timestamp, and sign only a part of the headers."""
    headers = {
        "accept": "*/*",
        "content-type": "application/x-www-form-urlencoded",
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "x-ca-key": KEY,
        "x-ca-signature-method": "HmacSHA1",
    }
    text = string_to_sign("POST", "/ocrCars", headers, ["x-ca-key"], [("trace", "9")], FORM)
    headers |= {"x-ca-signature-headers": "x-ca-key", "x-ca-signature": sign(SECRET, text, "HmacSHA1")}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    assert ask(where, request(BODY, *lines, line="POST /ocrCars?trace=9 HTTP/1.1")).status == 200


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (request(BODY, KINDS, BY_APPCODE, line="GET /ocrCars HTTP/1.1"), "I405UM"),
        (request(BODY, KINDS, BY_APPCODE, line="POST / HTTP/1.1"), "I404NF"),
        (request(BODY, "Content-Type: multipart/form-data; boundary=x", BY_APPCODE), "I400CT"),
        (request(BODY, BY_APPCODE), "I400CT"),
        (request(b"", KINDS, BY_APPCODE), "I400BD"),
        (request(BODY, KINDS, BY_APPCODE, "Transfer-Encoding: chunked"), "I400BD"),
        (request(b"\xff" * 10, KINDS, BY_APPCODE), "I400BD"),
        (request(b"img_base64=%FF", KINDS, BY_APPCODE), "I400BD"),
        (request(b"a&" * 50, KINDS, BY_APPCODE), "I400BD"),
        (request(b"x", KINDS, BY_APPCODE, length=9_000_000), "I413RL"),
        (request(b"x", KINDS, BY_APPCODE, length=10**14), "I413RL"),
        (request(BODY, KINDS, BY_APPCODE, f"X-Long: {'x' * 9000}"), "I413UL"),
        (b"POST /ocrCars?" + b"x" * 20000, "I413UL"),
        (request(BODY, KINDS, BY_APPCODE, BY_APPCODE), "I400HD"),
        (request(BODY, KINDS, BY_APPCODE, "no colon"), "I400HD"),
        (b"hello\r\n\r\n", "I400HD"),
    ],
)
def test_what_the_gateway_refuses(where: Serving, raw: bytes, code: str) -> None:
    got = ask(where, raw)
    assert (got.code, got.status, got.body) == (code, int(code[1:4]), b"")
    assert where.reader.busy == 0


def encoded(form: str, picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    return bytes(cv2.imencode(form, picture)[1])


GREY = np.full((40, 60, 3), 128, np.uint8)
GIF = b"GIF89a" + struct.pack("<HH", 60, 40) + bytes(20)


@pytest.mark.parametrize(
    ("form", "ret_code"),
    [
        ({"img_url": "https://img.example.com/1.jpg"}, 10),
        ({"other": "1"}, 40),
        ({"img_base64": ""}, 40),
        ({"img_base64": "data:image/jpeg;base64,AAAA"}, 20),
        ({"img_base64": FORM[0][1].replace("+", " ", 1) if "+" in FORM[0][1] else "a b"}, 20),
        ({"img_base64": b"no picture at all"}, 60),
        ({"img_base64": JPEG[:100]}, 20),
        ({"img_base64": b"\xff\xd8"}, 20),
        ({"img_base64": b"\xff\xd8\x00\x00"}, 20),
        ({"img_base64": jpeg_of(4100, 400)}, 50),
        ({"img_base64": encoded(".png", np.zeros((20, 5000, 3), np.uint8))}, 50),
        ({"img_base64": JPEG + bytes(4 * 1024 * 1024)}, 50),
        ({"img_base64": encoded(".jpg", GREY[:14])}, 20),
        ({"img_base64": JPEG, "img_url": "https://img.example.com/1.jpg"}, 0),
        ({"img_base64": encoded(".png", GREY)}, 0),
        ({"img_base64": encoded(".bmp", GREY)}, 0),
        ({"img_base64": encoded(".webp", GREY)}, 0),
        ({"img_base64": encoded(".tiff", GREY)}, 60),
        ({"img_base64": GIF}, 60),
    ],
)
def test_what_the_service_says_of_a_picture(where: Serving, form: dict[str, bytes | str], ret_code: int) -> None:
    texts = {name: base64.b64encode(v).decode() if isinstance(v, bytes) else v for name, v in form.items()}
    got = ask(where, request(urlencode(texts).encode(), KINDS, BY_APPCODE))
    assert (got.status, got.ret_code) == (200, ret_code)
    assert where.reader.busy == (ret_code == 0)


def test_a_picture_that_the_reader_cannot_decode(where: Serving) -> None:
    where.reader.error = errors.PictureBroken("damaged")
    with client_of(where.endpoint) as client, pytest.raises(errors.PictureBroken):
        client.read(JPEG, FakeLedger())


def test_other_headers_may_come_twice(where: Serving) -> None:
    twice = ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"]
    assert ask(where, request(BODY, KINDS, BY_APPCODE, *twice)).status == 200


def test_garbage_does_no_harm(where: Serving) -> None:
    chance = random.Random(5)
    whole = request(BODY, KINDS, *signed()[2:])
    for _ in range(60):
        raw = bytearray(whole[: chance.randrange(1, len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 40)):
            raw[chance.randrange(min(len(raw), 800))] = chance.randrange(256)
        with where.connect() as connection:
            connection.sendall(raw)
    assert ask(where, request(BODY, KINDS, BY_APPCODE)).status == 200


def test_parallel_clients_are_all_answered(where: Serving) -> None:
    with ThreadPoolExecutor(12) as pool, client_of(where.endpoint, read_timeout=30.0) as client:
        found = list(pool.map(lambda _: client.read(JPEG, FakeLedger()), range(36)))
    assert [[plate.text for plate in plates] for plates in found] == [[PLATE.text]] * 36


def test_a_full_queue_is_answered_503_and_what_was_taken_is_read() -> None:
    reader = Reader()
    reader.open.clear()
    with serving(reader, queue=2) as where, ThreadPoolExecutor(8) as pool:
        raw = request(BODY, KINDS, BY_APPCODE)
        asked = [pool.submit(ask, where, raw)]
        until_begun(reader)
        asked += [pool.submit(ask, where, raw) for _ in range(7)]
        refused = [one.result() for one in wait_for(asked, 5)]
        assert {(got.status, got.code) for got in refused} == {(503, "X503BZ")}
        reader.open.set()
        assert sorted(one.result().status for one in asked) == [200] * 3 + [503] * 5
    assert reader.busy == 3


def test_the_own_client_takes_a_full_queue_for_what_it_is() -> None:
    reader = Reader()
    reader.open.clear()
    with serving(reader, queue=1) as where, ThreadPoolExecutor(2) as pool:
        raw = request(BODY, KINDS, BY_APPCODE)
        first = pool.submit(ask, where, raw)
        until_begun(reader)
        second = pool.submit(ask, where, raw)
        time.sleep(0.3)
        ledger = FakeLedger()
        with client_of(where.endpoint) as client, pytest.raises(errors.Transient):
            client.read(JPEG, ledger)
        assert {(result.gateway_code, result.charged) for _, result in ledger.results} == {("X503BZ", False)}
        reader.open.set()
        assert (first.result().status, second.result().status) == (200, 200)


def test_a_picture_whose_client_has_gone_is_not_read() -> None:
    reader = Reader()
    reader.open.clear()
    with serving(reader) as where, ThreadPoolExecutor(1) as pool:
        raw = request(BODY, KINDS, BY_APPCODE)
        first = pool.submit(ask, where, raw)
        until_begun(reader)
        for _ in range(5):
            with where.connect() as connection:
                connection.sendall(raw)
                time.sleep(0.1)
        time.sleep(0.3)
        reader.open.set()
        assert first.result().status == 200
        assert ask(where, raw).status == 200
    assert reader.busy == 2


def test_what_can_be_refused_by_its_head_is_refused_before_its_body_comes(where: Serving) -> None:
    used = signed()
    assert ask(where, request(BODY, *used)).status == 200
    for headers, code in [
        ([KINDS], "A400MA"),
        ([KINDS, "Authorization: APPCODE another"], "A401AC"),
        (used, "S403NU"),
        (signed(time.time() - 901), "S403TE"),
        (signed(key="204000002"), "A400IK"),
        ([*signed(), "X-Ca-Signature-Method: HmacMD5"], "I400HD"),
    ]:
        with where.connect() as connection:
            connection.sendall(request(b"", *headers, length=LARGEST_BODY))
            assert Got(everything(connection)).code == code


def test_a_picture_is_not_looked_at_before_its_signature_is_right(
    where: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: object) -> bytes:
        raise AssertionError("a stranger's picture is decoded")

    monkeypatch.setattr(service_module, "picture_of", never)
    assert ask(where, request(BODY, *signed(secret="another"))).code == "A403IS"


def until_begun(reader: Reader) -> None:
    limit = time.monotonic() + 60
    while not reader.busy:
        assert time.monotonic() < limit
        time.sleep(0.01)


def wait_for(futures: list, count: int) -> list:  # type: ignore[type-arg]
    limit = time.monotonic() + 60
    while len(done := [one for one in futures if one.done()]) < count:
        assert time.monotonic() < limit
        time.sleep(0.01)
    return done


def test_what_waited_too_long_is_not_read_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LATEST", -1.0)
    with serving() as where:
        got = ask(where, request(BODY, KINDS, BY_APPCODE))
        assert (got.status, got.code, where.reader.busy) == (504, "D504TO", 0)


def test_all_bodies_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "MOST_BYTES", len(BODY) + 10)
    with serving() as where, where.connect() as slow:
        slow.sendall(request(BODY, KINDS, BY_APPCODE)[:-5])
        time.sleep(0.3)
        assert ask(where, request(BODY, KINDS, BY_APPCODE)).code == "X503BZ"
        slow.sendall(BODY[-5:])
        assert b'"car_no"' in everything(slow)
        assert ask(where, request(BODY, KINDS, BY_APPCODE)).status == 200


def from_elsewhere(where: Serving, raw: bytes) -> Got:
    """Return the answer to a request from another client's address."""
    place = ("127.0.0.1", where.service.port)
    with socket.create_connection(place, timeout=20, source_address=("127.0.0.2", 0)) as connection:
        connection.sendall(raw)
        return Got(everything(connection))


def test_bodies_that_were_announced_and_do_not_come_lock_out_nobody(where: Serving) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            silent = stack.enter_context(where.connect())
            silent.sendall(request(b"", KINDS, BY_APPCODE, length=LARGEST_BODY))
        time.sleep(0.3)
        assert from_elsewhere(where, request(BODY, KINDS, BY_APPCODE)).status == 200
        assert ask(where, request(BODY, KINDS, BY_APPCODE)).status == 200


def test_bodies_that_come_and_do_not_end_lock_out_only_who_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    most, piece = 2_000_000, 900_000
    monkeypatch.setattr(service_module, "MOST_BYTES", most)
    large = request(b"a=" + b"A" * piece, KINDS, BY_APPCODE)
    with serving() as where, ExitStack() as stack:
        slow = [stack.enter_context(where.connect()) for _ in range(2)]
        for connection in slow:
            connection.sendall(large[:-1])
        time.sleep(0.5)
        assert ask(where, large).code == "X503BZ"
        assert from_elsewhere(where, large).ret_code == 40
        assert Got(everything(slow[0])).code == "X503BZ"
        slow[1].sendall(large[-1:])
        assert Got(everything(slow[1])).ret_code == 40


def test_a_form_is_parsed_as_the_library_does() -> None:
    chance = random.Random(5)
    for _ in range(2000):
        pairs = [
            (
                "".join(chr(chance.randrange(300)) for _ in range(3)),
                "".join(chr(chance.randrange(20_000)) for _ in "ab"),
            )
            for _ in range(chance.randrange(1, 6))
        ]
        assert read_form(urlencode(pairs).encode()) == tuple(pairs)
    assert read_form(b"a&b=&c=d=e&&f=%e7%b2%a4+x") == (("a", ""), ("b", ""), ("c", "d=e"), ("f", "粤 x"))


@pytest.mark.parametrize(
    "body", [b"a=%4", b"a=%", b"a=%zz", b"a=\x00", b"a=b c", b"a=\n", b"a=\xff", b"a=%ff", b"a&" * 21]
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(RequestRefused):
        read_form(body)


def test_a_body_of_escapes_is_parsed_in_no_time() -> None:
    """A body is bounded before its signature can be checked: everybody who knows the AppKey can send one."""
    body = b"img_base64=" + b"%41" * 1_000_000

    def seconds(act: Callable[[], object]) -> float:
        began = time.thread_time()
        act()
        return time.thread_time() - began

    assert seconds(lambda: read_form(body)) < seconds(lambda: parse_qsl(body.decode())) / 4


def test_slow_clients_are_cut_off_and_cost_nobody_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "LIMITS", replace(service_module.LIMITS, head_seconds=2.0, body_seconds=2.0))
    with serving() as where, ExitStack() as stack:
        slow = [stack.enter_context(where.connect()) for _ in range(20)]
        for n, connection in enumerate(slow):
            connection.sendall(request(BODY, KINDS, BY_APPCODE)[: 10 * n])
        assert ask(where, request(BODY, KINDS, BY_APPCODE)).status == 200
        assert all(connection.recv(1) == b"" for connection in slow), "before the time-out of their sockets"


def test_a_client_that_waits_for_permission_gets_it(where: Serving) -> None:
    with where.connect() as connection:
        connection.sendall(request(b"", KINDS, BY_APPCODE, "Expect: 100-continue", length=len(BODY)))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert everything(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_leaving_answers_what_was_taken_and_takes_nothing_more() -> None:
    reader = Reader()
    reader.open.clear()
    with serving(reader) as where, ThreadPoolExecutor(3) as pool, where.connect():
        asked = [pool.submit(ask, where, request(BODY, KINDS, BY_APPCODE)) for _ in range(3)]
        until_begun(reader)
        time.sleep(0.5)
        where.service.leave(20.0)
        time.sleep(0.2)
        assert turned_away(("127.0.0.1", where.service.port))
        reader.open.set()
        assert [one.result().status for one in asked] == [200] * 3
        where.threads[0].join(10)
        assert not where.threads[0].is_alive()


def test_leaving_ends_in_time_whoever_still_sends() -> None:
    with serving() as where, where.connect() as slow:
        slow.sendall(b"POST /ocrCars HTTP/1.1\r\n")
        time.sleep(0.2)
        where.service.leave(0.3)
        where.threads[0].join(10)
        assert not where.threads[0].is_alive()


def test_the_log_names_every_request_and_no_secret(where: Serving, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask(where, request(BODY, KINDS, BY_APPCODE))
    ask(where, request(BODY, *signed(secret="another")))
    ask(where, request(BODY, KINDS, "Authorization: APPCODE wrong0word"))
    time.sleep(0.2)
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "read, " in said
    assert "A403IS" in said
    assert "A401AC" in said
    for secret in (CODE, SECRET, KEY, "wrong0word", FORM[0][1][:40]):
        assert secret not in said


def test_no_thread_stays(where: Serving) -> None:
    ask(where, request(BODY, KINDS, BY_APPCODE))
    where.end()
    assert not any(thread in threading.enumerate() for thread in where.threads)
