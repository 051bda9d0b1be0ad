"""A console over a drawn database, for tests of pages: cars before gates, read, unsure, unread and failed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import httpx
import pytest
from clips import Stage, Vehicle
from listening import running
from records import ANSWER, Database, new_key
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from streamwatch.config.settings import CameraSettings, Settings
from streamwatch.core.codes import CallOutcome, StateReason, ViewReason
from streamwatch.core.model import (
    Box,
    CallResult,
    Direction,
    Engine,
    FrameCorners,
    Keyframe,
    Passage,
    PlateText,
    Reading,
    Sighting,
    SightingStatus,
)
from streamwatch.health import ReloadReport, Snapshot
from streamwatch.http.limits import HttpLimits
from streamwatch.http.server import HttpServer
from streamwatch.http.sockets import listen
from streamwatch.imaging.jpeg import encode_picture
from streamwatch.store import DatabaseReader, KeyframeState, PassageOutcome, Store, open_reader, open_store
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.console import make_console

T = TypeVar("T")
CAMERAS = ("entry", "exit", "后门")
KINDS = {"blue": "ordinary", "green": "new energy small", "yellow": "ordinary", "black": "cross-border"}


@dataclass(frozen=True, slots=True)
class Visit:
    """A vehicle to draw. plate: what is on it; read: what the engine made of it, by default the same; "" for nothing.

    at: when it came. look: colour of its plate. sent: the state of its keyframes.
    """

    plate: str
    camera: str
    at: datetime
    look: str = "blue"
    outcome: PassageOutcome = PassageOutcome.READ
    confidence: float = 0.97
    read: str | None = None
    paid: bool = True
    closed: bool = True


@cache
def drawn(plate: str, look: str) -> tuple[bytes, tuple[float, float, float, float]]:
    """Return a car before the gate as a JPEG of 1280x720, and the box of its plate as x, y, width, height."""
    car = Vehicle(plate, look, enter=0, approach=1, stop=5, colour=(90 + sum(map(ord, plate)) % 120, 120, 110))
    stage = Stage([car], (1280, 720))
    stage.frame(1.5)
    picture = stage.frame(2.0)
    x, ground, scale, _ = car.pose(2.0) or (0, 0, 1, 0)
    sprite, _, (px, py, pw, ph) = car.sprite()
    k = scale / 2
    left, top = x - sprite.shape[1] * k / 2, ground - sprite.shape[0] * k + 65 * k
    jpeg = encode_picture(picture, 85)
    assert jpeg is not None
    return jpeg, (left + px * k, top + py * k, pw * k, ph * k)


def add(store: Store, visit: Visit) -> str:
    """Write all rows of one visit, and return the key of its passage."""
    jpeg, (x, y, w, h) = drawn(visit.plate, visit.look)
    corners = FrameCorners(((x, y), (x + w, y), (x + w, y + h), (x, y + h)))
    passage = Passage(
        key=new_key(),
        camera=visit.camera,
        opened_at=visit.at,
        last_seen=visit.at + timedelta(seconds=4),
        closed=visit.closed,
        direction=Direction.COMING if visit.closed else Direction.UNKNOWN,
    )
    text = visit.plate if visit.read is None else visit.read
    with store.together():
        store.passages.save(passage)
        view = Keyframe(
            key=new_key(),
            passage=passage.key,
            camera=visit.camera,
            captured_at=visit.at + timedelta(seconds=1.5),
            jpeg=jpeg,
            width=1280,
            height=720,
            crop=Box(0, 0, 1280, 720),
            scale=1.0,
            score=3.0,
            reason=ViewReason.LARGE_AND_SHARP if visit.outcome is PassageOutcome.READ else ViewReason.LAST_VIEW,
        )
        store.keyframes.save(view)
        engine = Engine.OCRCARS if visit.paid else Engine.LOCAL
        reading = Reading(
            key=new_key(),
            keyframe=view.key,
            passage=passage.key,
            camera=visit.camera,
            captured_at=view.captured_at,
            engine=engine,
            raw=text,
            plate=text,
            kind=KINDS[visit.look],
            repaired=False,
            confidence=visit.confidence,
            corners=corners,
        )
        readings = [reading] if text and visit.outcome in (PassageOutcome.READ, PassageOutcome.UNSURE) else []
        if visit.outcome is PassageOutcome.FAILED:
            store.keyframes.set_state(view.key, KeyframeState.FAILED, StateReason.NOT_SENT)
        elif visit.outcome is not PassageOutcome.PENDING:
            call = _paid(store, view, readings) if visit.paid else None
            reason = StateReason.NONE if visit.paid else StateReason.LOCAL_SURE
            store.keyframes.answered(view.key, readings, call, reason)
        if visit.outcome is PassageOutcome.READ:
            store.sightings.save(
                Sighting(
                    key=new_key(),
                    camera=visit.camera,
                    plate=text,
                    confidence=visit.confidence,
                    first_seen=visit.at,
                    last_seen=passage.last_seen,
                    reads=1,
                    status=SightingStatus.FINAL if visit.closed else SightingStatus.PROVISIONAL,
                    engine=engine,
                    passage=passage.key,
                    keyframe=view.key,
                ),
                [reading.key],
                KINDS[visit.look],
            )
        store.passages.set_outcome(passage.key, visit.outcome)
    return passage.key


def _paid(store: Store, view: Keyframe, readings: list[Reading]) -> str:
    key = new_key()
    store.calls.started(key, view.key, Engine.OCRCARS, 1, view.captured_at, view.jpeg)
    plates = tuple(PlateText(reading.raw, reading.confidence, None) for reading in readings)
    outcome = CallOutcome.READ if plates else CallOutcome.NO_PLATE
    result: CallResult = replace(ANSWER, outcome=outcome, plates=plates)
    store.calls.ended(key, result, view.captured_at + timedelta(seconds=0.4))
    return key


def some_visits(now: datetime) -> list[Visit]:
    """Return a day's mix, the oldest first."""
    ago = [now - timedelta(minutes=minutes) for minutes in (1500, 1440, 300, 180, 95, 60, 41, 30, 22, 13, 8, 5, 2, 1)]
    return [
        Visit("京A12345", "entry", ago[0]),
        Visit("京A12345", "exit", ago[1]),
        Visit("沪B8K219", "entry", ago[2], confidence=0.91),
        Visit("京A12345", "entry", ago[3], confidence=0.99),
        Visit("粤BD12345", "entry", ago[4], "green", paid=False),
        Visit("鲁F6T301", "exit", ago[5], "yellow"),
        Visit("浙C77Q10", "entry", ago[6], outcome=PassageOutcome.UNREAD),
        Visit("苏E0D8Q2", "exit", ago[7], outcome=PassageOutcome.UNSURE, confidence=0.41, read="苏E00802"),
        Visit("川A9P431", "后门", ago[8], confidence=0.88),
        Visit("闽D5566K", "entry", ago[9], outcome=PassageOutcome.FAILED),
        Visit("琼A3M778", "exit", ago[10], confidence=0.64),
        Visit("粤BF98765", "entry", ago[11], "green"),
        Visit("渝G20031", "后门", ago[12], outcome=PassageOutcome.UNREAD),
        Visit("京N7X8P2", "entry", ago[13], closed=False),
    ]


