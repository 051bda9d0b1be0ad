"""Cameras that give JPEG pictures over HTTP: polled or streamed, logged in, and every way to misbehave."""

import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from cameras import Make, closed_in_the_end
from http_camera import PASSWORD, USER, Auth, Handler, HttpCamera, jpegs, mjpeg, sends, snapshots
from numbered import number_in

from streamwatch.app.check import check
from streamwatch.capture import open_source
from streamwatch.capture.http_pictures import HttpPictures
from streamwatch.capture.jpegs import JpegExtractor
from streamwatch.capture.source import Source
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CameraState
from streamwatch.core.errors import CaptureError, SourceLost
from streamwatch.core.model import Attention
from streamwatch.replay.camera_cost import opened as benched

PICTURES = jpegs(5)


@pytest.fixture
def make() -> Iterator[Make]:
    with closed_in_the_end() as one:
        yield one


def opened(url: str, every: float = 0.1, timeout: float = 20.0, rotate: int = 0) -> Source:
    return open_source(
        "gate", url, transport="tcp", loop=False, timeout=timeout, clock=SystemClock(), every=every, rotate=rotate
    )


def numbers(source: Source, count: int) -> list[int]:
    try:
        return [number_in(frame.luma) for frame in islice((frame for frame in source.frames() if frame), count)]
    finally:
        source.close()


def failure(url: str, timeout: float = 20.0) -> str:
    with pytest.raises(CaptureError) as failed:
        numbers(opened(url, timeout=timeout), 1000)
    assert isinstance(failed.value, SourceLost)
    assert not any(piece in str(failed.value) for piece in (USER, "ge/he", "ge%2F", PASSWORD, "channel"))
    return str(failed.value)


@pytest.mark.parametrize("auth", ["", "basic", "digest"])
def test_a_camera_of_single_pictures_is_asked_again_and_again(auth: Auth) -> None:
    with HttpCamera(snapshots, auth) as camera:
        assert numbers(opened(camera.url, every=0.2), 4) == [0, 1, 2, 3]
    assert all(later - sooner > 0.1 for sooner, later in zip(camera.answered, camera.answered[1:], strict=False))
    assert camera.logins[0] == "", "nothing is sent before the camera has said how"
    assert camera.logins[1:] == [] or all(login.lower().startswith(auth) for login in camera.logins[1:])


@pytest.mark.parametrize("max_blind", [None, 2.0])
@pytest.mark.parametrize("attention", list(Attention))
def test_it_is_watched_like_any_other_and_stays_online(
    attention: Attention, max_blind: float | None, make: Make
) -> None:
    with HttpCamera() as camera:
        live = make(lambda: opened(camera.url, rotate=90), deadline=10.0, max_blind=max_blind)
        for _ in range(5):
            frame = live.next_frame(20)
            assert frame is not None
            assert frame.captured_at.tzinfo is UTC
            assert frame.luma.shape == (320, 192)
            number_in(np.rot90(frame.luma))
            live.attend(attention)
        assert live.status().state is CameraState.ONLINE
        assert live.status().attempts == 0


def test_check_and_bench_take_it(tmp_path: Path) -> None:
    with HttpCamera(auth="digest") as camera:
        settings = Settings.model_validate(
            {"cameras": {"gate": {"source": camera.url, "every": "100ms", "rotate": 90}}}
        )
        found = next(
            one for one in check(settings, tmp_path / "config.yaml", SystemClock()) if one.what == "camera gate"
        )
        assert (found.good, found.text) == (True, "sends pictures of 192 x 320")
        with benched(camera.url, SystemClock()) as bench:
            assert next(bench.frames).luma.shape == (192, 320)


HEAD = b"Content-Type: image/jpeg\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "between"),
    [
        (b"", lambda picture: b"--frame\r\n" + HEAD + picture + b"\r\n"),
        (HEAD, lambda picture: picture + b"\r\n--frame\r\n" + HEAD),
        (b"", lambda picture: picture + b"\r\n--frame\r\n" + HEAD),
        (b"--frame\r\n", lambda picture: picture + b"\r\n--frame\r\n"),
        (b"", lambda picture: b"--frame\r\n\r\n" + picture),
        (b"", lambda picture: b"--other\r\nX: \xff\xd8\xff nonsense\r\n\r\n" + picture),
        (b"", lambda picture: picture),
        (b"", lambda picture: b"--frame\r\n" + HEAD + picture[:-2]),
    ],
    ids=["right", "no first boundary", "no first head", "no heads", "empty heads", "odd heads", "nothing", "no ends"],
)
def test_mjpeg_needs_neither_boundaries_nor_heads(first: bytes, between: Callable[[bytes], bytes]) -> None:
    with HttpCamera(mjpeg(between, first)) as camera:
        assert numbers(opened(camera.url), 10) == list(range(10))
        assert "ended the stream" in failure(camera.url)


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", ""])
def test_a_picture_is_known_by_its_content_where_its_kind_is_not_told(kind: str) -> None:
    with HttpCamera(sends(PICTURES[3], kind)) as camera:
        assert numbers(opened(camera.url), 3) == [3, 3, 3]


