"""Starts and stops everything that runs side by side. The only module that starts threads.

    camera NAME   capture and gate of one camera          ──events──▶ recorder
    recorder      the one writer of the database          ──keyframes, once they are stored──▶ outbox
    reader N      sends keyframes of the outbox           ──events──▶ recorder, ──answers──▶ camera NAME

An unexpected exception in any thread ends the process with code 1, for the service manager to restart.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

from streamwatch.capture import LiveCamera, Source, open_source
from streamwatch.clock import Clock
from streamwatch.config import Settings
from streamwatch.errors import SourceUnreadable, StorageFailed, StreamwatchError
from streamwatch.model import Keyframe, PlateText, Recognizer
from streamwatch.parts import make_intake
from streamwatch.pipeline import (
    Books,
    Channel,
    ChannelClosed,
    Event,
    KeyframeDropped,
    KeyframeTaken,
    Notify,
    PlatesRead,
    read_keyframe,
)
from streamwatch.store import Store

log = logging.getLogger(__name__)

GLANCE = 0.25  # s; how long a camera thread waits for a frame before it looks at its answers again
OUTBOX = 200  # keyframes that may wait for the engine; a keyframe is about 100 kB
EVENTS = 1000  # events that may wait for the database
DRAIN = 10.0  # s; how long a stop may take to read what was seen last

Answer = tuple[Keyframe, tuple[PlateText, ...] | None]


@dataclass(frozen=True, slots=True)
class _Written:
    """An event on its way to the database, and who waits for it. No event: all before it have been stored."""

    event: Event | None
    done: Future[None] = field(default_factory=Future)


def spawn(target: Callable[[], None], name: str) -> threading.Thread:
    """Starts a thread that does not keep the process alive."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


Spawn = Callable[[Callable[[], None], str], threading.Thread]


def live_camera(settings: Settings, name: str, clock: Clock, spawn: Spawn = spawn) -> LiveCamera:
    """A configured camera, opened and reopened as the settings say. spawn: starts the thread of each of its readers."""
    camera, capture = settings.cameras[name], settings.capture

    def open_it() -> Source:
        return open_source(
            name,
            camera.source,
            transport=camera.transport,
            loop=camera.loop,
            timeout=capture.deadline,
            clock=clock,
        )

    return LiveCamera(
        name,
        open_it,
        deadline=capture.deadline,
        reopen_first=capture.reopen_first,
        reopen_longest=capture.reopen_longest,
        clock=clock,
        spawn=spawn,
    )


def _say(thread: str, error: BaseException) -> None:
    if isinstance(error, StreamwatchError):
        log.error("%s: %s", thread, error)
    else:
        log.critical("%s failed unexpectedly", thread, exc_info=error)


