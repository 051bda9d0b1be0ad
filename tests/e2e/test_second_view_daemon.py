"""A live vehicle whose first reading is below the bar of its lane: a second view is read at once, and it opens."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clips import render_visits
from daemons import PLATES, SECRET, paid, running
from fakes import FakeOcrCars, plate
from relays import http_relay
from rtsp_server import RtspServer

from streamwatch.core.codes import PermitKind
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import open_store

VIEWS = """
SELECT k.reason, k.state, d.verdict, d.reason, d.engine, d.revised, o.state
FROM decisions d JOIN keyframes k ON k.passage_id = d.passage_id LEFT JOIN openings o ON o.decision_id = d.id
ORDER BY k.captured_at
"""


def add_permit(folder: Path, text: str) -> None:
    (folder / "data").mkdir(parents=True)
    with closing(open_store(f"sqlite:///{folder}/data/streamwatch.db", folder / "data")) as store:
        store.permits.add(PermitTerms(kind=PermitKind.RESIDENT, plates=(text,)), "a test", datetime.now(UTC))


def lane(relay: str, engine: str, service: FakeOcrCars) -> dict[str, Any]:
    """Return the settings of a lane whose bar is above what the local engine says of the clip's plates."""
    return {
        "recognizer": paid(service) | {"engine": engine},
        "lanes": {"entry": {"cameras": ["gate"], "mode": "automatic", "barrier": "front", "bar": 0.9995}},
        "barriers": {"front": {"driver": "shelly", "address": relay}},
    }


def test_it_is_paid_for_and_the_barrier_opens(tmp_path: Path) -> None:
    render_visits(tmp_path / "gate.mp4", PLATES[:1], stand=30, pause=3)
    add_permit(tmp_path / "d", PLATES[0])
    answer = plate(PLATES[0], confidence=0.99999, range=[])
    with (
        FakeOcrCars(answer, appcode=SECRET) as service,
        http_relay() as relay,
        RtspServer(tmp_path / "gate.mp4") as server,
        running(tmp_path / "d", {"gate": {"source": server.url}}, **lane(relay.url, "local-first", service)) as daemon,
    ):
        daemon.until(lambda: [row[-1] for row in daemon.rows(VIEWS)][:1] == ["done"])
        first, second = daemon.rows(VIEWS)[:2]
        assert daemon.stop() == 0
        assert daemon.errors() == []
    assert second == ("before_opening", "answered", "allow", "permitted", "ocrcars", 1, "done")
    assert first[:2] != second[:2]
    assert len(service.calls) == 1, "the first view was read locally"
    assert sum("on=true" in order for order in relay.orders) == 1
