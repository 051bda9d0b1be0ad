"""Starts and stops everything that runs side by side. The only module that starts threads.

    camera NAME   capture and gate of one camera          ──events──▶ recorder
    recorder      the one owner of the database           ──keyframes, once they are stored──▶ dispatcher
    reader N      has keyframes read that are worth it    ──events──▶ recorder, ──answers──▶ camera NAME
    stand-in      the same with the local engine, while every reader waits for an answer that is overdue
    keeper        status file, watchdog, retention        ──tasks──▶ recorder
    health        answers /healthz and /metrics
    heartbeat     tells a process that stood still (SIGSTOP) from cameras and threads that hang

An unexpected exception in any thread ends the process with code 1, for the service manager to restart. A database that
can not be written for now (full disk, a lock, a server that is away) is none: events wait in memory and are written
when it can be again.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import Any

from streamwatch.app.cameras import camera_of
from streamwatch.app.housekeeping import Housekeeping
from streamwatch.app.parts import local_stands_in, make_books, make_dispatcher, make_intake
from streamwatch.app.resume import resume
from streamwatch.app.vitals import Vitals
from streamwatch.app.watched import Camera
from streamwatch.config.settings import Settings
from streamwatch.core.clock import BEAT, Awake, Clock
from streamwatch.core.errors import ConfigError, SourceUnreadable, StorageFailed, StreamwatchError
from streamwatch.core.events import Event, KeyframeKept, KeyframeTaken
from streamwatch.core.model import Engine, Keyframe, PlateText, Recognizer
from streamwatch.core.words import some
from streamwatch.health import STATUS_FILE, DatabaseHealth, DiskHealth, Snapshot, write_status
from streamwatch.http.health import serve_health
from streamwatch.http.server import HttpServer
from streamwatch.pipeline import Channel, ChannelClosed, Dispatcher, Job, Notify, dropping
from streamwatch.store import LastView, Store
from streamwatch.system import stderr
from streamwatch.system.allocator import give_memory_back, share_memory_between_threads
from streamwatch.system.notify import Notifier
from streamwatch.system.pulse import Pulse, Pulses

log = logging.getLogger(__name__)

GLANCE = 0.5  # s between two looks at what ends
ENDING = 5.0  # s that a camera's thread which hangs may hold up the end, before the drain begins
ANSWERED = 1.2  # s; how long a camera thread waits for a frame before it looks at its answers again, or at the end
REST = 10.0  # s that a thread sleeps which is woken when there is work
ANSWERS = 200  # answers that may wait for a camera's thread
EVENTS = 1000  # events that may wait for the database
TELL_EVERY = 5.0  # s; status file
TIDY_EVERY, TIDY_SHORT = 300.0, 60.0  # s; retention, and the same while there is less room than there should be
GIVE_BACK_FIRST = 15.0  # s after the start to the first time that freed memory goes back; then twice as long each time
READING = 300.0  # s that one keyframe may take with all its attempts and time-outs
STORE_AGAIN_FIRST, STORE_AGAIN_LONGEST = 1.0, 30.0  # s between tries to write while the database can not be written

Answer = tuple[Keyframe, tuple[PlateText, ...] | None]
Spawn = Callable[[Callable[[], None], str], threading.Thread]


@dataclass(frozen=True, slots=True)
class _Task:
    """Work for the recorder, and who waits for it. event: written down; call: asked of the store; else a barrier."""

    event: Event | None = None
    call: Callable[[], Any] | None = None
    done: Future[Any] = field(default_factory=Future)


def spawn(target: Callable[[], None], name: str) -> threading.Thread:
    """Starts a thread that does not keep the process alive."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


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
        self._settings, self._store, self._clock, self._stop = settings, store, clock, stop
        self._readers, self._paid = readers, recognizer.engine is Engine.OCRCARS
        self._books = make_books(settings, store, notify)
        self._dispatcher: Dispatcher = make_dispatcher(settings, store, recognizer, clock, self)
        self._tasks: Channel[_Task] = Channel(EVENTS)
        self._answers: dict[str, Channel[Answer]] = {
            name: Channel(ANSWERS, worth=lambda answer: answer[0].captured_at.timestamp()) for name in settings.cameras
        }
        self._failed, self._failing = threading.Event(), threading.Lock()
        self._hurry, self._give_up = threading.Event(), threading.Event()
        self._beat: Callable[[], None] = lambda: None
        self._cameras: dict[str, Camera] = {}
        self._last_views: dict[str, list[LastView]] = {}
        self._awake = Awake(clock)
        self._pulses = Pulses(self._awake.monotonic)
        self._notifier = Notifier()
        self._vitals = Vitals(self._cameras, self._dispatcher, self._books.tally, clock, self._pulses)

    def run(self) -> int:
        """Works until a signal comes or every recording has ended; returns the exit code. Raises StoreError."""
        share_memory_between_threads()
        self._stop_on_signals()
        now = self._clock.now()
        self._last_views = {name: self._store.last_views(name, now) for name in self._settings.cameras}
        resume(self._settings, self._store, self._books, self._dispatcher, self._clock)
        self._vitals.evidence = self._store.evidence_bytes()
        self._cameras.update({name: self._camera(name) for name in self._settings.cameras})
        health = self._open_port()
        log.info("watching %s; plates are read by %s", ", ".join(self._cameras), self._settings.recognizer.engine)
        recorder = self._spawn(self._keep_books, "recorder")
        readers = [
            self._spawn(partial(self._read_keyframes, self._dispatcher.next), f"reader {n + 1}")
            for n in range(self._readers)
        ]
        if self._paid and local_stands_in(self._settings):
            readers.append(self._spawn(partial(self._read_keyframes, self._dispatcher.next_while_held), "stand-in"))
        cameras = [self._spawn(partial(self._watch, name), f"camera {name}") for name in self._settings.cameras]
        keeper = self._spawn(self._keep_house, "keeper")
        self._spawn(self._stay_awake, "heartbeat")
        self._notifier.ready()
        try:
            for thread in cameras:
                while thread.is_alive() and not self._stop.is_set():
                    thread.join(ENDING)
            if all(camera.ended for camera in self._cameras.values()):
                log.info("stopping: every recording has ended; `loop: true` plays a recording again and again")
        finally:
            self._notifier.stopping()
            self._shut_down(cameras, readers, recorder)
            keeper.join(GLANCE * 4)
            if not keeper.is_alive():
                self._write_last_status()
            if health is not None:
                health.stop()
        return 1 if self._failed.is_set() else 0

    def load(self, key: str) -> Keyframe:
        """For the dispatcher: a stored keyframe, fetched by the recorder."""
        keyframe: Keyframe = self._ask(_Task(call=partial(self._store.load_keyframe, key)))
        return keyframe

    def record(self, event: Event) -> None:
        """For the dispatcher: hands an event to the recorder and waits until it is stored."""
        self._ask(_Task(event=event))

    def _ask(self, task: _Task) -> Any:
        """Raises ChannelClosed, which ends the calling thread quietly, when the program is stopping."""
        self._tasks.put(task)
        return task.done.result()

    def _shut_down(
        self, cameras: list[threading.Thread], readers: list[threading.Thread], recorder: threading.Thread
    ) -> None:
        """In the direction of the data, so that what was seen is read and what was read is stored."""
        self._hurry.set()
        drain = self._settings.shutdown.drain
        deadline = self._clock.monotonic() + drain
        for thread in cameras:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        if not self._failed.is_set():
            self._drain(deadline)
        self._dispatcher.close()
        for thread in readers:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        left, _, _ = self._dispatcher.backlog()
        if left:
            log.warning("%s waiting on disk, to be read at the next start", some(left, "picture"))
        self._give_up.set()
        self._tasks.close()
        recorder.join(max(1.0, drain))

    def _drain(self, deadline: float) -> None:
        """Waits until what the cameras left is stored, and read as far as that can be done now."""
        barrier = _Task()
        try:
            if not self._tasks.offer(barrier):
                raise TimeoutError
            barrier.done.result(max(0.0, deadline - self._clock.monotonic()))
        except TimeoutError:
            log.error("not everything that was seen could be stored before the end")
        while self._clock.monotonic() < deadline and self._dispatcher.backlog()[0] and self._can_be_read():
            self._give_up.wait(0.05)

    def _can_be_read(self) -> bool:
        """Whether what waits has a chance before the end: from the service, or from the local engine that stands in."""
        return not self._dispatcher.breakers() or self._dispatcher.held_for() <= 0

    def _spawn(self, target: Callable[[], None], name: str) -> threading.Thread:
        return spawn(partial(self._guard, target, name), name)

    def _guard(self, target: Callable[[], None], name: str) -> None:
        try:
            target()
        except ChannelClosed:
            pass
        except BaseException as error:
            with self._failing:
                if not self._failed.is_set():  # what fails afterwards is a consequence
                    _say(name, error)
                self._failed.set()
            self._fail()

    def _fail(self) -> None:
        self._failed.set()
        self._stop.set()
        self._hurry.set()
        self._give_up.set()
        self._tasks.close()
        self._dispatcher.close()
        for waiting in self._tasks.take_all():
            waiting.done.set_exception(StorageFailed("The program is stopping because of an error."))

    def _camera(self, name: str) -> Camera:
        return camera_of(self._settings, name, self._awake, self._spawn)

    def _open_port(self) -> HttpServer | None:
        """Start to answer /healthz and /metrics, if that is wanted; a port that is taken does not stop the gate."""
        health = self._settings.health
        if health.port is None:
            return None
        try:
            server = serve_health(health.host, health.port, self._snapshot)
        except ConfigError as error:
            log.error("%s The cameras are watched all the same.", error)
            return None
        self._spawn(server.run, "health")
        return server

    def _snapshot(self) -> Snapshot:
        return self._vitals.snapshot(self._settings.data_dir, self._settings.retention.min_free)

    def _keep_house(self) -> None:
        """The keeper's thread."""
        housekeeping = Housekeeping(self._settings, self._store, self._clock, self._call)
        tidied = given_back = self._clock.monotonic()
        until_given_back = GIVE_BACK_FIRST
        server: Future[Any] | None = None
        while not self._give_up.wait(min(self._notifier.interval or TELL_EVERY, TELL_EVERY)):
            if self._clock.monotonic() - given_back >= until_given_back:
                given_back, until_given_back = self._clock.monotonic(), min(TIDY_EVERY, 2 * until_given_back)
                give_memory_back()
            stderr.tell()
            self._store.require_file()
            server = self._look_after_server(server)
            snapshot = self._snapshot()
            self._notifier.status(self._vitals.sentence())
            if snapshot.stalled:
                log.error("no progress: %s", ", ".join(snapshot.stalled))
            else:
                self._notifier.watchdog()
            try:
                write_status(self._settings.data_dir / STATUS_FILE, snapshot)
                pause = min(TIDY_SHORT, TIDY_EVERY) if self._short_of_room(snapshot.disk) else TIDY_EVERY
                if self._clock.monotonic() - tidied >= pause and snapshot.database.ok:
                    tidied = self._clock.monotonic()
                    self._vitals.evidence = housekeeping.tidy()
            except StorageFailed as error:
                log.debug("%s", error)  # the recorder says it, as soon as it has something to write

    def _look_after_server(self, asked: Future[Any] | None) -> Future[Any] | None:
        """Has a lost connection taken up again also while nothing is seen. asked: the time before.

        Does not wait for it, because a server that is away must not look like a program that hangs. Raises StoreError.
        """
        if asked is not None and not asked.done():
            return asked
        if asked is not None:
            with suppress(StorageFailed):  # given up, because the program is stopping
                asked.result()
        task = _Task(call=self._store.require_server)
        return task.done if self._tasks.offer(task) else None

    def _write_last_status(self) -> None:
        """What was seen and read while the daemon stopped counts, too."""
        try:
            write_status(self._settings.data_dir / STATUS_FILE, self._snapshot())
        except StorageFailed as error:
            log.debug("%s", error)  # a disk that is full has been told of

    def _stay_awake(self) -> None:
        """The heartbeat's thread: after a stop (SIGSTOP) nobody takes the time that passed for silence or a hang."""
        while not self._give_up.wait(BEAT):
            self._awake.beat()

    def _short_of_room(self, disk: DiskHealth) -> bool:
        return disk.free < disk.floor or disk.evidence > self._settings.retention.max_bytes

    def _call(self, call: Callable[[], Any]) -> Any:
        """Has the recorder do something with the store, between two events."""
        return self._ask(_Task(call=call))

    def _watch(self, name: str) -> None:
        """One camera's thread."""
        with self._pulses.pulse(f"camera {name}") as pulse:
            self._watch_camera(name, pulse)

    def _watch_camera(self, name: str, pulse: Pulse) -> None:
        intake = make_intake(self._settings, name)
        self._books.tally.frames[name] = intake.counts
        for view in self._last_views.pop(name):
            intake.remember(view.passage, view.keyframe, view.plate)
        live = self._cameras[name]
        attentive = self._settings.attention.longest_blindness is not None
        try:
            while not self._stop.is_set() and not live.ended:
                pulse.beat()
                for keyframe, plates in self._answers[name].take_all():
                    intake.answered(keyframe, plates)
                frame = live.next_frame(ANSWERED)
                if frame is None or (attentive and live.attend(intake.attention(frame))):
                    continue
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
            self._tasks.put(_Task(event=event))

    def _keep_books(self) -> None:
        """The recorder's thread."""
        self._store.persist = self._until_stored
        with self._pulses.pulse("recorder") as pulse:
            while True:
                with pulse.resting():
                    task = self._tasks.get()
                self._do(task, pulse)

    def _do(self, task: _Task, pulse: Pulse) -> None:
        self._beat = pulse.beat
        try:
            task.done.set_result(self._carry_out(task))
        except BaseException as error:
            task.done.set_exception(error)
            if task.call is None:
                raise

    def _carry_out(self, task: _Task) -> Any:
        if task.call is not None:
            return self._until_stored(task.call)
        if task.event is not None:
            self._write(task.event)
        return None

    def _write(self, event: Event) -> None:
        self._until_stored(partial(self._books.work_out, event))
        self._until_stored(self._books.catch_up)
        self._post(event)

    def _until_stored(self, attempt: Callable[[], Any]) -> Any:
        """Tries again while the machine is at fault: nothing that was seen is lost to a full disk."""
        pause, trouble = STORE_AGAIN_FIRST, False
        while True:
            self._beat()
            self._store.clock_trusted = self._clock.trusted
            try:
                result = attempt()
            except StorageFailed as error:
                if not trouble:
                    log.error("%s Watching goes on; what is seen is written as soon as that is possible.", error)
                    self._vitals.database = DatabaseHealth(self._clock.now(), str(error))
                trouble = True
                if self._give_up.is_set():
                    raise
                self._hurry.wait(pause)
                pause = GLANCE if self._hurry.is_set() else min(STORE_AGAIN_LONGEST, 2 * pause)
                if self._hurry.is_set():
                    self._give_up.wait(GLANCE)
            else:
                if trouble:
                    log.warning("the database and the evidence folder can be written again")
                    self._vitals.database = DatabaseHealth()
                return result

    def _post(self, event: Event) -> None:
        """What is stored may be read."""
        dropped = self._dispatcher.heard(event)
        if isinstance(event, KeyframeTaken | KeyframeKept):
            self._vitals.evidence += len(event.keyframe.jpeg)
        if isinstance(event, KeyframeTaken):
            dropped = self._dispatcher.add(self._books.as_waiting(event.keyframe))
        for lost in dropped:
            self._write(dropping(lost))

    def _read_keyframes(self, next_job: Callable[[float], Job | None]) -> None:
        """A reader's thread, or the stand-in's."""
        with self._pulses.pulse(threading.current_thread().name, READING) as pulse:
            self._read_while_open(next_job, pulse)

    def _read_while_open(self, next_job: Callable[[float], Job | None], pulse: Pulse) -> None:
        while not self._give_up.is_set():
            pulse.beat()
            job = next_job(REST)
            if job is None:
                if self._dispatcher.closed:
                    return
                continue
            served = self._dispatcher.serve(job)
            if served.keyframe is not None and not served.again and served.keyframe.camera in self._answers:
                self._answers[served.keyframe.camera].put((served.keyframe, served.plates))

    def _stop_on_signals(self) -> None:
        def on_signal(number: int, _: FrameType | None) -> None:
            if self._stop.is_set():
                os._exit(128 + number)
            self._stop.set()  # first: a second signal may come while the line is written, and must not write another
            log.info("stopping: reading what was seen last; a second signal ends at once")

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
