"""Two vehicles come before a live camera: the daemon opens for the one with a permit, and asks for the other."""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clips import render_visits
from daemons import PLATES, running
from rtsp_server import RtspServer

from streamwatch.core.codes import PermitKind
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import open_store

NOTE = "import sys; open(sys.argv[1], 'a').write('opened\\n')"
DECIDED = "SELECT plate, verdict, reason FROM decisions ORDER BY plate"
OPENINGS = "SELECT d.plate, o.cause, o.state FROM openings o JOIN decisions d ON d.id = o.decision_id ORDER BY o.id"
UNHURRIED = {"max_age": "30s", "max_picture_age": "2m"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "gate.mp4"
    render_visits(path, PLATES)
    return path


def permit(data: Path, plate: str) -> None:
    store = open_store(f"sqlite:///{data}/streamwatch.db", data)
    store.permits.add(PermitTerms(kind=PermitKind.RESIDENT, plates=(plate,)), "a test", datetime.now(UTC))
    store.close()


@pytest.mark.parametrize(("mode", "opened"), [("automatic", 1), ("suggest", 0)])
def test_a_lane_opens_for_a_permitted_vehicle_alone(clip: Path, tmp_path: Path, mode: str, opened: int) -> None:
    note = tmp_path / "opened"
    note.touch()
    permit(tmp_path / "d" / "data", PLATES[0])
    barrier = {"driver": "command", "command": [sys.executable, "-c", NOTE, str(note)]}
    lane = {"cameras": ["gate"], "mode": mode, "barrier": "front", "bar": 0.5}
    with (
        RtspServer(clip) as server,
        running(
            tmp_path / "d",
            {"gate": {"source": server.url, "dedup": {"window": "1h"}}},
            recognizer={"engine": "local"},
            barriers={"front": barrier},
            lanes={"entry": lane},
            access=UNHURRIED,
        ) as daemon,
    ):
        daemon.until(lambda: {plate for plate, _, _ in daemon.rows(DECIDED)} == set(PLATES))
        daemon.until(lambda: note.read_text().count("opened") == opened)
        assert sorted(daemon.rows(DECIDED)) == sorted(
            [(PLATES[0], "allow", "permitted"), (PLATES[1], "ask", "unknown")]
        )
        daemon.until(lambda: daemon.rows(OPENINGS) == [(PLATES[0], "automatic", "done")] * opened)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait(60)
    assert note.read_text().count("opened") == opened
