"""A camera that watches and reads by itself: what it posts becomes passages, and its own reading a free one."""

import hashlib
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from streamwatch.app.push_admission import Admission
from streamwatch.capture import CameraStatus
from streamwatch.capture.push import BadPush, PushedPlate, hikvision, zhenshi
from streamwatch.capture.state import CameraRecord
from streamwatch.config.push_settings import PushCameraSettings, PushKind
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.codes import CameraState, ViewReason
from streamwatch.core.errors import SourceLost
from streamwatch.core.events import VehiclePushed
from streamwatch.core.model import Attention, Box, Frame, JpegCorners, Keyframe, Passage, Picture, PlateText
from streamwatch.detection import PlateDetector
from streamwatch.http.limits import HttpResponse
from streamwatch.http.post_head import BUSY, PostHead, plain
from streamwatch.imaging.jpeg import Jpeg, as_frame, encode
from streamwatch.imaging.limits import PictureLimits, UnfitPicture
from streamwatch.imaging.pictures import measure, open_picture
from streamwatch.outward.barriers.camera_barrier import CameraRelay
from streamwatch.system.heartbeat import Heartbeat

if TYPE_CHECKING:  # the server is a large import, and `check` starts none
    from streamwatch.http.posts import Exchange

log = logging.getLogger(__name__)

QUEUED = 3
"""Posts of one camera that may wait; a camera sends the next one when the last one was answered."""
LOOK_EVERY = 1.0
"""Seconds after which a camera's thread looks for the end again, and if the camera is silent."""
SILENT = 95.0
"""Seconds without any post after which a camera that sends heartbeats is lost: three of the slowest heartbeats."""
FRESH = timedelta(seconds=3)
"""The age, by both clocks, up to which a vehicle may be let in: what is older has waited somewhere."""
AHEAD = timedelta(seconds=2)
"""How far the camera's clock may be ahead for that."""
SAME_CLOCK = timedelta(seconds=60)
"""Up to this difference the camera's clock is believed for a vehicle that was sent at once."""
ANSWER_WITHIN = 1.0
"""Seconds after the whole post has come in which an opening may still be answered; cameras wait a little longer."""
SENT_WITHIN = 1.0
"""Seconds that the answer may take to the network."""
LIMITS = PictureLimits(bytes=6_000_000, side=8192, pixels=16_000_000)


class PushCamera:
    """A camera as the daemon uses it, and what takes its posts.

    CONNECTING ──first post──▶ ONLINE ──no heartbeat──▶ RECONNECTING ──post──▶ ONLINE

    A camera that has never sent a heartbeat is not missed. relay: its own.
    """

    def __init__(self, name: str, settings: PushCameraSettings, clock: Clock, relay: CameraRelay) -> None:
        self.settings, self.relay, self._clock = settings, relay, clock
        self._record = CameraRecord(name, clock)
        self._admission = Admission(name, settings, clock.monotonic)
        self._posts: Queue[Exchange] = Queue(QUEUED)
        self._heard, self._beats = clock.monotonic(), False
        self.closed = False

    @property
    def ended(self) -> bool:
        """False: it never ends."""
        return False

    def next_frame(self, timeout: float) -> Frame | None:
        """Return None: the camera sends vehicles, no frames."""
        return None

    def nudge(self) -> None:
        """Do nothing: it has no wait for a frame."""

    def attend(self, attention: Attention) -> bool:
        """Return False: it watches by itself."""
        return False

    def status(self) -> CameraStatus:
        """Return the status of the camera. From any thread."""
        return self._record.status(0, 0.0)

    def close(self) -> None:
        """Take no post any more, and send away those that wait."""
        self.closed = True
        while (exchange := self.next_post(0.0)) is not None:
            exchange.answer(BUSY)

    def refusal(self, secret: str, head: PostHead) -> HttpResponse | None:
        """Return the answer to a machine that may not post now; see `Admission`. Called on the event loop."""
        return self._admission.refusal(secret, head)

    def take(self, exchange: "Exchange") -> None:
        """Take a post; if too many wait, send it away. Called on the event loop."""
        try:
            if self.closed:
                raise Full
            self._posts.put_nowait(exchange)
        except Full:
            exchange.answer(BUSY)

    def next_post(self, timeout: float) -> "Exchange | None":
        """Return the next post, after up to `timeout` seconds; None if none has come."""
        try:
            return self._posts.get(timeout=timeout) if timeout else self._posts.get_nowait()
        except Empty:
            return None

    def heard(self, heartbeat: bool) -> None:
        """Note that a post of the camera came."""
        self._heard, self._beats = self._clock.monotonic(), self._beats or heartbeat
        if self._record.state is not CameraState.ONLINE:
            log.info("Camera %s is online: it posts.", self._record.name)
            self._record.came_back(CameraState.ONLINE)

    def listen(self) -> None:
        """Find out if the camera is silent."""
        silent = self._clock.monotonic() - self._heard
        if self._beats and silent > SILENT and self._record.state is CameraState.ONLINE:
            lost = SourceLost(f"No heartbeat has come for {silent:.0f} s.", "Is the camera on, and can it reach us?")
            log.warning("Camera %s is lost: %s", self._record.name, lost)
            self._record.last_error = str(lost)
            self._record.enter(CameraState.RECONNECTING)

    def took(self, frame: Frame) -> None:
        """Note a vehicle that is about to be stored."""
        self._record.hand_out(frame)

    def complain(self, why: str) -> None:
        """Note a post that is of no use."""
        if why != self._record.last_error:
            log.warning("camera %s: a post is of no use: %s", self._record.name, why)
        self._record.last_error = why


