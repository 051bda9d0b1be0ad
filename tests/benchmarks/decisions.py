"""What a decision costs among very many permits and decisions, and what `what-if` takes for a month.

    python tests/benchmarks/decisions.py [PERMITS [DECISIONS [SIGHTINGS]]]

Without arguments: 100,000 permits, a million decisions, and a month of 960 sightings a day. It makes an SQLite database
in a temporary folder (some 600 MB), and prints CPU times in milliseconds: of a decision with its row, as median and
worst of 500; the same reading at a camera without a lane, for comparison; of the questions about who is inside; and of
`what-if`.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

sys.path.insert(0, str(Path(__file__).parent.parent))

from lanes import START, Lane, lane_settings

from streamwatch.app.what_if import changed_permits, what_if
from streamwatch.core.codes import DecisionReason, PermitKind, Verdict, ViewReason, Way
from streamwatch.core.model import Direction, Engine, SightingStatus
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import KeyframeState, PassageOutcome, PermitChanges, Store, open_reader, open_store
from streamwatch.store.tables import StoredDecision, StoredKeyframe, StoredPassage, StoredSighting

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
MEASURED = 500
AT_ONCE = 20_000


def main(permits: int = 100_000, decisions: int = 1_000_000, sightings: int = 28_800) -> None:
    """Measure and print."""
    r = random.Random(1)
    plates = sorted({"粤B" + "".join(r.choices(LETTERS, k=5)) for _ in range(permits * 101 // 100)})[:permits]
    r.shuffle(plates)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        url = f"sqlite:///{place}/streamwatch.db"
        store = open_store(url, place)
        taken = cpu(lambda: fill_permits(store, plates))
        print(f"{permits} permits written in {taken / 1000:.1f} s of CPU")
        taken = cpu(lambda: fill_decisions(store, plates, decisions, r))
        print(f"{decisions} decisions written in {taken / 1000:.1f} s of CPU")
        sections: dict[str, Any] = {"cameras": {"yard": {"source": "rtsp://camera.invalid/yard"}}}
        lane = Lane(store, lane_settings(**sections))
        for name, camera in (("a decision with its row", "gate"), ("the reading alone, without a lane", "yard")):
            spent = sorted(read_once(lane, camera, plate) for plate in drawn(plates, r))
            print(f"{name}: median {statistics.median(spent):.2f} ms, worst {spent[-1]:.2f} ms")
        alone = sorted(cpu(lambda plate=plate: decide_once(lane, plate)) for plate in drawn(plates, r))  # type: ignore[misc]
        print(
            f"the questions and the decision alone: median {statistics.median(alone):.2f} ms, worst {alone[-1]:.2f} ms"
        )
        reader = open_reader(url, place)
        print(f"who is inside: {cpu(lambda: print(len(reader.decisions.inside()), 'vehicles', end='; ')):.0f} ms")
        fill_month(store, plates, sightings, r)
        begin, end = START + timedelta(days=30), START + timedelta(days=61)
        settings = lane_settings()

        def month() -> None:
            seen = reader.decisions.seen(begin, end, ["gate"])
            listed = changed_permits(reader.permits.load_all(), None, seen, begin)
            found = what_if(settings, seen, listed, reader.decisions.inside_at(begin))
            print(f"what-if: {len(found.rows)} sightings, {found.opened} let in", end="; ")

        print(f"{cpu(month) / 1000:.1f} s")
        reader.close()
        store.close()


def cpu(call: Callable[[], object]) -> float:
    """Return the milliseconds of CPU that a call takes."""
    began = time.process_time()
    call()
    return 1000 * (time.process_time() - began)


def drawn(plates: list[str], r: random.Random) -> list[str]:
    """Return plates of permits, and some misread by one character."""
    some = r.sample(plates, MEASURED)
    return [plate if r.random() < 0.8 else plate[:-1] + r.choice(LETTERS) for plate in some]


def read_once(lane: Lane, camera: str, plate: str) -> float:
    lane.clock.passed += 10
    view = lane.taken(lane.comes(camera))
    return cpu(lambda: lane.read(view, (plate, 0.99)))


def decide_once(lane: Lane, plate: str) -> None:
    """Ask what the gatekeeper asks for one plate, and decide, without writing."""
    from streamwatch.app.gatekeeper import _Basis
    from streamwatch.core.model import Sighting

    now = lane.clock.now()
    sighting = Sighting("s", "gate", plate, 0.99, now, now, 1, SightingStatus.PROVISIONAL, Engine.LOCAL, "p", "k")
    with lane.store.together():
        lane.gatekeeper._decide(lane.settings, "entry", sighting, _Basis("r", 0.99, now))


def fill_permits(store: Store, plates: list[str]) -> None:
    terms = [PermitTerms(kind=PermitKind.RESIDENT, plates=(plate,), holder="somebody") for plate in plates]
    store.permits.take_list(PermitChanges(terms, [], [], None), "a benchmark", START)


def fill_decisions(store: Store, plates: list[str], number: int, r: random.Random) -> None:
    """Write decisions of the last months, each of a vehicle that passed."""

    vehicles = [r.choice(plates) for _ in range(number)]
    last = {plate: n for n, plate in enumerate(vehicles)}

    def rows() -> Iterator[dict[str, Any]]:
        inside: set[str] = set()
        for n, plate in enumerate(vehicles):
            at = START - timedelta(seconds=10 * (number - n))
            way = Way.OUT if plate in inside else Way.IN
            (inside.discard if way is Way.OUT else inside.add)(plate)
            stays = way is Way.IN and last[plate] == n
            yield decision_row(plate, at, way) | {"passed_at": at, "passed_plate": plate, "inside": stays}

    fill(store, StoredDecision, rows())


def decision_row(plate: str, at: Any, way: Way) -> dict[str, Any]:
    return {
        "key": uuid4().hex,
        "lane": "entry" if way is Way.IN else "exit",
        "way": way,
        "camera": "gate",
        "sighting_key": uuid4().hex,
        "reading_key": uuid4().hex,
        "plate": plate,
        "confidence": 0.99,
        "engine": Engine.LOCAL,
        "price": 0.0,
        "verdict": Verdict.ALLOW,
        "reason": DecisionReason.PERMITTED,
        "warnings": [],
        "permit_plate": plate,
        "near": [],
        "captured_at": at,
        "decided_at": at,
        "revised": 0,
        "answered_by": "",
        "answer_plate": "",
    }


def fill_month(store: Store, plates: list[str], number: int, r: random.Random) -> None:
    """Write the sightings of the month after next: three of four have a permit."""
    begin = START + timedelta(days=30)
    passages, views, sightings = [], [], []
    first = 10_000_000
    for n in range(number):
        at = begin + timedelta(days=30) * n / number
        plate = r.choice(plates) if r.random() < 0.75 else "粤C" + "".join(r.choices(LETTERS, k=5))
        key = first + n
        times = {"opened_at": at, "last_seen": at, "recorded_at": at}
        passages.append(
            {"id": key, "key": uuid4().hex, "camera": "gate", "closed": True, "outcome": PassageOutcome.READ, **times}
            | {"direction": Direction.COMING}
        )
        views.append(
            {"id": key, "key": uuid4().hex, "passage_id": key, "camera": "gate", "captured_at": at, "path": None}
            | {"sha256": "", "bytes": 1, "width": 1, "height": 1, "crop_x": 0, "crop_y": 0, "crop_width": 1}
            | {"crop_height": 1, "scale": 1.0, "score": 1.0, "reason": ViewReason.BEST_VIEW}
            | {"state": KeyframeState.ANSWERED}
        )
        sightings.append(
            {"id": key, "key": uuid4().hex, "camera": "gate", "plate": plate, "kind": "ordinary", "confidence": 0.99}
            | {"first_seen": at, "last_seen": at, "reads": 1, "status": SightingStatus.FINAL}
            | {"engine": Engine.LOCAL, "passage_id": key, "keyframe_id": key}
        )
    for table, rows in ((StoredPassage, passages), (StoredKeyframe, views), (StoredSighting, sightings)):
        fill(store, table, iter(rows))


def fill(store: Store, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    while some := list(islice(rows, AT_ONCE)):
        with store.transaction() as session:
            session.execute(insert(table), some)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
