"""Starts and supervises everything that runs side by side.

    camera NAME   capture and gate of one camera                ──events──▶ recorder
    recorder      the one thread that writes the database       ──keyframes, once they are stored──▶ dispatcher
    reader N      has one keyframe after the other read         ──events──▶ recorder, ──answers──▶ camera NAME
    stand-in      the same with the local engine, while every reader waits for an answer that is overdue
    lane NAME     asks for the openings of one lane                       ──decisions──▶ barrier NAME
    barrier NAME  opens one barrier; sensor NAME looks where it is    ──tasks──▶ recorder
    keeper        status file, watchdog, retention              ──tasks──▶ recorder
    receiver NAME sends what was committed to one receiver      ──tasks──▶ recorder
    mqtt          holds the link to the broker, and takes commands from it
    ping          gives signs of life to a service outside
    health        answers /healthz and /metrics
    console       answers browsers; pages are made in a few more threads, while they are asked for
    push          takes what cameras post that watch by themselves ──posts──▶ camera NAME
    heartbeat     notices that the whole process stood still (SIGSTOP), so that no thread seems to hang

An unexpected exception in any thread ends the process with code 1, for the service manager to restart. A database that
cannot be written for now (a full disk, a lock, a server that is away) does not end the process: events wait in memory
and are written as soon as that is possible.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from streamwatch.app.backends import DaemonBackend
from streamwatch.app.barriers import Barriers
from streamwatch.app.camera_threads import CameraThreads
from streamwatch.app.config_in_force import ConfigInForce
from streamwatch.app.console_access import console_address
from streamwatch.app.console_server import ConsoleServer, MakeConsole, open_console
from streamwatch.app.engine_pool import EnginePool
from streamwatch.app.gate_history import FindingRounds
from streamwatch.app.gatekeeper import Gatekeeper
from streamwatch.app.health_monitor import HealthMonitor
from streamwatch.app.housekeeping import Housekeeping
from streamwatch.app.lane_openers import LaneOpeners
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.live_view import LiveCameras
from streamwatch.app.mqtt_service import MqttService
from streamwatch.app.outward import Outward
from streamwatch.app.persistence import Persistence
from streamwatch.app.program_answers import ProgramAnswers
from streamwatch.app.push_address import push_cameras
from streamwatch.app.push_server import PushServer, open_push, without_tls
from streamwatch.app.reload import Reloader, ReloadReport
from streamwatch.app.resume import resume
from streamwatch.app.retention_rounds import RetentionRounds
from streamwatch.app.shutdown import Shutdown
from streamwatch.app.signs_of_life import give_signs_of_life
from streamwatch.app.wiring import local_stands_in, make_dispatcher, make_read_now, make_recorder
from streamwatch.app.workers import CameraAccess, ReaderAccess, ReadingWorker
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.clock import BEAT, Awake, Clock
from streamwatch.core.errors import ConfigError, StorageFailed
from streamwatch.core.events import Event
from streamwatch.core.text import some
from streamwatch.http.health import serve_health
from streamwatch.http.server import HttpServer
from streamwatch.pipeline import ChannelClosed, Dispatcher, Job, Notify, Pipeline
from streamwatch.store import EvidenceFiles, Store, open_reader
from streamwatch.system.allocator import share_memory_between_threads
from streamwatch.system.heartbeat import Heartbeats
from streamwatch.system.notify import Notifier
from streamwatch.system.threads import spawn

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # s after which the main thread looks if there is still something to wait for, also without news
KEEPER_ENDING = 2.0  # s that the keeper may take to end
ASKING = 10.0  # s that a reload waits for the writer
READING = 300.0  # s that one keyframe may take with all its attempts and time-outs


class Daemon:
    """Watches all cameras of a configuration, from frames to rows.

    It has 18 attributes because everything that runs side by side is put together here.
    """

    def __init__(
        self,
        config: ConfigInForce,
        store: Store,
        evidence: EvidenceFiles,
        engines: EnginePool,
        clock: Clock,
        notify: Notify,
        stop: threading.Event,
    ) -> None:
        """stop: set it to end `run`; the engines may wait on it. Raise StoreError."""
        self._config, self._store, self._clock = config, store, clock
        self._engines = engines
        self._awake = Awake(clock)
        self._heartbeats = Heartbeats(self._awake.monotonic)
        self._lifecycle = Lifecycle(stop)
        persistence = Persistence(clock, self._lifecycle, self._heartbeats)
        self._writer = WriteQueue(store, clock, persistence, self._heartbeats)

        def dispatcher(take: Callable[[Event], None]) -> Dispatcher:
            access = ReaderAccess(evidence, persistence, self._writer, take)
            return make_dispatcher(config.now, store, engines.of, clock, access)

        gatekeeper = Gatekeeper(config.get, store, clock)
        recorder = make_recorder(config.get, store, notify, gatekeeper)
        self._pipeline = Pipeline(recorder, dispatcher, attempt=self._writer.persist)
        access = CameraAccess(self._pipeline, store, self._writer, clock)
        reader = make_read_now(config.get, engines.paid, self._pipeline.dispatcher.calls, self._record_now, clock)
        self._live = LiveCameras(clock, reader)
        self._cameras = CameraThreads(
            config, access, self._live, self._lifecycle, self._heartbeats, self._awake, self._spawn
        )
        self._readers: dict[str, threading.Thread] = {}
        self._push: PushServer | None = None
        self._barriers = Barriers(config.get, self._writer, store, clock)
        self._cameras.relays = self._barriers.relays
        program = ProgramAnswers(config.get, evidence.load_keyframe, self._writer, store, clock)
        self._openers = LaneOpeners(config.get, self._barriers.request, self._writer, store, clock, program)
        gatekeeper.listeners += [self._openers.hear, self._cameras.hear]
        reader_of = partial(open_reader, config.now.database, config.now.data_dir)
        findings = FindingRounds(reader_of, clock.monotonic)
        mqtt = MqttService(config.get, self._cameras.states, self._barriers, reader_of, self._spawn)
        self._outward = Outward(config.get, store, self._writer, reader_of, clock, self._spawn, mqtt)
        self._monitor = HealthMonitor(
            config.get, self._cameras.cameras, self._pipeline, persistence, self._heartbeats, clock, findings
        )
        self._monitor.barriers = self._barriers
        self._reloader = Reloader(
            config, engines, self._cameras, self._pipeline.dispatcher, self._ask_soon, clock, self._reloaded
        )
        self._notifier = Notifier()
        rounds = RetentionRounds(config.get, store, evidence, clock, self._writer.ask)
        self._housekeeping = Housekeeping(
            self._monitor, rounds, store, self._writer, self._notifier, clock, self._lifecycle, self._outward
        )

    def run(self, make_console: MakeConsole | None = None) -> int:
        """Work until a signal comes or every recording has ended; return the exit code. Raise StoreError.

        make_console: makes the pages, if there is to be a console.
        """
        share_memory_between_threads()
        self._lifecycle.heed_signals()
        settings, now = self._config.now, self._clock.now()
        last_views = {name: self._store.passages.last_views(name, now) for name in settings.cameras}
        self._outward.prepare()
        resume(settings, self._store, self._pipeline, self._clock)
        if left := self._store.openings.recover(now):
            log.warning("%s of the last run had no end; nothing of them is sent", some(left, "opening"))
        self._monitor.set_evidence(self._store.retention.evidence_bytes())
        health = self._open_port()
        log.info("watching %s; plates are read by %s", ", ".join(settings.cameras), _engines(settings))
        recorder = self._spawn(self._record, "recorder")
        self._barriers.start(self._spawn)
        self._openers.start(self._spawn)
        self._start_readers()
        for name in settings.cameras:
            self._cameras.start(name, last_views.pop(name))
        keeper = self._spawn(self._housekeeping.run, "keeper")
        self._spawn(self._stay_awake, "heartbeat")
        self._outward.start()
        sign = give_signs_of_life(settings.health, self._monitor.snapshot, self._lifecycle, self._spawn)
        # Last: glibc gives heaps to threads in the order of their start, and 45 MB more went to four cameras otherwise.
        console = self._start_console(make_console)
        self._start_push()
        self._tell_status()
        self._notifier.ready()
        try:
            self._wait()
        finally:
            self._notifier.stopping()
            self._openers.stop()
            self._barriers.stop()
            if console is not None:
                console.stop()
            if self._push is not None:
                self._push.stop()
            drain = self._config.now.shutdown.drain
            shutdown = Shutdown(self._pipeline.dispatcher, self._writer, self._lifecycle, self._clock, drain)
            shutdown.run(self._cameras.threads, list(self._readers.values()), recorder, self._outward.stop)
            keeper.join(KEEPER_ENDING)
            if not keeper.is_alive():
                self._housekeeping.write_last_status()
            if sign is not None:
                sign.hang_up()
            if health is not None:
                health.stop()
        return 1 if self._lifecycle.failed else 0

    def _wait(self) -> None:
        """Wait for the end, and reload the settings when SIGHUP asks for it."""
        while not self._lifecycle.stop.is_set() and not self._cameras.all_over:
            if self._lifecycle.wait_for_news(LOOK_EVERY):
                self._reloader.reload()
        if all(camera.ended for camera in self._cameras.cameras.values()):
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

    def _open_port(self) -> HttpServer | None:
        """Start to answer /healthz and /metrics if the config names a port. A taken port does not stop the gate."""
        health = self._config.now.health
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
        web = self._config.now.web
        if make is None or not web.enabled:
            return None
        backend = DaemonBackend(
            self._config.get,
            self._monitor,
            self._writer,
            self._store,
            self._lifecycle,
            self._live,
            self._barriers,
            self._reloader.reload,
            self._config.file,
            self._outward,
        )
        opened = partial(open_console, self._config.now, partial(make, backend))
        console = self._monitor.console = ConsoleServer(console_address(web), opened)
        self._spawn(console.run, "console")
        return console

    def _start_push(self) -> None:
        """Let cameras post, if there is one that does, unless that is so already."""
        settings = self._config.now
        if self._push is not None or not push_cameras(settings):
            return
        if without_tls(settings.push):
            log.warning("without push.tls_certificate everybody on the network can read what cameras post, secrets too")
        self._push = PushServer(partial(open_push, settings.push, self._cameras.cameras))
        self._spawn(self._push.run, "push")

    def _start_readers(self) -> None:
        """Start the readers that the settings in force need, unless they run already."""
        settings, paid, dispatcher = self._config.now, self._engines.pays, self._pipeline.dispatcher
        number = settings.recognizer.ocrcars.parallel if paid else 1
        jobs = {f"reader {n + 1}": dispatcher.next for n in range(number)}
        if paid and any(local_stands_in(settings.of(name)) for name in settings.cameras):
            jobs["stand-in"] = dispatcher.next_while_held
        for name in jobs.keys() - self._readers.keys():
            self._readers[name] = self._spawn(partial(self._read, name, jobs[name]), name)

    def _record(self) -> None:
        """Do the work of the recorder's thread."""
        with self._heartbeats.register("recorder"):
            self._writer.run()

    def _read(self, name: str, next_job: Callable[[float], Job | None]) -> None:
        """Do the work of a reader's thread, or of the stand-in's."""
        worker = ReadingWorker(self._pipeline.dispatcher, self._cameras.answers, self._lifecycle)
        with self._heartbeats.register(name, READING) as heartbeat:
            worker.run(next_job, heartbeat)

    def _ask_soon(self, call: Callable[[], None]) -> None:
        """Have the writer's thread call a function. Raise StorageFailed if it has no time for it."""
        self._writer.ask_once(call, ASKING)

    def _reloaded(self, report: ReloadReport) -> None:
        """Take up what else follows the settings, and let the status file tell of it."""
        if not report.problems:
            self._start_readers()
            self._start_push()
            self._outward.reload()
            self._openers.start(self._spawn)
        self._monitor.reload = report
        self._tell_status()

    def _tell_status(self) -> None:
        with suppress(StorageFailed):  # the keeper tries again in a moment
            self._monitor.write_status(self._monitor.snapshot())

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
