"""Makes cameras from settings: each with one stream, or with a substream beside it."""

from collections.abc import Callable

from streamwatch.app.push_camera import PushCamera
from streamwatch.app.substream_camera import Camera, SubstreamCamera
from streamwatch.app.wiring import make_activity_detector
from streamwatch.capture import LiveCamera, ReopenTimes, Source, open_source
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.outward.barriers.camera_barrier import CameraRelays
from streamwatch.system.threads import Spawn

STUCK = 10.0
"""A substream that sends the same picture for so many seconds is not relied upon: it would not show a vehicle."""


def camera_of(
    settings: Settings,
    name: str,
    clock: Clock,
    spawn: Spawn,
    is_asked_for: Callable[[], bool] = lambda: False,
    relays: CameraRelays | None = None,
) -> Camera:
    """Return a camera that is opened and reopened as the settings say. spawn: starts the thread of each reader.

    is_asked_for: True while a person looks at its picture. relays: of cameras that post, for their barriers.
    """
    push = settings.cameras[name].push
    if push is not None:
        return PushCamera(name, push, clock, (relays or CameraRelays()).of(name))
    main = main_stream(settings, name, clock, spawn)
    if settings.cameras[name].watch is None or settings.of(name).attention.longest_blindness is None:
        return main
    small = substream_of(settings, name, clock, spawn)
    return SubstreamCamera(name, main, small, make_activity_detector(settings, name), clock, is_asked_for)


def main_stream(settings: Settings, name: str, clock: Clock, spawn: Spawn) -> LiveCamera:
    """Return the stream that the gate sees."""
    source, frozen_after = settings.cameras[name].source, settings.capture.frozen_after
    return _stream(settings, name, name, source, clock, spawn, frozen_after)


def substream_of(settings: Settings, name: str, clock: Clock, spawn: Spawn) -> LiveCamera:
    """Return the stream that is watched while nothing happens."""
    source, frozen_after = settings.cameras[name].watch, min(STUCK, settings.capture.frozen_after)
    assert source is not None
    return _stream(settings, name, f"{name} (substream)", source, clock, spawn, frozen_after, rough=True)


def _stream(
    settings: Settings,
    name: str,
    title: str,
    source: str,
    clock: Clock,
    spawn: Spawn,
    frozen_after: float,
    rough: bool = False,
) -> LiveCamera:
    camera, capture = settings.cameras[name], settings.capture

    def open_it() -> Source:
        return open_source(
            name,
            source,
            transport=camera.transport,
            loop=camera.loop,
            timeout=capture.deadline,
            clock=clock,
            decode=settings.decode,
            rotate=camera.rotate,
            every=camera.every,
        )

    return LiveCamera(
        title,
        open_it,
        times=ReopenTimes(capture.deadline, capture.reopen_first, capture.reopen_longest, frozen_after),
        clock=clock,
        spawn=spawn,
        max_blind=settings.of(name).attention.longest_blindness,
        rough=rough,
    )
