"""Cameras post over sockets: who may, what is taken, and what the answers say."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest
from push_cameras import SECRET_OF_PUSH, HikvisionCamera, ZhenshiCamera, picture, post

from streamwatch.app import push_camera, reopened_server
from streamwatch.app.push_address import push_address
from streamwatch.app.push_camera import PushCamera, PushWorker
from streamwatch.app.push_server import PushServer, open_push
from streamwatch.app.substream_camera import Camera
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CameraState, ViewReason
from streamwatch.core.errors import BarrierError
from streamwatch.core.events import VehiclePushed
from streamwatch.core.model import Box, Frame
from streamwatch.http import posts
from streamwatch.http.server import HttpServer
from streamwatch.outward.barriers.camera_barrier import CameraRelay
from streamwatch.system.heartbeat import Heartbeats
from streamwatch.system.threads import spawn

Store = Callable[[VehiclePushed], bool]
WAIT = 60.0


@pytest.fixture(autouse=True)
def _refusals_need_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "SULK", 0.0)


class Gate:
    """One camera with its thread behind a server. stored: what was stored, by key. shown: the frames for pages."""

    def __init__(
        self, port: int, path: str, cameras: dict[str, Camera], camera: PushCamera, stored: dict[str, VehiclePushed]
    ) -> None:
        self.port, self.path, self.cameras, self.camera, self.stored = port, path, cameras, camera, stored
        self.shown: list[Frame] = []

    @property
    def events(self) -> list[VehiclePushed]:
        return list(self.stored.values())


@contextmanager
def gate(store: Store | None = None, name: str = "gate", clock: Any = None, **push: Any) -> Iterator[Gate]:
    """Run a server with one camera. store: in place of a dictionary."""
    clock = clock or SystemClock()
    push = push or {"secret": SECRET_OF_PUSH}
    settings = Settings.model_validate({"cameras": {name: {"source": "push", "push": push}}})
    one = settings.cameras[name].push
    assert one is not None
    camera = PushCamera(name, one, clock, CameraRelay(name))
    cameras: dict[str, Camera] = {name: camera}
    listener = settings.push.model_copy(update={"host": "127.0.0.1", "port": 0})
    server = open_push(listener, cameras)
    stored: dict[str, VehiclePushed] = {}
    path = push_address(settings, name).replace("SECRET", SECRET_OF_PUSH)
    made = Gate(server.port, path, cameras, camera, stored)

    def keep(event: VehiclePushed) -> bool:
        is_new = event.keyframe.key not in stored
        stored[event.keyframe.key] = event
        return is_new

    worker = PushWorker(camera, name, settings, clock, store or keep, made.shown.append)
    over = threading.Event()
    heartbeats = Heartbeats(clock.monotonic)

    def work() -> None:
        with heartbeats.register("camera") as heartbeat:
            worker.run(heartbeat, over.is_set)

    threads = [spawn(server.run, "push"), spawn(work, "camera")]
    try:
        yield made
    finally:
        over.set()
        server.stop()
        for thread in threads:
            thread.join(WAIT)


def test_a_vehicle_is_stored_and_then_the_camera_may_forget_it() -> None:
    with gate() as one:
        camera = ZhenshiCamera(one.port, one.path)
        reply = camera.send(camera.sees("粤B12345"))
        assert reply.stops
        assert not reply.opens
    (event,) = one.events
    assert event.passage.closed
    assert (event.keyframe.width, event.keyframe.height, event.keyframe.crop) == (1280, 720, Box(0, 0, 1280, 720))
    assert event.keyframe.reason is ViewReason.PUSHED
    assert event.keyframe.jpeg == picture("粤B12345"), "the camera's own JPEG is kept"
    assert [(plate.text, plate.confidence) for plate in event.plates] == [("粤B12345", 0.96)]
    assert one.camera.status().state is CameraState.ONLINE
    assert len(one.shown) == 1


def test_a_record_that_comes_twice_has_one_key_and_another_one_has_another() -> None:
    with gate() as one:
        camera = ZhenshiCamera(one.port, one.path)
        record = camera.sees("粤B12345")
        assert camera.send(record).stops
        assert camera.send(record).stops
        assert len(one.stored) == 1
        assert camera.send(camera.sees("粤B12345")).stops, "the same plate in another record"
        reset = ZhenshiCamera(one.port, one.path)
        assert reset.send(reset.sees("粤B12345", at=time.time() - 40)).stops, "the same number after a reset"
    assert len(one.stored) == 3


def test_until_it_is_stored_the_camera_sends_it_again() -> None:
    with gate() as one:
        camera = ZhenshiCamera(one.port, one.path)
        one.camera.closed = True  # as at the end of the program
        record = camera.sees("粤B12345")
        reply = camera.send(record)
        assert (reply.status, reply.said) == (503, {})
        assert camera.waiting == [record]
        one.camera.closed = False
        camera.send_all()
    assert len(one.stored) == 1


def test_offline_records_keep_their_time_and_live_ones_take_ours_if_the_clock_of_the_camera_is_wrong() -> None:
    now = time.time()
    with gate() as one:
        camera = ZhenshiCamera(one.port, one.path)
        for at, offline in ((now - 7200, True), (now - 7200, False), (now - 20, False), (now + 9000, True)):
            assert camera.send(camera.sees("粤B12345", at=at, offline=offline)).stops
    times = [event.keyframe.captured_at.timestamp() for event in one.events]
    assert times[0] == pytest.approx(now - 7200, abs=0.01)
    assert times[1] >= now - 1
    assert times[2] == pytest.approx(now - 20, abs=0.01)
    assert times[3] >= now - 1, "a record of the future"
    assert len(one.shown) == 2, "an offline record is not the present picture"


def test_a_vehicle_without_plate_is_read_if_the_picture_shows_one() -> None:
    with gate() as one:
        camera = ZhenshiCamera(one.port, one.path)
        assert camera.send(camera.sees("", picture())).stops
        assert camera.send(camera.sees("", picture("粤B12345"))).stops
    assert [(event.plates, event.is_read, event.keyframe.reason) for event in one.events] == [
        ((), False, ViewReason.WITHOUT_PLATE),
        ((), True, ViewReason.PUSHED),
    ]


def test_heartbeats_are_answered_and_never_open() -> None:
    with gate(secret=SECRET_OF_PUSH, opens=True) as one:
        reply = ZhenshiCamera(one.port, one.path).beat()
        assert reply.status == 200
        assert not reply.opens
        assert one.camera.status().state is CameraState.ONLINE
    assert not one.stored


def test_hikvision_is_answered_with_nothing_more_than_yes() -> None:
    with gate(kind="hikvision", secret=SECRET_OF_PUSH) as one:
        camera = HikvisionCamera(one.port, one.path)
        assert camera.send("京AF0236").status == 200
        assert camera.send("京AF0236", eventType="heartBeat").status == 200
        assert camera.send("京AF0236", xml=b"<!DOCTYPE a []><a/>").status == 400
        assert camera.post(camera.body("京AF0236"), Authorization="Basic nonsense").status == 200
    assert [event.plates[0].text for event in one.events] == ["京AF0236", "京AF0236"]


def test_the_secret_may_come_as_a_password() -> None:
    with gate(kind="hikvision", secret=SECRET_OF_PUSH) as one:
        camera = HikvisionCamera(one.port, "/push/gate")
        body = camera.body("京AF0236")
        assert camera.post(body, Authorization=f"Bearer {SECRET_OF_PUSH}").status == 200
        basic = "YWRtaW46aW52ZW50ZWQtcHVzaC1zZWNyZXQtMQ=="
        assert camera.post(body, Authorization=f"Basic {basic}").status == 200
        assert camera.post(body).status == 403


@pytest.mark.parametrize(
    "path", ["/push/gate", "/push/gate/", "/push/gate/wrong", f"/push/gate/{SECRET_OF_PUSH}x", "/push/gate/%E7%B2%A4"]
)
def test_a_wrong_secret_is_refused(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with gate() as one:
        camera = ZhenshiCamera(one.port, path)
        assert camera.send(camera.sees("粤B12345")).status == 403
    assert not one.stored
    assert "camera gate: 1 post refused: 127.0.0.1 does not know its secret" in caplog.text
    assert SECRET_OF_PUSH not in caplog.text


@pytest.mark.parametrize("path", ["/", "/push", "/push/", "/push/other/x", "/api/v1/passages", "/push/gate%00"])
def test_other_paths_are_unknown(path: str) -> None:
    with gate() as one:
        assert post(one.port, path, b"{}").status == 404


def test_another_address_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    with gate(addresses=["192.0.2.0/24"]) as one:
        camera = ZhenshiCamera(one.port, one.path)
        assert camera.send(camera.sees("粤B12345")).status == 403
    assert not one.stored
    assert "127.0.0.1 is none of its addresses" in caplog.text


def test_the_right_address_is_enough() -> None:
    with gate(addresses="127.0.0.1") as one:
        camera = ZhenshiCamera(one.port, one.path)
        assert camera.send(camera.sees("粤B12345")).stops


def test_another_serial_number_is_refused() -> None:
    with gate(secret=SECRET_OF_PUSH, serial="the-right-one") as one:
        camera = ZhenshiCamera(one.port, one.path)
        assert camera.send(camera.sees("粤B12345")).status == 403
        camera.serial = "the-right-one"
        assert camera.send(camera.sees("粤B12345")).stops
    assert len(one.stored) == 1


def bomb() -> bytes:
    """Return a JPEG of some kilobytes that announces 60000 x 60000 pixels."""
    jpeg = bytearray(picture())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xea\x60\xea\x60"
    return bytes(jpeg)


def black(side: int) -> bytes:
    """Return a JPEG of so many pixels a side that has few bytes."""
    done, jpeg = cv2.imencode(".jpg", np.zeros((side, side), np.uint8))
    assert done
    return np.asarray(jpeg).tobytes()


@pytest.mark.parametrize(
    "jpeg",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"no picture", id="no picture"),
        pytest.param(picture()[:20_000], id="cut off"),
        pytest.param(bomb(), id="announces too much"),
        pytest.param(black(4500), id="is too large"),
    ],
)
def test_a_vehicle_with_an_unfit_picture_is_told_and_not_sent_for_ever(
    jpeg: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with gate() as one:
        camera = ZhenshiCamera(one.port, one.path)
        camera.send(camera.sees("粤B12345", jpeg))
        assert camera.send(camera.sees("粤B12345")).stops, "the next one is taken"
        assert not camera.waiting
        assert "The picture of a vehicle is" in one.camera.status().last_error
    assert len(one.stored) == 1
    assert "the vehicle was not stored" in caplog.text


def test_a_large_picture_becomes_one_that_may_be_sent() -> None:
    with gate() as one:
        camera = ZhenshiCamera(one.port, one.path)
        large = cv2.resize(cv2.imdecode(np.frombuffer(picture("粤B12345"), np.uint8), 1), (3840, 2160))
        jpeg = np.asarray(cv2.imencode(".jpg", large)[1]).tobytes()
        place = {"RECT": {"left": 1560, "top": 1500, "right": 2280, "bottom": 1728}}
        assert camera.send(camera.sees("粤B12345", jpeg, location=place)).stops
    (event,) = one.events
    assert (event.keyframe.width, event.keyframe.height, event.keyframe.scale) == (1920, 1080, 0.5)
    assert event.plates[0].corners == ((780, 750), (1140, 750), (1140, 864), (780, 864))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'{"AlarmInfoPlate": ' + b"[" * 3000, 400, id="nested"),
        pytest.param(b'{"AlarmInfoPlate": [' + b"{}," * 2_000_000 + b"]}", 400, id="many values"),
        pytest.param(b"{" + b" " * 8_000_000, 413, id="huge"),
    ],
)
def test_what_cannot_be_understood_is_refused(body: bytes, status: int) -> None:
    with gate() as one:
        assert post(one.port, one.path, body).status in (status, 0)
        camera = ZhenshiCamera(one.port, one.path)
        assert camera.send(camera.sees("粤B12345")).stops
    assert len(one.stored) == 1


def test_a_flood_is_refused_and_another_camera_is_served() -> None:
    over = threading.Event()
    with gate() as flooded, gate(name="other") as other:
        flooded.cameras["other"] = other.camera  # both behind one server
        body = json.dumps({"AlarmInfoPlate": 1}).encode()
        statuses: set[int] = set()

        def flood(path: str) -> None:
            while not over.is_set():
                statuses.add(post(flooded.port, path, body).status)

        with ThreadPoolExecutor(8) as pool:
            for n in range(8):
                pool.submit(flood, flooded.path if n % 2 else "/push/gate/guessed")
            until(lambda: {403, 429} <= statuses)
            camera = ZhenshiCamera(flooded.port, f"/push/other/{SECRET_OF_PUSH}")
            for plate in ("粤B12345", "京AF0236"):
                camera.sees(plate)
            camera.send_all()
            over.set()
        assert [event.plates[0].text for event in other.events] == ["粤B12345", "京AF0236"]
        assert statuses <= {400, 403, 429, 503, 0}
        assert not flooded.stored
        mine = ZhenshiCamera(flooded.port, flooded.path)
        mine.sees("苏EK3P82")
        mine.send_all()
        assert len(flooded.stored) == 1


def test_a_post_whose_sender_has_gone_is_not_stored() -> None:
    free, begun = threading.Event(), threading.Event()
    stored: list[VehiclePushed] = []

    def slow(event: VehiclePushed) -> bool:
        begun.set()
        assert free.wait(WAIT)
        stored.append(event)
        return True

    with gate(store=slow) as one:
        camera = ZhenshiCamera(one.port, one.path)
        first, second = camera.sees("粤B12345"), camera.sees("京AF0236")
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(camera.send, first)
            assert begun.wait(WAIT)
            assert camera.send(second, timeout=0.5).status == 0
            time.sleep(0.2)  # the server has seen that the camera hung up
            free.set()
            assert sending.result(WAIT).stops
            camera.send_all()
    assert [event.plates[0].text for event in stored] == ["粤B12345", "京AF0236"]


def asks(one: Gate, within: float = WAIT) -> str:
    """Wait until a passage may open, and return its key."""
    until = time.monotonic() + within
    while not one.stored:
        assert time.monotonic() < until
        time.sleep(0.005)
    return one.events[-1].passage.key


def open_soon(one: Gate, passage: str) -> bool:
    """Let the relay open for a passage as soon as the camera waits for that; False if it never does."""
    until = time.monotonic() + 3.0
    while time.monotonic() < until:
        try:
            one.camera.relay.open_for(passage)
        except BarrierError:
            time.sleep(0.005)
        else:
            return True
    return False


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_camera, "ANSWER_WITHIN", WAIT)


@pytest.mark.usefixtures("patient")
def test_the_answer_opens_the_relay_once_for_its_own_vehicle() -> None:
    with gate(secret=SECRET_OF_PUSH, opens=True) as one, ThreadPoolExecutor(1) as pool:
        camera = ZhenshiCamera(one.port, one.path)
        record = camera.sees("粤B12345")
        sending = pool.submit(camera.send, record)
        passage = asks(one)
        with pytest.raises(BarrierError, match="does not wait for an answer about this vehicle"):
            one.camera.relay.open_for("another")
        assert open_soon(one, passage)
        assert sending.result(WAIT).opens
        with pytest.raises(BarrierError):
            one.camera.relay.open_for(passage)
        assert not camera.beat().opens
        again = camera.send(record)
        assert again.stops
        assert not again.opens, "a record that comes again opens nothing"
    assert camera.relay == ["粤B12345"]


def test_after_the_deadline_the_answer_is_no_and_nothing_opens_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_camera, "ANSWER_WITHIN", 0.2)
    with gate(secret=SECRET_OF_PUSH, opens=True) as one:
        camera = ZhenshiCamera(one.port, one.path)
        reply = camera.send(camera.sees("粤B12345"))
        assert reply.stops
        assert not reply.opens
        with pytest.raises(BarrierError):
            one.camera.relay.open_for(one.events[0].passage.key)
        assert not camera.beat().opens
    assert not camera.relay


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "what", ["not allowed to", "offline", "late", "of the future", "without a time", "stored before the start"]
)
def test_what_is_not_fresh_or_not_allowed_is_never_asked_about(what: str) -> None:
    now = time.time()
    more: dict[str, dict[str, Any]] = {
        "offline": {"offline": True},
        "late": {"at": now - 30},
        "of the future": {"at": now + 60},
        "without a time": {"timeStamp": None},
    }
    store = (lambda _: False) if what == "stored before the start" else None
    with gate(store=store, secret=SECRET_OF_PUSH, opens=what != "not allowed to") as one:
        camera = ZhenshiCamera(one.port, one.path)
        reply = camera.send(camera.sees("粤B12345", **more.get(what, {})))
        assert reply.stops
        assert not reply.opens
        assert not any(event.may_open for event in one.events)


@pytest.mark.usefixtures("patient")
def test_an_answer_that_the_camera_did_not_wait_for_is_no_opening() -> None:
    with gate(secret=SECRET_OF_PUSH, opens=True) as one:
        camera = ZhenshiCamera(one.port, one.path)
        assert camera.send(camera.sees("粤B12345"), timeout=1.0).status == 0
        passage = asks(one)
        time.sleep(0.2)  # the server has seen that the camera hung up
        with pytest.raises(BarrierError, match="had hung up"):
            one.camera.relay.open_for(passage)
    assert not camera.relay


class SetClock(SystemClock):
    """A clock whose monotonic time a test moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.more = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.more


