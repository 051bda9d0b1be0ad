"""Whatever happens before a lane, in any order: nothing opens for a plate without a valid permit, and none twice."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from lanes import Lane, lane_settings

from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.codes import Answer, OpeningCause, OpeningState, PermitKind, Verdict, WithheldReason
from streamwatch.core.events import DecisionMade, PassageClosed, PlatesCrossChecked, PlatesRead
from streamwatch.core.model import Engine, Keyframe, Passage, PlateText
from streamwatch.store import OpeningTerms, Store, open_store

SEQUENCES, STEPS = 16, 50
PLATES = ("粤B3M5K7", "粤B8M5K7", "粤B3M5K1", "粤B11111")
KINDS = (PermitKind.RESIDENT, PermitKind.RESIDENT, PermitKind.VISITOR, PermitKind.BLOCKED)
SURENESS = (0.5, 0.9, 0.96, 0.99, 0.99, 0.99)


@dataclass
class Known:
    """A permit as the test knows it. until: seconds of the test's clock; None: without an end."""

    plate: str
    kind: PermitKind
    until: float | None
    uses: int | None


class Events:
    """Vehicles, permits, answers and restarts in a drawn order. It knows what was done, not how it is decided."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.r = store, random.Random(seed)
        self.lane = Lane(store, lane_settings(access={"max_opens": 2, "opens_within": "5m"}))
        self.known: dict[str, Known] = {}
        self.views: list[tuple[Keyframe, int]] = []
        self.open: list[Passage] = []
        self.read: dict[str, set[tuple[str, float]]] = {}
        self.run = self.looked = 0
        self.allowed: dict[str, DecisionMade] = {}
        self.opening: list[DecisionMade] = []

    def step(self) -> None:
        weights = {
            self.come_and_be_read: 12,
            self.answer_comes: 6,
            self.look_again: 4,
            self.wait: 5,
            self.come: 2,
            self.go: 3,
            self.barrier_ends: 4,
            self.person_answers: 2,
            self.cross_check: 2,
            self.add_permit: 2,
            self.end_permit: 1,
            self.restart: 1,
        }
        (act,) = self.r.choices(list(weights), list(weights.values()))
        act()
        for made in self.lane.made[self.looked :]:
            if made.verdict is Verdict.ALLOW:
                self.check(made)
        self.looked = len(self.lane.made)

    def add_permit(self, kind: PermitKind | None = None) -> None:
        plate, kind = self.r.choice(PLATES), kind or self.r.choice(KINDS)
        minutes = self.r.choice([None, None, 5, 20])
        until = None if minutes is None else self.lane.clock.now() + timedelta(minutes=minutes)
        key = self.lane.permit(plate, kind=kind, valid_until=until)
        end = None if minutes is None else self.lane.clock.passed + 60 * minutes
        self.known[key] = Known(plate, kind, end, 1 if kind is PermitKind.VISITOR else None)

    def end_permit(self) -> None:
        if not self.known:
            return
        key = self.r.choice(list(self.known))
        self.store.permits.end(key, self.lane.clock.now())
        known, now = self.known[key], self.lane.clock.passed
        known.until = now if known.until is None else min(known.until, now)

    def wait(self) -> None:
        self.lane.clock.passed += self.r.choice([0.5, 2, 10, 40, 40, 400])

    def come(self) -> None:
        self.open.append(self.lane.comes())
        self.views.append((self.lane.taken(self.open[-1]), self.run))

    def come_and_be_read(self) -> None:
        self.come()
        self.lane.clock.passed += self.r.choice([0, 0.3, 1, 1, 60])
        self.answer(self.views[-1][0], Engine.LOCAL)

    def look_again(self) -> None:
        if self.open:
            self.views.append((self.lane.taken(self.r.choice(self.open)), self.run))

    def answer_comes(self) -> None:
        """An engine answers about any view, also long after, again, or of an earlier run."""
        if self.views:
            view, _ = self.r.choice(self.views[-4:] + self.views[:2])
            self.answer(view, self.r.choice([Engine.LOCAL, Engine.OCRCARS]))

    def answer(self, view: Keyframe, engine: Engine) -> None:
        permitted = [one.plate for one in self.known.values()]
        plate, confidence = self.r.choice([*PLATES, *permitted]), self.r.choice(SURENESS)
        self.read.setdefault(view.key, set()).add((plate, confidence))
        self.lane.recorder.record(PlatesRead(view, engine, (PlateText(plate, confidence, None),), None))

    def cross_check(self) -> None:
        if self.views:
            view, (plate, other) = self.r.choice(self.views)[0], self.r.sample(PLATES, 2)
            seen, paid = PlateText(other, 0.6, None), PlateText(plate, 0.9, None)
            self.read.setdefault(view.key, set()).add((other, 0.6))
            self.lane.recorder.record(PlatesCrossChecked(view, (seen,), (paid,)))

    def go(self) -> None:
        if self.open:
            passage = self.open.pop(self.r.randrange(len(self.open)))
            now = self.lane.clock.now()
            closed = Passage(passage.key, passage.camera, passage.opened_at, now, closed=True)
            self.lane.recorder.record(PassageClosed(closed))

    def restart(self) -> None:
        self.run += 1
        self.open.clear()
        self.lane.restart()
        self.lane.recorder.resume({view.passage for view, _ in self.views})

    def barrier_ends(self) -> None:
        if not self.opening:
            return
        made, state = self.opening.pop(0), self.r.choice([OpeningState.DONE, OpeningState.FAILED, OpeningState.UNKNOWN])
        terms = OpeningTerms(made.key[::-1], "entry", "front", OpeningCause.AUTOMATIC, made.captured_at, made.key)
        outcome = OpeningOutcome(terms.key, state, WithheldReason.NONE)
        self.store.openings.ended(terms, outcome, self.lane.clock.now())
        row = self.store.decisions.of_sighting(made.sighting, "entry")
        assert row is not None
        assert row.permit is not None
        if state is not OpeningState.FAILED and self.known[row.permit].uses:
            self.known[row.permit].uses = 0

    def person_answers(self) -> None:
        if self.lane.made:
            made = self.r.choice(self.lane.made)
            self.store.decisions.answer(made.key, self.r.choice(list(Answer)), "guard", self.lane.clock.now())

    def check(self, made: DecisionMade) -> None:
        """Look at one decision that allows."""
        assert made.key not in self.allowed, "a decision allows once"
        self.allowed[made.key] = made
        at = (made.captured_at - self.lane.clock.now()).total_seconds() + self.lane.clock.passed
        permits = [one for one in self.known.values() if one.plate == made.plate]
        permits = [one for one in permits if one.until is None or one.until > at]
        assert any(one.kind is not PermitKind.BLOCKED and one.uses != 0 for one in permits), "without a permit"
        assert all(one.kind is not PermitKind.BLOCKED for one in permits), "the vehicle is blocked"
        assert any(plate == made.plate and sure >= 0.95 for plate, sure in self.read[made.keyframe]), "not read surely"
        if made.live:
            view, run = next((view, run) for view, run in self.views if view.key == made.keyframe)
            assert run == self.run, "a picture of an earlier run"
            assert self.lane.clock.now() - view.captured_at <= timedelta(seconds=15), "an old picture"
            assert made.read_at == self.lane.clock.monotonic(), "an old reading"
            self.opening.append(made)


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[Store]]:
    """Return open databases, one for each sequence, that are closed in the end."""
    made: list[Store] = []
    template = tmp_path / "template.db"
    open_store(f"sqlite:///{template}", tmp_path).close()
    for number in range(SEQUENCES):
        shutil.copy(template, tmp_path / f"{number}.db")
        made.append(open_store(f"sqlite:///{tmp_path}/{number}.db", tmp_path / str(number)))
    yield made
    for store in made:
        store.close()


def test_nothing_opens_without_a_permit_or_twice_whatever_the_order_of_events(places: list[Store]) -> None:
    allowed = live = 0
    for seed, store in enumerate(places):
        events = Events(store, seed)
        for _ in range(3):
            events.add_permit(PermitKind.RESIDENT)
        for _ in range(STEPS):
            events.step()
        allowed += len(events.allowed)
        live += sum(made.live for made in events.allowed.values())
    assert allowed > live > 2 * SEQUENCES  # the sequences do what the test is about
