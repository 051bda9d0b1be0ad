"""The verb `check`: tries everything that `run` will need. It changes nothing and pays nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from streamwatch.app.cameras import main_stream, substream_of
from streamwatch.app.console_access import console_address, protection
from streamwatch.app.mqtt_service import try_broker
from streamwatch.app.notify_receivers import try_people
from streamwatch.app.push_address import PUSH_FILES, push_address, push_cameras
from streamwatch.app.receivers import try_webhook
from streamwatch.app.wiring import local_stands_in, make_recognizer
from streamwatch.capture import LiveCamera
from streamwatch.config.barrier_settings import BarrierSettings
from streamwatch.config.push_settings import PushKind
from streamwatch.config.settings import Reads, Settings
from streamwatch.core.clock import Clock
from streamwatch.core.errors import ConfigError, SourceLost, StreamwatchError
from streamwatch.http.sockets import listen
from streamwatch.http.tls import tls_context
from streamwatch.outward.barriers.camera_barrier import CameraRelays
from streamwatch.recognition.ocrcars.reach import reach
from streamwatch.store.inspection import inspect_store, require_makeable
from streamwatch.store.lock import is_held, lock_file
from streamwatch.system.kill_switch import KillSwitch
from streamwatch.system.threads import spawn


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried. what: its name. good: `run` can use it. text: what was found, and what to do."""

    what: str
    good: bool
    text: str


def check(settings: Settings, config: Path, clock: Clock) -> Iterator[Finding]:
    """Try the database, the engine, the port and every camera, one after the other, and yield what was found."""
    yield _finding("database", partial(_try_database, settings))
    engines = _engines(settings)
    for engine, one in engines.items():
        yield _finding("engine" if len(engines) == 1 else f"engine {engine}", partial(_try_engine, one))
    if settings.health.port is not None:
        yield _finding("health", partial(_try_port, settings))
    if settings.web.enabled:
        yield _finding("console", partial(_try_console, settings))
    if not settings.cameras:
        yield Finding("cameras", False, str(no_camera(config)))
    if posting := push_cameras(settings):
        yield _finding("push", partial(_try_push, settings))
    for name in posting:
        yield Finding(f"camera {name}", True, _push_advice(settings, name))
    yield from _outward(settings)
    for name, barrier in settings.barriers.items():
        yield _finding(f"barrier {name}", partial(_try_barrier, barrier, settings))
    for name in [name for name in settings.cameras if name not in posting]:
        main = partial(main_stream, settings, name, clock, spawn)
        yield _finding(f"camera {name}", partial(_try_camera, main, settings, clock, _own(settings, name)))
        if settings.cameras[name].watch is not None:
            small = partial(substream_of, settings, name, clock, spawn)
            yield _finding(f"camera {name}, substream", partial(_try_camera, small, settings, clock))


def _outward(settings: Settings) -> Iterator[Finding]:
    outward = settings.outward
    for name, webhook in outward.webhooks.items():
        yield _finding(f"webhook {name}", partial(try_webhook, webhook))
    if outward.mqtt.host:
        yield _finding("mqtt", partial(try_broker, outward.mqtt))
    for name, people in outward.notify.items():
        yield _finding(f"notify {name}", partial(try_people, name, people))


def _try_barrier(barrier: BarrierSettings, settings: Settings) -> str:
    """Look for a relay and ask its sensor. Nothing is opened, and no line is taken from a daemon that runs."""
    from streamwatch.app.barrier_drivers import make_barrier, make_sensor

    driver, said = make_barrier(barrier, CameraRelays()), "nothing was opened"
    try:
        driver.reach()
    finally:
        driver.end()
    if barrier.sensor is not None and not is_held(settings.database, settings.data_dir):
        sensor = make_sensor(barrier.sensor)
        try:
            position = sensor.position()
        finally:
            sensor.end()
        said = f"{said}; its sensor says {position.value if position else 'neither open nor closed'}"
    return f"{barrier.driver}: {said}{'; the kill switch is on' * KillSwitch(settings.data_dir).is_on}"