@dataclass
class DrawnBackend:
    """A program behind the console that watches nothing: settings, a snapshot, and one writer."""

    settings: Settings
    store: Store
    state: Snapshot | None = None
    ending: bool = False
    live: Any = None
    barriers: Any = None
    config_file: Path | None = None
    outward: Any = None
    reloads: list[str] = field(default_factory=list)
    turn: Lock = field(default_factory=Lock)

    def snapshot(self) -> Snapshot | None:
        return self.state

    def write(self, call: Callable[[Store], T]) -> T:
        with self.turn:
            return call(self.store)

    def stopping(self) -> bool:
        return self.ending

    def reload(self) -> ReloadReport:
        self.reloads.append("asked")
        return ReloadReport(datetime.now(UTC), restarted=("entry",))


@dataclass
class DrawnConsole:
    """A console that is served on loopback over a database with drawn passages."""

    url: str
    backend: DrawnBackend
    store: Store
    reader: DatabaseReader
    data_dir: Path

    def add(self, visit: Visit) -> str:
        """Write one more visit, and return the key of its passage."""
        return self.backend.write(lambda store: add(store, visit))


@contextmanager
def console_over(
    database_url: str, folder: Path, visits: list[Visit] | None = None, port: int = 0
) -> Iterator[DrawnConsole]:
    """Serve the console over a database, to which visits are added.

    visits: by default `some_visits` until now. port: 0 takes a free one.
    """
    data_dir = folder / "data"
    store = open_store(database_url, data_dir)
    for visit in some_visits(datetime.now(UTC)) if visits is None else visits:
        add(store, visit)
    reader = open_reader(database_url, data_dir)
    cameras = {name: CameraSettings(source=f"{name}.mp4") for name in CAMERAS}
    settings = Settings(database=database_url, data_dir=data_dir, cameras=cameras)
    backend = DrawnBackend(settings, store)
    server = HttpServer(make_console(backend, reader), listen("127.0.0.1", port, "a test"), HttpLimits(keep_alive=5))
    try:
        with running(server):
            yield DrawnConsole(f"http://127.0.0.1:{server.port}", backend, store, reader, data_dir)
            backend.ending = True
    finally:
        reader.close()
        store.close()


class Somebody:
    """Middleware that lets everybody be one person."""

    def __init__(self, app: ASGIApp, principal: Principal) -> None:
        self._app, self._principal = app, principal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = self._principal
        await self._app(scope, receive, send)


@contextmanager
def as_somebody(console: DrawnConsole, principal: Principal) -> Iterator[httpx.Client]:
    """Serve the same console to one person."""
    app = make_console(console.backend, console.reader, authentication=[Middleware(Somebody, principal=principal)])
    with (
        running(HttpServer(app, listen("127.0.0.1", 0, "a test"), HttpLimits())) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client,
    ):
        yield client


@pytest.fixture
def console(database: Database, tmp_path: Path) -> Iterator[DrawnConsole]:
    """Return a console that is served on loopback. A test that needs only one kind of database says `ONLY_SQLITE`."""
    with console_over(database.url, tmp_path) as served:
        yield served