def until(what: Callable[[], bool]) -> None:
    limit = time.monotonic() + WAIT
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_a_camera_whose_heartbeats_are_missing_is_lost_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    clock = SetClock()
    with gate(clock=clock) as one:
        assert one.camera.status().state is CameraState.CONNECTING
        camera = ZhenshiCamera(one.port, one.path)
        camera.send(camera.sees("粤B12345"))
        clock.more += 1000
        time.sleep(1.2)
        assert one.camera.status().state is CameraState.ONLINE, "it never sent a heartbeat"
        camera.beat()
        clock.more += 1000
        until(lambda: one.camera.status().state is CameraState.RECONNECTING)
        assert "No heartbeat has come for" in one.camera.status().last_error
        camera.beat()
        until(lambda: one.camera.status().state is CameraState.ONLINE)
    assert [record.levelno for record in caplog.records if "is lost" in record.message] == [logging.WARNING]


@pytest.mark.errors_expected
def test_a_port_that_is_taken_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reopened_server, "AGAIN", 0.05)
    with gate() as one:
        settings = Settings().push.model_copy(update={"host": "127.0.0.1", "port": one.port})
        tries: list[HttpServer] = []

        def open_it() -> HttpServer:
            tries.append(open_push(settings, {}))
            return tries[-1]

        server = PushServer(open_it)
        thread = spawn(server.run, "second")
        until(lambda: "Port" in caplog.text)
    until(lambda: bool(tries))
    server.stop()
    thread.join(WAIT)
    assert caplog.text.count("Write another one in push.port.") == 1
