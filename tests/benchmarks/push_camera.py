"""Measure a camera that posts: how soon its relay opens, and what a vehicle costs.

`python tests/benchmarks/push_camera.py [VEHICLES]` runs a daemon with one automatic lane whose barrier is the relay of
its camera. It prints the time from a post to the answer that opens (median, worst), how many were opened for in time,
and the daemon's CPU for each vehicle, with the local engine's reading.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from daemons import free_port, running
from push_cameras import SECRET_OF_PUSH, ZhenshiCamera, picture, post

from streamwatch.core.codes import PermitKind
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import open_store

PLATES = [f"粤B{n:05}" for n in range(10_000, 99_999, 37)]


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main(vehicles: int) -> None:
    folder = Path(tempfile.mkdtemp()) / "d"
    folder.mkdir()
    store = open_store(f"sqlite:///{folder / 'data' / 'streamwatch.db'}", folder / "data")
    for plate in PLATES[:vehicles]:
        terms = PermitTerms(kind=PermitKind.RESIDENT, plates=(plate,))
        store.permits.add(terms, "benchmark", datetime.now(UTC) - timedelta(days=1))
    store.close()
    port = free_port()
    push = {"secret": SECRET_OF_PUSH, "opens": True, "min_confidence": 0.9}
    settings = {
        "push": {"host": "127.0.0.1", "port": port},
        "recognizer": {"engine": "local"},
        "barriers": {"front": {"driver": "camera", "camera": "gate"}},
        "lanes": {"entry": {"cameras": ["gate"], "mode": "automatic", "barrier": "front"}},
        "access": {"cool_down": 0},
    }
    with running(folder, {"gate": {"source": "push", "push": push}}, **settings) as daemon:
        daemon.until(lambda: post(port, "/", b"").status == 404)
        camera = ZhenshiCamera(port, f"/push/gate/{SECRET_OF_PUSH}")
        for plate in PLATES[:vehicles]:
            picture(plate)
        began, took = cpu_of(daemon.process.pid), []
        for plate in PLATES[:vehicles]:
            record = camera.sees(plate)
            at = time.monotonic()
            if camera.send(record).opens:
                took.append(time.monotonic() - at)
            time.sleep(0.7)  # the pulse of the barrier
        daemon.until(lambda: daemon.rows("SELECT count(*) FROM keyframes WHERE state = 'answered'") == [(vehicles,)])
        cpu = (cpu_of(daemon.process.pid) - began) / vehicles
        print(f"opened for {len(took)} of {vehicles} vehicles")
        print(f"from the post to the answer that opens: median {median(took):.3f} s, worst {max(took):.3f} s")
        print(f"CPU of the daemon for each vehicle: {cpu:.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