class Daemon:
    """All cameras of a configuration, from frames to rows."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        recognizer: Recognizer,
        clock: Clock,
        notify: Notify,
        readers: int,
        stop: threading.Event,
    ) -> None:
        """readers: how many keyframes are read at once. stop: set it to end `run`; the recognizer may wait on it."""
        self._settings, self._recognizer, self._clock, self._stop = settings, recognizer, clock, stop
        self._readers = readers
        self._books = Books(
            store,
            window=settings.dedup.window,
            min_confidence=settings.sightings.min_confidence,
            notify=notify,
        )
        self._events: Channel[_Written] = Channel(EVENTS)
        self._outbox: Channel[Keyframe] = Channel(OUTBOX, worth=lambda keyframe: keyframe.captured_at.timestamp())
        self._answers: dict[str, Channel[Answer]] = {name: Channel(OUTBOX) for name in settings.cameras}
        self._failed = threading.Event()

    def run(self) -> int:
        """Works until a signal comes or every recording has ended; returns the exit code."""
        self._stop_on_signals()
        recorder = self._spawn(self._record_events, "recorder")
        readers = [self._spawn(self._read_keyframes, f"reader {n + 1}") for n in range(self._readers)]
        cameras = [self._spawn(partial(self._watch, name), f"camera {name}") for name in self._settings.cameras]
        try:
            for thread in cameras:
                while thread.is_alive() and not self._stop.is_set():
                    thread.join(GLANCE)
        finally:
            self._shut_down(cameras, readers, recorder)
        return 1 if self._failed.is_set() else 0

    def _shut_down(
        self, cameras: list[threading.Thread], readers: list[threading.Thread], recorder: threading.Thread
    ) -> None:
        """In the direction of the data, so that what was seen is read and what was read is stored."""
        deadline = self._clock.monotonic() + DRAIN
        for thread in cameras:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        if not self._failed.is_set() and not self._caught_up(deadline):
            log.warning("not everything was stored within %g s", DRAIN)
        self._outbox.close()
        for thread in readers:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        left = len(self._outbox.take_all())
        if left or any(thread.is_alive() for thread in readers):
            log.warning("%d pictures are stored but were not read within %g s of the stop", left, DRAIN)
        self._events.close()
        recorder.join(DRAIN)

    def _caught_up(self, deadline: float) -> bool:
        """Waits until the recorder has written every event that cameras left, so that the outbox is complete."""
        all_before = _Written(None)
        self._events.put(all_before)
        try:
            all_before.done.result(max(0.0, deadline - self._clock.monotonic()))
        except TimeoutError:
            return False
        return True

    def _spawn(self, target: Callable[[], None], name: str) -> threading.Thread:
        return spawn(partial(self._guard, target, name), name)

    def _guard(self, target: Callable[[], None], name: str) -> None:
        try:
            target()
        except ChannelClosed:
            pass
        except BaseException as error:
            if not self._failed.is_set():  # what fails afterwards is a consequence
                _say(name, error)
            self._fail()

    def _fail(self) -> None:
        self._failed.set()
        self._stop.set()
        self._events.close()
        self._outbox.close()
        for waiting in self._events.take_all():
            waiting.done.set_exception(StorageFailed("The program is stopping because of an error."))

    def _watch(self, name: str) -> None:
        """One camera's thread."""
        intake = make_intake(self._settings, name)
        live = live_camera(self._settings, name, self._clock, self._spawn)
        try:
            while not self._stop.is_set() and not live.ended:
                for keyframe, plates in self._answers[name].take_all():
                    intake.answered(keyframe, plates)
                frame = live.next_frame(GLANCE)
                if frame is not None:
                    self._submit(intake.look(frame))
        except SourceUnreadable as error:
            log.error("camera %s: %s", name, error)
            if len(self._settings.cameras) == 1:
                self._failed.set()
        finally:
            live.close()
            self._submit(intake.finish())

    def _submit(self, events: list[Event]) -> None:
        for event in events:
            self._events.put(_Written(event))

    def _record(self, event: Event) -> None:
        """Hands an event to the recorder and waits until it is stored."""
        written = _Written(event)
        try:
            self._events.put(written)
        except ChannelClosed:
            raise StorageFailed("The database is closed because the program is stopping.") from None
        written.done.result()

    def _record_events(self) -> None:
        """The recorder's thread."""
        while True:
            written = self._events.get()
            try:
                if written.event is not None:
                    self._books.record(written.event)
                if isinstance(written.event, KeyframeTaken):
                    self._post(written.event.keyframe)
            except BaseException as error:
                written.done.set_exception(error)
                raise
            written.done.set_result(None)

    def _post(self, keyframe: Keyframe) -> None:
        try:
            loser = self._outbox.put(keyframe)
        except ChannelClosed:
            log.warning("%s: a picture came too late to be read; it is stored", keyframe.camera)
            return
        if loser is not None:
            reason = f"more than {OUTBOX} pictures were waiting for the engine"
            self._books.record(KeyframeDropped(loser, reason))
            self._answers[loser.camera].put((loser, None))

    def _read_keyframes(self) -> None:
        """A reader's thread."""
        while True:
            keyframe = self._outbox.get()
            outcome = read_keyframe(keyframe, self._recognizer, self._record, self._clock)
            plates = outcome.plates if isinstance(outcome, PlatesRead) else None
            self._answers[keyframe.camera].put((keyframe, plates))

    def _stop_on_signals(self) -> None:
        def on_signal(number: int, _: FrameType | None) -> None:
            if self._stop.is_set():
                os._exit(128 + number)
            log.info("stopping: reading what was seen last; a second signal ends at once")
            self._stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
