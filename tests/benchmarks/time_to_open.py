"""How long after its plate can be read the relay of a vehicle's barrier is asked, live over RTSP.

    python tests/benchmarks/time_to_open.py [--loops 4] [--only TEXT] [--attention JSON] [--all]

The scene of delay.py, 1280x720 at 25 pictures a second with an I-frame every 2 s, before an automatic lane whose relay
is a Shelly on this machine; all vehicles have a permit. One engine after the other: the local one, local-first, and
ocrcars with a service that takes 0.4 s; --only: one of them. Prints the median and the worst, the
share of each stage (medians), and CPU seconds a minute; exits with 1 where a limit is broken.

choice   from readable to the capture of the frame that is sent: the gate waits for a better view
gate     from there to the keyframe on disk: arrival, decoding, gate, JPEG, hand-over to the writer
reading  from there to the decision: waiting for the reader, the engine, fusion
opening  from there to the row of the opening, just before the relay is asked
relay    from there to the request at the relay
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from attention_contestants import APPCODE, AtTheBlue, cpu_so_far
from clips import Truth, render
from daemons import Running
from delay import FPS, PATIENCE, PLATES, SECONDS, SETTLING, TRAFFIC
from relays import Relay, http_relay
from rtsp_server import RtspServer

from streamwatch.core.codes import PermitKind
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import open_store

SERVICE = 0.4  # s that the stand-in of the paid service takes for a call
STAGES = ("choice", "gate", "reading", "opening", "relay")
ROWS = """
SELECT k.captured_at, k.path, k.reason, d.decided_at, o.requested_at
FROM openings o JOIN decisions d ON d.id = o.decision_id JOIN keyframes k ON k.id = d.keyframe_id
WHERE o.state <> 'withheld' ORDER BY o.requested_at
"""


@dataclass(frozen=True)
class Mode:
    """An engine. median, worst: limits in seconds."""

    engine: str
    median: float
    worst: float


MODES = (Mode("local", 0.6, 1.5), Mode("local-first", 0.6, 1.5), Mode("ocrcars", 0.6 + SERVICE, 1.5 + SERVICE))


@dataclass(frozen=True)
class Opening:
    """A vehicle, and the seconds from readable to the relay; None if it was not asked. stages: seconds of each."""

    total: float | None
    stages: tuple[float, ...] = ()
    reason: str = ""


class AtTheTime(AtTheBlue):
    """Takes its time, and reads the plate of the vehicle that the camera shows."""

    camera: RtspServer

    def read(self, picture: np.ndarray) -> str:
        at = self.camera.playing / FPS
        time.sleep(SERVICE)
        return max((one for one in TRAFFIC if one.enter <= at), key=lambda one: one.enter, default=TRAFFIC[-1]).plate


def noting(times: list[float]) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return the behaviour of a relay that notes when it is asked to open."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if "on=true" in handler.path:
            times.append(time.time())
        body = b'{"was_on": false}'
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def config(mode: Mode, main: RtspServer, relay: Relay, service: AtTheTime, told: argparse.Namespace) -> dict[str, Any]:
    own = {} if told.attention is None else {"attention": told.attention}
    return {
        "cameras": {"gate": {"source": main.url, **own}},
        "web": {"enabled": False},
        "recognizer": {"engine": mode.engine, "ocrcars": {"endpoint": service.endpoint, "appcode": APPCODE}},
        "lanes": {"entry": {"cameras": ["gate"], "mode": "automatic", "barrier": "front"}},
        "barriers": {"front": {"driver": "shelly", "address": relay.url}},
        "access": {"max_opens": 0, "cool_down": "1s"},
    }


def add_permits(place: Path) -> None:
    """Give each vehicle a permit before the daemon begins."""
    (place / "data").mkdir(parents=True)
    with closing(open_store(f"sqlite:///{place}/data/streamwatch.db", place / "data")) as store:
        for text in PLATES:
            store.permits.add(PermitTerms(kind=PermitKind.RESIDENT, plates=(text,)), "a benchmark", datetime.now(UTC))


def openings(
    daemon: Running, asked: list[float], truth: list[Truth], first: float, watched: tuple[float, float]
) -> Iterator[Opening]:
    """Return what came of each vehicle that was watched from its coming to its going.

    asked: when the relay was. first: when the clip began first, and watched: from when until when. Seconds of the
    epoch.
    """
    rows = daemon.rows(ROWS)
    for loop in range(int((watched[1] - first) / SECONDS) + 1):
        for row in truth:
            began = first + loop * SECONDS
            came, went = began + row.seen_from, began + row.seen_until + PATIENCE
            if row.readable_from is None or came < watched[0] or went > watched[1]:
                continue
            opened = next((at for at in asked if came <= at <= went), None)
            known = [one for one in rows if came <= _seconds(one[4]) <= went]
            if opened is None or not known:
                yield Opening(None)
                continue
            captured, path, reason, decided, requested = known[0]
            steps = [began + row.readable_from, _seconds(captured), (daemon.data / path).stat().st_mtime]
            steps += [_seconds(decided), _seconds(requested), opened]
            stages = tuple(after - before for before, after in pairwise(steps))
            yield Opening(max(0.0, opened - steps[0]), stages, reason)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def measure(mode: Mode, folder: Path, truth: list[Truth], told: argparse.Namespace) -> list[Opening]:
    """Return all openings in a number of loops of the scene."""
    with ExitStack() as ends:
        asked: list[float] = []
        service = ends.enter_context(AtTheTime(appcode=APPCODE))
        relay = ends.enter_context(http_relay(behaviour=noting(asked)))
        main = ends.enter_context(RtspServer(folder / "main.mp4"))
        service.camera = main
        place = folder / mode.engine
        add_permits(place)
        daemon = Running(place, config(mode, main, relay, service, told))
        ends.callback(daemon.end)
        daemon.until(lambda: "is online" in daemon.log(), 60)
        time.sleep(SETTLING)
        began, before = time.time(), cpu_so_far(daemon.process.pid)
        time.sleep(told.loops * SECONDS)
        used = cpu_so_far(daemon.process.pid) - before
        first = time.time() - time.monotonic() + main.began
        found = list(openings(daemon, asked, truth, first, (began, time.time())))
        calls = len(service.calls)
        if errors := daemon.errors():
            print("\n".join(errors))
    print(row(mode, found, 60 * used / (told.loops * SECONDS), calls), flush=True)
    if told.all:
        for one in found:
            print("   ", one.total, [round(stage, 3) for stage in one.stages], one.reason)
    return found


def row(mode: Mode, found: list[Opening], cpu: float, calls: int) -> str:
    known = [one.total for one in found if one.total is not None]
    middle, worst = (statistics.median(known), max(known)) if known else (float("nan"), float("nan"))
    stages = zip(*(one.stages for one in found if one.stages), strict=True)
    shares = "  ".join(f"{statistics.median(stage):7.3f}" for stage in stages)
    opened = f"{len(known)} of {len(found)}"
    return f"{mode.engine:12} {opened:>10} {middle:8.2f} {worst:7.2f}   {shares} {cpu:7.2f} {calls:6}"


def broken(mode: Mode, found: list[Opening]) -> Iterator[str]:
    """Return sentences about limits that are broken."""
    known = [one.total for one in found if one.total is not None]
    if len(known) < len(found) or not known:
        yield f"{mode.engine}: the barrier did not open for {len(found) - len(known)} of {len(found)} vehicles"
    if known:
        median, worst = statistics.median(known), max(known)
        for what, value, limit in (("median", median, mode.median), ("worst", worst, mode.worst)):
            if value > limit:
                yield f"{mode.engine}: {value:.2f} s in the {what}, not {limit:g}"


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--loops", type=int, default=4)
    parser.add_argument("--only", default="")
    parser.add_argument("--attention", type=json.loads, help="attention of the camera as JSON, in place of the default")
    parser.add_argument("--all", action="store_true", help="print each vehicle")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = render(folder / "main.mp4", TRAFFIC, SECONDS, fps=FPS)
        head = "  ".join(f"{stage:>7}" for stage in STAGES)
        print(f"{'engine':12} {'opened':>10} {'median':>8} {'worst':>7}   {head} {'CPU/min':>7} {'calls':>6}")
        modes = [mode for mode in MODES if told.only in ("", mode.engine)]
        sentences = [text for mode in modes for text in broken(mode, measure(mode, folder, truth, told))]
    print("\n" + ("\n".join(f"BROKEN {text}" for text in sentences) if sentences else "no limit is broken"))
    return int(bool(sentences))


if __name__ == "__main__":
    sys.exit(main())