class PushWorker:
    """Does the work of one such camera's thread. push: stores a vehicle; it returns once that is safely done, and is
    False if it was stored before. show: gets the picture, for pages.
    """

    def __init__(
        self,
        camera: PushCamera,
        name: str,
        settings: Settings,
        clock: Clock,
        push: Callable[[VehiclePushed], bool],
        show: Callable[[Frame], None],
    ) -> None:
        """settings: those in force for this camera."""
        self._camera, self._name, self._clock, self._push, self._show = camera, name, clock, push, show
        self._jpeg, self._is_zhenshi = settings.jpeg, camera.settings.kind is PushKind.ZHENSHI
        self._detector: PlateDetector | None = None

    def run(self, heartbeat: Heartbeat, over: Callable[[], bool]) -> None:
        """Work until it has to end. Raise ChannelClosed, StoreError."""
        try:
            while not over():
                heartbeat.beat()
                exchange = self._camera.next_post(LOOK_EVERY)
                self._camera.listen()
                if exchange is not None and not exchange.abandoned:
                    self._serve(exchange)
        finally:
            self._camera.close()

    def _serve(self, exchange: "Exchange") -> None:
        """Answer one post. Until its vehicle is safely stored, no answer stops the camera from sending it again."""
        try:
            response = self._answer(exchange)
        except BaseException:
            exchange.answer(BUSY)
            raise
        if response is not None:
            exchange.answer(response)

    def _answer(self, exchange: "Exchange") -> HttpResponse | None:
        """Store what was posted and return the answer; None if it was answered already."""
        arrived = time.monotonic()
        try:
            pushed = self._read(exchange)
        except BadPush as error:
            self._camera.complain(f"{error}.")
            return plain(400, f"This cannot be understood: {error}.")
        if pushed is not None and not self._is_of(pushed):
            self._camera.complain("It has another serial number than cameras.NAME.push.serial.")
            return plain(403, "The serial number is another one.")
        self._camera.heard(heartbeat=pushed is None)
        if pushed is None:
            return self._said(opens=False)
        try:
            picture, jpeg = self._picture(pushed)
        except UnfitPicture as error:
            # It will not get better: the camera would send it for ever, and nothing else after it.
            self._camera.complain(f"The picture of a vehicle is {error}, and the vehicle was not stored.")
            return self._said(opens=False)
        now = self._clock.now()
        event = self._event(pushed, picture, jpeg, now)
        frame = as_frame(self._name, event.keyframe.captured_at, picture)
        self._camera.took(frame)
        if not pushed.offline:
            self._show(frame)
        is_new = self._push(event)
        if not (is_new and self._is_zhenshi and event.may_open):
            return self._said(opens=False)

        def opens() -> bool:
            exchange.answer(self._said(opens=True))
            return exchange.was_sent(SENT_WITHIN)

        answered = self._camera.relay.wait(event.passage.key, arrived + ANSWER_WITHIN, opens)
        return None if answered else self._said(opens=False)

    def _read(self, exchange: "Exchange") -> PushedPlate | None:
        if self._is_zhenshi:
            return zhenshi.read(exchange.body)
        return hikvision.read(exchange.head.headers.get("content-type", ""), exchange.body)

    def _is_of(self, pushed: PushedPlate) -> bool:
        serial = self._camera.settings.serial
        return not serial or pushed.serial == serial

    def _said(self, opens: bool) -> HttpResponse:
        if not self._is_zhenshi:
            return plain(200)
        return HttpResponse(200, (("Content-Type", "application/json"),), zhenshi.answer(opens))

    def _picture(self, pushed: PushedPlate) -> tuple[Picture, Jpeg]:
        """Return the picture, (height, width, 3) uint8 BGR, and the JPEG that is kept and read. Raise UnfitPicture.

        The camera's own JPEG is kept if it may be sent as it is.
        """
        measured = measure(pushed.picture, LIMITS)
        picture = open_picture(pushed.picture, LIMITS)
        height, width = picture.shape[:2]
        fits = len(measured.data) <= self._jpeg.max_bytes and max(width, height) <= self._jpeg.long_side
        if fits and measured.data.startswith(b"\xff\xd8") and b"Exif\0\0" not in measured.data:
            return picture, Jpeg(measured.data, width, height, 1.0)
        frame = as_frame(self._name, self._clock.now(), picture)
        whole = Box(0, 0, width, height)
        limits = self._jpeg
        return picture, encode(
            frame,
            whole,
            long_side=min(limits.long_side, max(width, height)),
            quality=limits.quality,
            max_bytes=limits.max_bytes,
        )

    def _event(self, pushed: PushedPlate, picture: Picture, jpeg: Jpeg, now: datetime) -> VehiclePushed:
        """Return the vehicle with keys that are the same whenever it is sent again."""
        record = pushed.record or hashlib.sha256(pushed.picture).hexdigest()
        # With its time: a camera that was reset counts its records from the beginning again.
        named = uuid5(NAMESPACE_URL, "\n".join((self._name, pushed.serial, record, str(pushed.taken_at))))
        at = _captured_at(pushed, now)
        height, width = picture.shape[:2]
        plates = () if pushed.plate is None else (_placed(pushed.plate, width, height, jpeg.scale),)
        shows_plate = bool(plates) or self._shows_plate(picture, at)
        keyframe = Keyframe(
            key=uuid5(named, "keyframe").hex,
            passage=named.hex,
            camera=self._name,
            captured_at=at,
            jpeg=jpeg.data,
            width=jpeg.width,
            height=jpeg.height,
            crop=Box(0, 0, width, height),
            scale=jpeg.scale,
            score=1.0,
            reason=ViewReason.PUSHED if shows_plate else ViewReason.WITHOUT_PLATE,
        )
        passage = Passage(named.hex, self._name, at, at, closed=True)
        may_open = self._camera.settings.opens and _is_fresh(pushed, now)
        return VehiclePushed(passage, keyframe, plates, shows_plate, may_open)

    def _shows_plate(self, picture: Picture, at: datetime) -> bool:
        """Return True if the plate detector sees a plate where the camera saw none."""
        self._detector = self._detector or PlateDetector()
        return bool(self._detector.find(as_frame(self._name, at, picture).luma))


def _captured_at(pushed: PushedPlate, now: datetime) -> datetime:
    """Return the time by the camera's clock for what it kept, or if its clock agrees with ours; else our own."""
    at = pushed.taken_at
    believed = at is not None and at <= now and (pushed.offline or now - at <= SAME_CLOCK)
    return at if at is not None and believed else now


def _is_fresh(pushed: PushedPlate, now: datetime) -> bool:
    """Return True if both clocks say that the vehicle is there now."""
    at = pushed.taken_at
    return not pushed.offline and at is not None and -AHEAD <= now - at <= FRESH


def _placed(plate: PlateText, width: int, height: int, scale: float) -> PlateText:
    """Return a plate with its place in the JPEG, or without one if it is not within the picture. scale: of the JPEG."""
    corners = plate.corners
    if corners is None or any(x > width or y > height for x, y in corners):
        return PlateText(plate.text, plate.confidence, None, plate.colour)
    a, b, c, d = ((x * scale, y * scale) for x, y in corners)
    return PlateText(plate.text, plate.confidence, JpegCorners((a, b, c, d)), plate.colour)
