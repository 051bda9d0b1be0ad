"""The cameras of the daemon and their threads, of which each can be ended and started again alone."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from streamwatch.app.cameras import camera_of
from streamwatch.app.config_in_force import ConfigInForce
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.live_view import LiveCameras
from streamwatch.app.push_camera import PushCamera, PushWorker
from streamwatch.app.substream_camera import Camera
from streamwatch.app.wiring import make_intake
from streamwatch.app.workers import CameraAccess, CameraWorker, Message, ViewWanted, answers
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.codes import CameraState, LaneMode
from streamwatch.core.errors import SourceUnreadable
from streamwatch.core.events import DecisionMade
from streamwatch.core.model import Frame
from streamwatch.outward.barriers.camera_barrier import CameraRelays
from streamwatch.pipeline import Channel
from streamwatch.store import LastView
from streamwatch.system.heartbeat import Heartbeat, Heartbeats
from streamwatch.system.threads import Spawn

log = logging.getLogger(__name__)

ENDING = 10.0  # s that a camera's thread may take to end; it may be in the middle of decoding


@dataclass
class _Watched:
    """A camera that is watched: its thread, and the event that ends it. failed: it can never work as it is set."""

    camera: Camera
    settings: Settings
    ending: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    failed: bool = False


class CameraThreads:
    """Runs one thread for each camera. Any thread may use it.

    cameras, answers: by name; both follow when a camera comes or goes. relays: those that cameras pulse in an answer.
    """

    def __init__(
        self,
        config: ConfigInForce,
        access: CameraAccess,
        live: LiveCameras,
        lifecycle: Lifecycle,
        heartbeats: Heartbeats,
        clock: Clock,
        spawn: Spawn,
    ) -> None:
        """spawn: starts a thread whose unexpected errors end the daemon."""
        self._config, self._access, self._live, self._lifecycle = config, access, live, lifecycle
        self._heartbeats, self._clock, self._spawn = heartbeats, clock, spawn
        self._changing = threading.RLock()
        self._watched: dict[str, _Watched] = {}
        self.cameras: dict[str, Camera] = {}
        self.answers: dict[str, Channel[Message]] = {}
        self.relays = CameraRelays()

    def changing(self) -> AbstractContextManager[bool]:
        """Return a context in which cameras may be ended and started, and for others nothing has ended meanwhile."""
        return self._changing

    def start(self, name: str, last_views: list[LastView] | None = None) -> None:
        """Begin to watch a camera as the settings in force say.

        last_views: of the vehicles that an earlier run saw last; None if they are to be fetched from the database.
        """
        with self._changing:
            settings = self._config.now
            is_asked_for = partial(self._live.is_asked_for, name)
            camera = camera_of(settings, name, self._clock, self._spawn, is_asked_for, self.relays)
            watched = self._watched[name] = _Watched(camera, settings.of(name))
            if not isinstance(camera, PushCamera):  # it has no gate that could learn from answers
                self.answers.setdefault(name, answers())
            self.cameras[name] = camera
            watched.thread = self._spawn(partial(self._watch, name, watched, last_views), f"camera {name}")

    def end(self, names: Iterable[str]) -> list[str]:
        """End the threads of some cameras, and close their passages. Return the names of those that hang."""
        with self._changing:
            ending = {name: self._watched[name] for name in names}
            for watched in ending.values():
                watched.ending.set()
            until = self._clock.monotonic() + ENDING
            for watched in ending.values():
                assert watched.thread is not None
                watched.thread.join(max(0.0, until - self._clock.monotonic()))
            hanging = [name for name, watched in ending.items() if watched.thread and watched.thread.is_alive()]
            for name in ending.keys() - set(hanging):
                del self._watched[name]
            return hanging

    def hear(self, made: DecisionMade) -> None:
        """Take a decision: if an automatic opening depends on one more view, have it read at once. From any thread.

        Nothing is read if the vehicle has gone.
        """
        lane = self._config.now.lanes.get(made.lane)
        if not (made.live and made.wants_second_view) or lane is None or lane.mode is not LaneMode.AUTOMATIC:
            return
        camera, messages = self.cameras.get(made.camera), self.answers.get(made.camera)
        if camera is not None and messages is not None:
            messages.put(ViewWanted(made.passage, made.captured_at))
            camera.nudge()

    def forget(self, name: str) -> None:
        """Forget a camera that has ended and is not configured any more."""
        self.cameras.pop(name, None)
        self.answers.pop(name, None)
        self._access.forget(name)
        self._live.forget(name)

    def has_failed(self, name: str) -> bool:
        """True if a camera is not watched any more, because its source can never work."""
        return self._watched[name].failed

    @property
    def settings(self) -> Mapping[str, Settings]:
        """Return the settings with which each camera is watched."""
        return {name: watched.settings for name, watched in self._watched.items()}

    def states(self) -> dict[str, CameraState]:
        """Return the state of each camera at this moment."""
        return {name: camera.status().state for name, camera in list(self.cameras.items())}

    @property
    def threads(self) -> list[threading.Thread]:
        """Return the threads of all cameras."""
        return [watched.thread for watched in list(self._watched.values()) if watched.thread is not None]

    @property
    def all_over(self) -> bool:
        """True if no camera is watched any more."""
        with self._changing:
            return not any(thread.is_alive() for thread in self.threads)

    def _watch(self, name: str, watched: _Watched, last_views: list[LastView] | None) -> None:
        """Do the work of one camera's thread."""
        try:
            with self._heartbeats.register(f"camera {name}") as heartbeat:
                if isinstance(watched.camera, PushCamera):
                    self._take_posts(watched.camera, name, watched, heartbeat)
                    return
                intake = make_intake(watched.settings, name)
                self._access.count(name, intake.counts)
                for view in self._access.last_views(name) if last_views is None else last_views:
                    intake.remember(view.passage, view.keyframe, view.plate)
                attentive = watched.settings.attention.longest_blindness is not None
                worker = CameraWorker(
                    watched.camera,
                    intake,
                    self.answers[name],
                    self._access.submit,
                    self._over(watched),
                    attentive,
                    self._live.show,
                )
                worker.run(heartbeat)
        except SourceUnreadable as error:
            log.error("camera %s: %s", name, error)
            watched.failed = True
            if len(self._config.now.cameras) == 1:
                self._lifecycle.mark_failed()
        finally:
            self._lifecycle.tell()

    def _take_posts(self, camera: PushCamera, name: str, watched: _Watched, heartbeat: Heartbeat) -> None:
        """Do the work of the thread of a camera that posts what it has seen."""

        def show(frame: Frame) -> None:
            self._live.show(frame, lambda: None)

        worker = PushWorker(camera, name, watched.settings, self._clock, self._access.push, show)
        worker.run(heartbeat, self._over(watched))

    def _over(self, watched: _Watched) -> Callable[[], bool]:
        return lambda: self._lifecycle.stop.is_set() or watched.ending.is_set()
