"""Starts and supervises everything that runs side by side.

    camera NAME   capture and gate of one camera                ──events──▶ recorder
    recorder      the one thread that writes the database       ──keyframes, once they are stored──▶ dispatcher
    reader N      has one keyframe after the other read         ──events──▶ recorder, ──answers──▶ camera NAME
    stand-in      the same with the local engine, while every reader waits for an answer that is overdue
    keeper        status file, watchdog, retention              ──tasks──▶ recorder
    health        answers /healthz and /metrics
    console       answers browsers; pages are made in a few more threads, while they are asked for
    heartbeat     notices that the whole process stood still (SIGSTOP), so that no thread seems to hang

An unexpected exception in any thread ends the process with code 1, for the service manager to restart. A database that
cannot be written for now (a full disk, a lock, a server that is away) does not end the process: events wait in memory
and are written as soon as that is possible.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial

from streamwatch.app.backends import DaemonBackend
from streamwatch.app.cameras import camera_of
from streamwatch.app.console_server import ConsoleServer, MakeConsole, console_address, open_console
from streamwatch.app.engine_pool import EnginePool
from streamwatch.app.gate_history import FindingRounds
from streamwatch.app.health_monitor import HealthMonitor
from streamwatch.app.housekeeping import Housekeeping
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.live_view import LiveCameras
from streamwatch.app.persistence import Persistence
from streamwatch.app.resume import resume
from streamwatch.app.retention_rounds import RetentionRounds
from streamwatch.app.shutdown import Shutdown
from streamwatch.app.substream_camera import Camera
from streamwatch.app.wiring import local_stands_in, make_dispatcher, make_intake, make_read_now, make_recorder
from streamwatch.app.workers import Answer, CameraWorker, ReaderAccess, ReadingWorker, answers
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.clock import BEAT, Awake, Clock
from streamwatch.core.errors import ConfigError, SourceUnreadable
from streamwatch.core.events import Event
from streamwatch.http.health import serve_health
from streamwatch.http.server import HttpServer
from streamwatch.pipeline import Channel, ChannelClosed, Dispatcher, Intake, Job, Notify, Pipeline
from streamwatch.store import EvidenceFiles, LastView, Store, open_reader
from streamwatch.system.allocator import share_memory_between_threads
from streamwatch.system.heartbeat import Heartbeats
from streamwatch.system.notify import Notifier
from streamwatch.system.threads import spawn

log = logging.getLogger(__name__)

ENDING = 5.0  # s that the end waits for the cameras' threads before the drain begins; one of them may hang
KEEPER_ENDING = 2.0  # s that the keeper may take to end
READING = 300.0  # s that one keyframe may take with all its attempts and time-outs


class Daemon:
    """Watches all cameras of a configuration, from frames to rows.

    It has 16 attributes because everything that runs side by side is put together here.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        evidence: EvidenceFiles,
        engines: EnginePool,
        clock: Clock,
        notify: Notify,
        stop: threading.Event,
    ) -> None:
        """stop: set it to end `run`; the engines may wait on it. Raise StoreError."""
        self._settings, self._store, self._clock = settings, store, clock
        self._engines = engines
        self._awake = Awake(clock)
        self._heartbeats = Heartbeats(self._awake.monotonic)
        self._lifecycle = Lifecycle(stop)
        persistence = Persistence(clock, self._lifecycle, self._heartbeats)
        self._writer = WriteQueue(store, clock, persistence, self._heartbeats)

        def dispatcher(take: Callable[[Event], None]) -> Dispatcher:
            access = ReaderAccess(evidence, persistence, self._writer, take)
            return make_dispatcher(settings, store, engines.of, clock, access)

        self._pipeline = Pipeline(
            make_recorder(lambda: settings, store, notify), dispatcher, attempt=self._writer.persist
        )
        reader = make_read_now(
            lambda: self._settings, engines.paid, self._pipeline.dispatcher.calls, self._record_now, clock
        )
        self._live = LiveCameras(clock, reader)
        self._cameras: dict[str, Camera] = {}
        self._answers: dict[str, Channel[Answer]] = {name: answers() for name in settings.cameras}
        self._last_views: dict[str, list[LastView]] = {}
        findings = FindingRounds(partial(open_reader, settings.database, settings.data_dir), clock.monotonic)
        self._monitor = HealthMonitor(
            settings, self._cameras, self._pipeline, persistence, self._heartbeats, clock, findings
        )
        self._notifier = Notifier()
        rounds = RetentionRounds(settings, store, evidence, clock, self._writer.ask)
        self._housekeeping = Housekeeping(
            self._monitor, rounds, store, self._writer, self._notifier, clock, self._lifecycle
        )

    def run(self, make_console: MakeConsole | None = None) -> int:
        """Work until a signal comes or every recording has ended; return the exit code. Raise StoreError.

        make_console: makes the pages, if there is to be a console.
        """
        share_memory_between_threads()
        self._lifecycle.stop_on_signals()
        now = self._clock.now()
        self._last_views = {name: self._store.passages.last_views(name, now) for name in self._settings.cameras}
        resume(self._settings, self._store, self._pipeline, self._clock)
        self._monitor.set_evidence(self._store.retention.evidence_bytes())
        self._cameras.update({name: self._camera(name) for name in self._settings.cameras})
        health, console = self._open_port(), self._start_console(make_console)
        log.info("watching %s; plates are read by %s", ", ".join(self._cameras), _engines(self._settings))
        recorder = self._spawn(self._record, "recorder")
        readers = self._start_readers()
        cameras = [self._spawn(partial(self._watch, name), f"camera {name}") for name in self._settings.cameras]
        keeper = self._spawn(self._housekeeping.run, "keeper")
        self._spawn(self._stay_awake, "heartbeat")
        self._notifier.ready()
        try:
            self._wait_for(cameras)
        finally:
            self._notifier.stopping()
            if console is not None:
                console.stop()
            drain = self._settings.shutdown.drain
            shutdown = Shutdown(self._pipeline.dispatcher, self._writer, self._lifecycle, self._clock, drain)
            shutdown.run(cameras, readers, recorder)
            keeper.join(KEEPER_ENDING)
            if not keeper.is_alive():
                self._housekeeping.write_last_status()
            if health is not None:
                health.stop()
        return 1 if self._lifecycle.failed else 0

    def _wait_for(self, cameras: list[threading.Thread]) -> None:
        for thread in cameras:
            while thread.is_alive() and not self._lifecycle.stop.is_set():
                thread.join(ENDING)
        if all(camera.ended for camera in self._cameras.values()):
            log.info("stopping: every recording has ended; `loop: true` plays a recording again and again")

    def _spawn(self, target: Callable[[], None], name: str) -> threading.Thread:
        return spawn(partial(self._guard, target, name), name)

    def _guard(self, target: Callable[[], None], name: str) -> None:
        """Run a thread's work; an error in it ends the daemon."""
        try:
            target()
        except ChannelClosed:
            pass
        except BaseException as error:
            self._lifecycle.fail(name, error)
            self._pipeline.dispatcher.close()
            self._writer.abandon()

    def _camera(self, name: str) -> Camera:
        return camera_of(self._settings, name, self._awake, self._spawn, partial(self._live.is_asked_for, name))

    def _open_port(self) -> HttpServer | None:
        """Start to answer /healthz and /metrics if the config names a port. A taken port does not stop the gate."""
        health = self._settings.health
        if health.port is None:
            return None
        try:
            server = serve_health(health.host, health.port, self._monitor.snapshot)
        except ConfigError as error:
            log.error("%s The cameras are watched all the same.", error)
            return None
        self._spawn(server.run, "health")
        return server

    def _start_console(self, make: MakeConsole | None) -> ConsoleServer | None:
        """Serve the console if the config wants one."""
        web = self._settings.web
        if make is None or not web.enabled:
            return None
        backend = DaemonBackend(
            lambda: self._settings, self._monitor, self._writer, self._store, self._lifecycle, self._live
        )
        opened = partial(open_console, self._settings, partial(make, backend))
        console = self._monitor.console = ConsoleServer(console_address(web), opened)
        self._spawn(console.run, "console")
        return console

    def _start_readers(self) -> list[threading.Thread]:
        paid, dispatcher = self._engines.pays, self._pipeline.dispatcher
        number = self._settings.recognizer.ocrcars.parallel if paid else 1
        jobs = {f"reader {n + 1}": dispatcher.next for n in range(number)}
        if paid and any(local_stands_in(self._settings.of(name)) for name in self._settings.cameras):
            jobs["stand-in"] = dispatcher.next_while_held
        return [self._spawn(partial(self._read, name, next_job), name) for name, next_job in jobs.items()]

    def _record(self) -> None:
        """Do the work of the recorder's thread."""
        with self._heartbeats.register("recorder"):
            self._writer.run()

    def _read(self, name: str, next_job: Callable[[float], Job | None]) -> None:
        """Do the work of a reader's thread, or of the stand-in's."""
        worker = ReadingWorker(self._pipeline.dispatcher, self._answers, self._lifecycle)
        with self._heartbeats.register(name, READING) as heartbeat:
            worker.run(next_job, heartbeat)

    def _watch(self, name: str) -> None:
        """Do the work of one camera's thread."""
        with self._heartbeats.register(f"camera {name}") as heartbeat:
            intake, attentive = self._intake(name), self._settings.attention.longest_blindness is not None
            worker = CameraWorker(
                self._cameras[name],
                intake,
                self._answers[name],
                self._submit,
                self._lifecycle,
                attentive,
                self._live.show,
            )
            try:
                worker.run(heartbeat)
            except SourceUnreadable as error:
                log.error("camera %s: %s", name, error)
                if len(self._settings.cameras) == 1:
                    self._lifecycle.mark_failed()

    def _intake(self, name: str) -> Intake:
        """Return the gate of a camera, which remembers the vehicles that an earlier run saw last."""
        intake = make_intake(self._settings, name)
        self._pipeline.recorder.counters.frames[name] = intake.counts
        for view in self._last_views.pop(name):  # popped, because their pictures are not needed any more
            intake.remember(view.passage, view.keyframe, view.plate)
        return intake

    def _submit(self, event: Event) -> None:
        """Have the recorder take an event. Raise ChannelClosed."""
        self._writer.put(partial(self._pipeline.take, event))

    def _record_now(self, event: Event) -> None:
        """Have the recorder take an event, and wait until that is done. Raise ChannelClosed, StoreError."""
        self._writer.ask_vital(partial(self._pipeline.take, event))

    def _stay_awake(self) -> None:
        """Do the work of the heartbeat's thread, so that a stop (SIGSTOP) looks like neither silence nor a hang."""
        while not self._lifecycle.wait_until_over(BEAT):
            self._awake.beat()


def _engines(settings: Settings) -> str:
    """Return the names of the engines that the cameras read with."""
    return " and ".join(dict.fromkeys(settings.of(name).recognizer.engine.value for name in settings.cameras))
