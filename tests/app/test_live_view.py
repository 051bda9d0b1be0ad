"""The present picture of a camera, what its gate sees, and reading it now."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from records import rows

from streamwatch.app.live_view import CACHED_FOR, WATCHED_FOR, LiveCameras
from streamwatch.app.read_now import ReadNow
from streamwatch.app.wiring import make_recorder
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CallOutcome
from streamwatch.core.errors import Doubtful, RecognitionError
from streamwatch.core.events import Event
from streamwatch.core.model import CallResult, Engine, Frame, JpegCorners, Ledger, Picture, PlateText, Recognizer
from streamwatch.gate import FrameReport, Why
from streamwatch.imaging.jpeg import decode_picture
from streamwatch.pipeline import Budget, CallLimits, ChannelClosed, CircuitBreaker, PaidCalls
from streamwatch.store import open_store

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
BLUE = JpegCorners(((100.0, 50.0), (220.0, 50.0), (220.0, 90.0), (100.0, 90.0)))


class Ahead(SystemClock):
    """A clock that the test sets ahead. ahead: seconds."""

    ahead = 0.0

    def monotonic(self) -> float:
        return self.ahead


class Paid:
    """A paid engine: each call is charged once, and brings these plates or fails."""

    engine = Engine.OCRCARS

    def __init__(self, plates: Sequence[PlateText] = (PlateText("京AF0236", 0.99, BLUE),)) -> None:
        self.plates, self.sent, self.fails = plates, list[bytes](), False
        self.meanwhile: Callable[[], object] = lambda: None

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        ledger.about_to_pay(1, jpeg)
        self.sent.append(jpeg)
        self.meanwhile()
        if self.fails:
            ledger.ended(1, CallResult(CallOutcome.DOUBTFUL, None, 0, 1.0))
            raise Doubtful("The service has not answered.")
        ledger.ended(1, CallResult(CallOutcome.READ, True, 1, 0.5, 200, plates=tuple(self.plates)))
        return list(self.plates)

    def close(self) -> None: ...


class Free(Paid):
    """A local engine; nothing is charged."""

    engine = Engine.LOCAL

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        self.sent.append(jpeg)
        return list(self.plates)


class House:
    """Live cameras over a real store. record: what writes an event down."""

    def __init__(self, folder: Path, clock: SystemClock, paid: Recognizer | None = None, hour: int | None = None):
        settings = Settings.model_validate({"cameras": {"gate": {"source": "sample"}}, "data_dir": folder})
        self.database = folder / "gate.db"
        self.store = open_store(f"sqlite:///{self.database}", folder)
        self.record: Callable[[Event], None] = make_recorder(lambda: settings, self.store, lambda *_: None).record
        budget = Budget(CallLimits(hour=hour), {}, lambda since, camera: 0, clock.now(), clock.monotonic())
        self.calls = PaidCalls(CircuitBreaker(20), budget, clock)
        self.free = Free()
        reader = ReadNow(
            lambda: settings, lambda: paid, lambda: self.free, self.calls, lambda event: self.record(event), clock
        )
        self.live = LiveCameras(clock, reader)

    def close(self) -> None:
        self.store.close()


MakeHouse = Callable[..., House]


@pytest.fixture
def clock() -> Ahead:
    return Ahead()


@pytest.fixture
def house_of(tmp_path: Path, clock: Ahead) -> Iterator[MakeHouse]:
    with ExitStack() as opened:

        def make(paid: Recognizer | None = None, hour: int | None = None) -> House:
            return opened.enter_context(closing(House(tmp_path, clock, paid, hour)))

        yield make


def frame(second: float, grey: int = 90, size: tuple[int, int] = (1280, 720)) -> Frame:
    bgr: Picture = np.full((size[1], size[0], 3), grey, np.uint8)
    return Frame("gate", START + timedelta(seconds=second), cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), lambda: bgr)


def report(at: Frame) -> FrameReport:
    return FrameReport(at.captured_at, 0.0, Why.QUIET, ())


def show(live: LiveCameras, shown: Frame) -> bool:
    """Hand a frame over; return True if its report was asked for."""
    asked = []
    live.show(shown, lambda: asked.append(1) or report(shown))  # type: ignore[func-returns-value]
    return bool(asked)


def test_a_picture_is_made_when_it_is_asked_for_and_shown_for_a_second(clock: Ahead, house_of: MakeHouse) -> None:
    live = house_of().live
    assert live.picture("gate", 640) is None
    show(live, frame(0))
    first = live.picture("gate", 640)
    assert first is not None
    decoded = decode_picture(first.jpeg)
    assert decoded is not None
    assert (decoded.shape, first.size, first.captured_at) == ((360, 640, 3), (1280, 720), START)
    show(live, frame(1, 200))
    assert live.picture("gate", 640) is first
    newer = live.picture("gate", 640, cached_for=0.0)
    assert newer is not None
    assert newer.captured_at == START + timedelta(seconds=1)
    show(live, frame(2))
    clock.ahead += CACHED_FOR
    latest = live.picture("gate", 640)
    assert latest is not None
    assert latest.captured_at == START + timedelta(seconds=2)


def test_a_small_picture_is_not_enlarged(clock: Ahead, house_of: MakeHouse) -> None:
    live = house_of().live
    show(live, frame(0, size=(352, 288)))
    picture = live.picture("gate", 1920)
    assert picture is not None
    assert (decoded := decode_picture(picture.jpeg)) is not None
    assert decoded.shape == (288, 352, 3)


def test_the_gate_is_asked_for_its_report_only_while_somebody_watches(clock: Ahead, house_of: MakeHouse) -> None:
    live = house_of().live
    assert not show(live, frame(0))
    assert not live.is_asked_for("gate")
    view = live.gate_view("gate")
    assert view is not None
    assert (view.report, view.size) == (None, (1280, 720))
    assert live.is_asked_for("gate")
    assert show(live, frame(1))
    view = live.gate_view("gate")
    assert view is not None
    assert view.report is not None
    assert view.report.at == view.captured_at == START + timedelta(seconds=1)
    live.picture("gate", 320)
    clock.ahead += WATCHED_FOR
    assert not show(live, frame(2))
    assert not live.is_asked_for("gate")
    live.picture("gate", 320)
    assert live.is_asked_for("gate")
    assert not show(live, frame(3)), "a picture alone needs no report"


def test_a_camera_that_is_forgotten_shows_nothing(clock: Ahead, house_of: MakeHouse) -> None:
    live = house_of().live
    show(live, frame(0))
    live.forget("gate")
    assert live.picture("gate", 320) is None


def test_the_local_engine_reads_the_whole_present_picture_and_nothing_is_paid(house_of: MakeHouse) -> None:
    house = house_of()
    assert house.live.engines == (Engine.LOCAL,)
    with pytest.raises(RecognitionError, match="no picture yet"):
        house.live.read("gate", Engine.LOCAL)
    show(house.live, frame(3, size=(2560, 1440)))
    reading = house.live.read("gate", Engine.LOCAL)
    (plate,) = reading.plates
    assert (plate.text, plate.kind, reading.engine) == ("京AF0236", "ordinary", Engine.LOCAL)
    assert plate.width == pytest.approx(160), "120 px in the JPEG of 1920 px are 160 px of the frame"
    assert (reading.size, reading.captured_at) == ((2560, 1440), START + timedelta(seconds=3))
    assert rows(house.database, "SELECT * FROM calls") == []
    with pytest.raises(RecognitionError, match="not configured"):
        house.live.read("gate", Engine.OCRCARS)


def test_a_paid_reading_is_in_the_ledger_before_it_is_sent_and_in_the_budget(
    tmp_path: Path, house_of: MakeHouse
) -> None:
    paid = Paid()
    house = house_of(paid, hour=2)
    written: list[int] = []
    paid.meanwhile = lambda: written.append(len(rows(house.database, "SELECT * FROM calls")))
    show(house.live, frame(0))
    assert house.live.engines == (Engine.LOCAL, Engine.OCRCARS)
    assert [plate.text for plate in house.live.read("gate", Engine.OCRCARS).plates] == ["京AF0236"]
    assert written == [1]
    assert [use.used for use in house.calls.usage()] == [1]
    paid.fails = True
    with pytest.raises(Doubtful):
        house.live.read("gate", Engine.OCRCARS)
    assert [use.used for use in house.calls.usage()] == [2], "it may have been charged"
    with pytest.raises(RecognitionError, match="limit forbids it: the budget of the hour was used up"):
        house.live.read("gate", Engine.OCRCARS)
    assert len(paid.sent) == 2
    ledger = rows(house.database, "SELECT outcome, keyframe_id, path FROM calls ORDER BY id")
    assert [(outcome, keyframe) for outcome, keyframe, _ in ledger] == [("read", None), ("doubtful", None)]
    assert all((tmp_path / path).exists() for _, _, path in ledger)


def test_nothing_is_sent_if_the_call_cannot_be_written_down(house_of: MakeHouse) -> None:
    paid = Paid()
    house = house_of(paid, hour=2)
    show(house.live, frame(0))

    def stopping(event: Event) -> None:
        raise ChannelClosed

    house.record = stopping
    with pytest.raises(RecognitionError, match="stopping"):
        house.live.read("gate", Engine.OCRCARS)
    assert paid.sent == []
    assert [use.used for use in house.calls.usage()] == [0]


def test_one_picture_is_read_at_a_time(house_of: MakeHouse) -> None:
    paid, sent, go_on = Paid(), threading.Event(), threading.Event()
    house = house_of(paid)
    paid.meanwhile = lambda: sent.set() or go_on.wait(60)  # type: ignore[func-returns-value]
    house.record = lambda event: None
    show(house.live, frame(0))
    thread = threading.Thread(target=house.live.read, args=("gate", Engine.OCRCARS))
    thread.start()
    assert sent.wait(60)
    with pytest.raises(RecognitionError, match="Another picture"):
        house.live.read("gate", Engine.LOCAL)
    go_on.set()
    thread.join()
    assert house.live.read("gate", Engine.LOCAL).plates