def _engines(settings: Settings) -> dict[Reads, Settings]:
    """Return the engines that the cameras read with, each with the settings in force for its first camera."""
    by_camera = [settings.of(name) for name in settings.cameras] or [settings]
    return {one.recognizer.engine: one for one in reversed(by_camera)}


def no_camera(config: Path) -> ConfigError:
    """Return the error of a config (its file) that names no camera."""
    return ConfigError(f"{config} names no camera.", "Add one under `cameras:`, for example `source: sample`.")


def _finding(what: str, attempt: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, attempt())
    except StreamwatchError as error:
        return Finding(what, False, str(error))


def _try_database(settings: Settings) -> str:
    lock = lock_file(settings.database, settings.data_dir)
    require_makeable(f"The lock file {lock}", lock)
    return inspect_store(settings.database, settings.data_dir)


def _try_port(settings: Settings) -> str:
    host, port = settings.health.host, settings.health.port
    assert port is not None
    if is_held(settings.database, settings.data_dir):
        return "not tried, because a streamwatch runs"
    listen(host, port, "health", "health.port").close()
    return f"port {port} of {host} is free"


def _try_console(settings: Settings) -> str:
    address = console_address(settings.web)
    if is_held(settings.database, settings.data_dir):
        return f"{address}; not tried, because a streamwatch runs"
    protection(settings)
    listen(settings.web.host, settings.web.port, "the console", "web.port").close()
    return f"{address} will be served"


def _try_push(settings: Settings) -> str:
    push = settings.push
    tls_context(push.tls_certificate, push.tls_key, PUSH_FILES)
    if is_held(settings.database, settings.data_dir):
        return f"port {push.port} of {push.host}; not tried, because a streamwatch runs"
    listen(push.host, push.port, "cameras that post", "push.port").close()
    return f"port {push.port} of {push.host} is free for cameras that post"


def _push_advice(settings: Settings, name: str) -> str:
    """Return what is to be entered in the page of a camera that posts."""
    camera = settings.cameras[name].push
    assert camera is not None
    scheme = "http" if settings.push.tls_certificate is None else "https"
    secret = "; write its secret for SECRET" if camera.secret is not None else ""
    resend = ", and let it send again until it is answered" if camera.kind is PushKind.ZHENSHI else ""
    return (
        f"posts by itself ({camera.kind}): enter in its page the address of this machine, port {settings.push.port}, "
        f"{scheme}, path {push_address(settings, name)}{secret}; let it send the whole picture{resend}"
        f"{_own(settings, name)}"
    )


def _try_engine(settings: Settings) -> str:
    make_recognizer(settings, lambda _: True).close()
    engine = settings.recognizer.engine
    if engine is Reads.LOCAL:
        return "local: installed; reads on this machine and costs nothing"
    ocrcars = settings.recognizer.ocrcars
    reach(ocrcars.endpoint, ocrcars.connect_timeout)
    stands_in = "stands in" if local_stands_in(settings) else "does not stand in"
    return (
        f"{engine}: credentials are set, the service can be reached (they are tried only by a paid call); "
        f"the local engine {stands_in} where no call can be made"
    )


def _own(settings: Settings, name: str) -> str:
    """Return the end of a sentence that tells a camera's own settings."""
    own = "; ".join(f"{key}: {_written(value)}" for key, value in settings.cameras[name].own.items())
    return f"; its own settings: {own}" if own else ""


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _try_camera(open_it: Callable[[], LiveCamera], settings: Settings, clock: Clock, own: str = "") -> str:
    live = open_it()
    patience = 2 * settings.capture.deadline
    until = clock.monotonic() + patience
    try:
        while clock.monotonic() < until:
            frame = live.next_frame(0.25)
            if frame is not None:
                height, width = frame.luma.shape
                return f"sends pictures of {width} x {height}{own}"
            if error := live.status().last_error:
                raise SourceLost(error)
    finally:
        live.close()
    raise SourceLost(f"No picture came within {patience:g} s.", "Is the camera on, and is its address right?")
