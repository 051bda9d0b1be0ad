"""One connection to a camera: over TCP and UDP, with credentials, and every way to be refused."""

import errno
import socket
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, timedelta
from itertools import islice
from pathlib import Path

import av
import cv2
import pytest
from numbered import clip, number_in
from rtsp_server import Mode, RtspServer

from streamwatch.capture import Source, hardware, open_source
from streamwatch.capture.av_source import connection_lost
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import CaptureError, SourceLost, SourceUnreadable
from streamwatch.core.model import Frame


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("clips") / "gate.mp4", 100, gop=10, rate=50)


@pytest.mark.parametrize("decode", ["v4l2m2m", "vaapi", "nonsense"])
def test_a_hardware_decoder_that_is_not_there_is_said_once_and_software_decodes(
    decode: str, gate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hardware._opens.cache_clear()
    with RtspServer(gate) as server:
        for _ in range(2):
            source = open_source(
                "gate", server.url, transport="tcp", loop=False, timeout=5, clock=SystemClock(), decode=decode
            )
            frames = list(islice((frame for frame in source.frames() if frame), 3))
            source.close()
            assert len(frames) == 3
    assert caplog.messages == [f"The decoder {decode} cannot be used for h264 here, so software decodes."]


def opened(url: str, transport: str = "tcp", timeout: float = 0.5) -> Source:
    return open_source("gate", url, transport=transport, loop=False, timeout=timeout, clock=SystemClock())


def read(url: str, count: int, transport: str = "tcp") -> list[Frame]:
    source = opened(url, transport)
    frames = list(islice((frame for frame in source.frames() if frame), count))
    source.close()
    return frames


def failure(url: str, transport: str = "tcp") -> CaptureError:
    with pytest.raises(CaptureError) as failed:
        read(url, 1_000, transport)
    return failed.value


@pytest.fixture
def mute() -> Iterator[str]:
    """Yield host:port of a listener whose connections only the kernel accepts, and which says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_frames_come_in_order_with_their_capture_time(codec: str, transport: str, tmp_path: Path) -> None:
    with RtspServer(clip(tmp_path / "clip.mp4", 50, codec=codec, gop=10, rate=50)) as server:
        frames = read(server.url, 20, transport)
    first = number_in(frames[0].luma)
    assert [number_in(frame.luma) for frame in frames] == [(first + n) % 50 for n in range(20)]
    times = [frame.captured_at for frame in frames]
    assert times == sorted(times)
    assert all(time.tzinfo is UTC for time in times)
    assert times[-1] - times[0] < timedelta(seconds=5)


def test_a_stream_joined_in_the_middle_shows_no_broken_picture(tmp_path: Path) -> None:
    with RtspServer(clip(tmp_path / "clip.mp4", 50, gop=25, rate=50)) as server:
        read(server.url, 5)
        source = opened(server.url)
        signs = list(islice(source.frames(), 60))
        source.close()
    numbers = [number_in(frame.luma) for frame in signs if frame]
    assert numbers[0] % 25 == 0
    assert None in signs, "packets without a picture are signs of life"


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_credentials_of_the_address_are_used(auth: str, gate: Path) -> None:
    with RtspServer(gate, user="admin", password="p@ss:w/rd% 1", auth=auth) as server:  # type: ignore[arg-type]
        assert len(read(server.url, 3)) == 3


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("401", "refuses the user or the password"),
        ("404", "no stream at this path"),
        ("silent", "has not answered for 0.5 s"),
        ("frozen", "has not answered for 0.5 s"),
        ("garbage", "not a video stream"),
        ("hangup", "ended the stream"),
    ],
)
def test_a_camera_that_misbehaves_is_lost_with_the_reason(mode: Mode, message: str, transport: str, gate: Path) -> None:
    with RtspServer(gate, user="admin", password="hunter2") as server:
        server.misbehave(mode)
        lost = failure(server.url, transport)
    assert isinstance(lost, SourceLost)
    assert message in str(lost)
    assert "127.0.0.1" in str(lost)


def test_nobody_listens(gate: Path) -> None:
    with RtspServer(gate) as server:
        server.stop()
        lost = failure(server.url)
    assert isinstance(lost, SourceLost)
    assert "refuses the connection" in str(lost)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (av.error.OSError, "cannot be found or reached"),
        (av.error.ConnectionResetError, "closed the connection"),
        (av.error.HTTPForbiddenError, "forbids this user"),
        (av.error.HTTPServerError, "answers with an error of its own"),
        (av.error.FFmpegError, "cannot be read: what FFmpeg says"),
    ],
)
def test_errors_that_the_server_of_the_tests_does_not_make(error: type[av.error.FFmpegError], message: str) -> None:
    foreign = error(errno.EIO, "what FFmpeg says", "rtsp://admin:hunter2@camera.local/gate")
    lost = connection_lost("camera.local", foreign, timed_out=False, timeout=10)
    assert isinstance(lost, SourceLost)
    assert message in str(lost)
    assert "hunter2" not in str(lost)


def test_undecodable_packets_are_signs_of_life_and_no_frames(gate: Path) -> None:
    with RtspServer(gate) as server:
        server.misbehave("noise")
        source = opened(server.url)
        signs = list(islice(source.frames(), 30))
        source.close()
    assert signs == [None] * 30


@pytest.mark.parametrize("scheme", ["http", "rtmp", "rtsps"])
def test_other_protocols_give_up_in_time_too(scheme: str, mute: str) -> None:
    lost = failure(f"{scheme}://{mute}/live/stream")
    assert isinstance(lost, SourceLost)
    assert "has not answered" in str(lost)


def test_motion_jpeg_over_http() -> None:
    """Answers as cheap cameras do at /video.mjpg."""
    _, jpeg = cv2.imencode(".jpg", cv2.resize(cv2.merge([cv2.UMat(8, 8, cv2.CV_8U)] * 3), (64, 48)).get())
    part = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg.tobytes() + b"\r\n"

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
            connection.sendall(head + part * 20)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        frames = read(f"http://127.0.0.1:{listener.getsockname()[1]}/video.mjpg", 5)
        thread.join()
    assert [frame.luma.shape for frame in frames] == [(48, 64)] * 5


@pytest.mark.parametrize("mode", ["401", "404", "silent", "garbage", "hangup"])
def test_no_error_holds_the_credentials(mode: Mode, gate: Path) -> None:
    with RtspServer(gate, user="admin", password="hunter2") as server:
        server.misbehave(mode)
        lost = failure(f"{server.url}/user=admin&password=hunter2?pw=hunter2")
    assert "hunter2" not in "".join(traceback.format_exception(lost))
    assert "admin" not in str(lost)


@pytest.mark.parametrize(
    "url", ["rtsp://", "rtsp:///gate", "rtsp://admin:hunter/2@127.0.0.1/gate", "ftp://admin:hunter2@host/gate"]
)
def test_addresses_that_can_never_work_fail_for_good(url: str) -> None:
    refused = failure(url)
    assert isinstance(refused, SourceUnreadable)
    assert "hunter" not in str(refused)
    assert refused.what_to_do


def test_ffmpeg_itself_stays_silent(gate: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with RtspServer(gate, user="admin", password="hunter2") as server:
        server.misbehave("noise")
        source = opened(server.url)
        list(islice(source.frames(), 10))
        source.close()
        server.misbehave("404")
        failure(server.url)
    assert capfd.readouterr() == ("", "")