def test_a_picture_within_a_picture_is_no_end() -> None:
    thumbnail = PICTURES[1]
    app1 = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail
    whole = PICTURES[2][:2] + app1 + PICTURES[2][2:]
    extractor = JpegExtractor("it")
    data = b"junk\xff\xd8" + whole + b"junk" + whole
    found = [picture for n in range(len(data)) for picture in extractor.feed(data[n : n + 1])]
    assert found == [whole, whole]


def drips(head: bytes, drop: bytes) -> Callable[[Handler, int], None]:
    def answer(handler: Handler, _: int) -> None:
        handler.wfile.write(head)
        while True:
            handler.wfile.write(drop)
            handler.wfile.flush()
            time.sleep(0.05)

    return answer


def with_size(width: int, height: int) -> bytes:
    at = PICTURES[0].index(b"\xff\xc0") + 5
    return PICTURES[0][:at] + struct.pack(">HH", height, width) + PICTURES[0][at + 4 :]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (sends(b"", status=403), "forbids this user"),
        (sends(b"", status=404), "nothing at this path (404)"),
        (sends(b"", status=503), "HTTP status 503"),
        (sends(b""), "without a JPEG picture"),
        (sends(b"no picture at all" * 100), "without a JPEG picture"),
        (sends(with_size(60000, 60000)), "pictures of 60000 x 60000"),
        (mjpeg(lambda _: bytes(100_000), pace=0.0), "without a JPEG picture"),
        (mjpeg(lambda _: bytes(1_000_000), pace=0.0), "32 MB without a whole JPEG picture"),
        (drips(b"HTTP/1.1 200 OK\r\nX: ", b"x"), "has not answered for 1 s"),
        (drips(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n", b"x"), "has not answered for 1 s"),
        (drips(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), "has not answered for 1 s"),
        (drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "has not answered for 1 s"),
    ],
    ids=[
        "403", "404", "503", "empty", "text", "bomb", "no pictures", "endless", "head drips", "body drips",
        "untold drips", "continues",
    ],
)  # fmt: skip
def test_a_camera_that_misbehaves_is_lost_with_the_reason(answer: Callable[[Handler, int], None], words: str) -> None:
    with HttpCamera(answer) as camera:
        assert words in failure(camera.url, timeout=1.0 if "not answered" in words else 20.0)


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_a_login_that_is_wrong_or_missing_is_said(auth: Auth) -> None:
    with HttpCamera(auth=auth) as camera:
        missing = camera.url.replace(camera.url.split("//")[1].split("@")[0] + "@", "")
        assert "wants a user and a password (401)" in failure(missing)
        assert "refuses the user or the password (401)" in failure(camera.url.replace(USER, "wrong"))


def test_nobody_listens() -> None:
    with HttpCamera() as camera:
        pass
    assert "refuses the connection" in failure(camera.url)


def test_a_redirect_goes_without_the_password() -> None:
    with HttpCamera(snapshots) as other:

        def answer(handler: Handler, _: int) -> None:
            handler.send_response(302)
            handler.send_header("Location", f"http://localhost:{other.port}/other.jpg")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with HttpCamera(answer, "basic") as camera:
            assert numbers(opened(camera.url), 2) == [0, 1]
    assert set(other.logins) == {""}


def test_stopping_ends_what_is_waited_for() -> None:
    over = threading.Event()

    def answer(handler: Handler, number: int) -> None:
        if number:
            over.wait(60)
        snapshots(handler, number)

    with HttpCamera(answer) as camera:
        source = opened(camera.url, timeout=60)
        assert isinstance(source, HttpPictures)
        threading.Timer(0.5, source.stop).start()
        with pytest.raises(SourceLost):
            list(source.frames())
        assert not over.is_set()
        over.set()
        source.close()
