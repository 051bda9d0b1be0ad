"""A lane with its recorder and gatekeeper over a real database, and a clock that tests move."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from streamwatch.app.gatekeeper import Gatekeeper
from streamwatch.app.wiring import make_recorder
from streamwatch.config.settings import Settings
from streamwatch.core.codes import PermitKind, ViewReason
from streamwatch.core.events import DecisionMade, KeyframeTaken, PassageClosed, PassageOpened, PlatesRead
from streamwatch.core.model import Box, Engine, Keyframe, Passage, PlateText
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import Store

START = datetime(2026, 3, 4, 4, tzinfo=UTC)  # a Wednesday
JPEG = b"\xff\xd8 a view \xff\xd9"


class MovedClock:
    """A clock that stands until it is moved."""

    plausible = trusted = True
    leapt = False

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1000.0 + self.passed


def lane_settings(**sections: Any) -> Settings:
    """Return settings with an entry and an exit, each with a barrier, of two live cameras."""
    values: dict[str, Any] = {
        "cameras": {name: {"source": f"rtsp://camera.invalid/{name}"} for name in ("gate", "way out")},
        "recognizer": {"engine": "local"},
        "barriers": {name: {"driver": "command", "command": ["true"]} for name in ("front", "back")},
        "lanes": {
            "entry": {"cameras": ["gate"], "mode": "automatic", "barrier": "front"},
            "exit": {"cameras": ["way_out"], "way": "out", "mode": "automatic", "barrier": "back"},
        },
    }
    values["cameras"] = {"gate": values["cameras"]["gate"], "way_out": values["cameras"]["way out"]}
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    return Settings.model_validate(values)


class Lane:
    """Vehicles that come to the cameras, and the decisions that are told. It may begin anew, as after a restart."""

    def __init__(self, store: Store, settings: Settings | None = None) -> None:
        self.store, self.settings, self.clock = store, settings or lane_settings(), MovedClock()
        self.made: list[DecisionMade] = []
        self.restart()

    def restart(self) -> None:
        self.gatekeeper = Gatekeeper(lambda: self.settings, self.store, self.clock)
        self.gatekeeper.listeners.append(self.made.append)
        self.recorder = make_recorder(lambda: self.settings, self.store, lambda *_: None, self.gatekeeper)

    def permit(self, *plates: str, kind: PermitKind = PermitKind.RESIDENT, **terms: Any) -> str:
        """Add a permit and return its key."""
        said = PermitTerms(kind=kind, plates=plates, **terms)
        return self.store.permits.add(said, "a test", self.clock.now()).key

    def comes(self, camera: str = "gate") -> Passage:
        now = self.clock.now()
        passage = Passage(uuid4().hex, camera, now, now)
        self.recorder.record(PassageOpened(passage))
        return passage

    def taken(self, passage: Passage) -> Keyframe:
        view = Keyframe(
            uuid4().hex,
            passage.key,
            passage.camera,
            self.clock.now(),
            JPEG,
            200,
            150,
            Box(0, 0, 200, 150),
            1.0,
            1.0,
            ViewReason.BEST_VIEW,
        )
        self.recorder.record(KeyframeTaken(view))
        return view

    def read(self, view: Keyframe, *plates: tuple[str, float | None], engine: Engine = Engine.LOCAL) -> None:
        texts = tuple(PlateText(text, confidence, None) for text, confidence in plates)
        self.recorder.record(PlatesRead(view, engine, texts, None))

    def goes(self, passage: Passage) -> None:
        now = self.clock.now()
        self.recorder.record(PassageClosed(Passage(passage.key, passage.camera, passage.opened_at, now, closed=True)))

    def sees(self, plate: str, confidence: float | None = 0.99, camera: str = "gate") -> Sequence[DecisionMade]:
        """Let a vehicle come, be read and go, and return the decisions that were told of it."""
        before = len(self.made)
        passage = self.comes(camera)
        self.read(self.taken(passage), (plate, confidence))
        self.goes(passage)
        return self.made[before:]
