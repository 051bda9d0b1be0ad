"""`streamwatch run` on a real RTSP server (GStreamer's), which is killed and comes back."""

import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import POLL, Background, Check, Command, plates, sightings, wait_until

SYSTEM_PYTHON = Path("/usr/bin/python3")  # GStreamer's bindings are Debian's
OUTAGE = 20.0  # s
COMING_BACK = 40.0  # s; the longest pause between two attempts, two attempts, and room for a busy machine
ONLINE, LOST, BACK = "Camera gate is online", "Camera gate is lost", "Camera gate is back"
LATENCY = "0.25"  # s; of the service
CONFIG = """\
cameras: {{gate: {{source: "rtsp://127.0.0.1:{camera}/scene"}}}}
recognizer: {{engine: ocrcars, ocrcars: {{endpoint: "http://127.0.0.1:{service}/ocrCars"}}}}
web: {{enabled: false}}  # the other trial looks at its page on the same port
dedup: {{window: 5s}}
"""


@dataclass(frozen=True)
class Place:
    """One live trial: the program, the simulator's folder, a rendered scene, and a folder for what happens."""

    program: Path
    simulator: Path
    scene: Path
    folder: Path

    @property
    def config(self) -> Path:
        """Return the path of the daemon's config file."""
        return self.folder / "config.yaml"

    @property
    def ledger(self) -> Path:
        """Return the path of what the service was sent: one JSON line for each call."""
        return self.folder / "calls.jsonl"


def live_trial(program: Path, simulator: Path, scene: Path, folder: Path) -> list[Check]:
    """Return all checks on one rendered scene. They take about four loops of the scene and a minute."""
    place = Place(program, simulator, scene, folder)
    folder.mkdir()
    camera, service = _free_port(), _free_port()
    place.config.write_text(CONFIG.format(camera=camera, service=service), encoding="utf-8")
    with ExitStack() as stack:
        stack.enter_context(_service(place, service))
        server = stack.enter_context(_server(place, camera))
        command: Command = [program, "run", "--config", place.config]
        daemon = stack.enter_context(Background(command, folder / "run.log", cwd=folder, STREAMWATCH_APPCODE="trial"))
        checks = list(_checks(place, daemon, server, camera, stack))
    if not all(check.passed for check in checks):
        print(daemon.said()[-4000:], flush=True)
    return [Check(f"{scene.name}: {check.name}", check.passed, check.figures) for check in checks]


def _checks(place: Place, daemon: Background, server: Background, camera: int, stack: ExitStack) -> Iterator[Check]:
    truth = json.loads((place.scene / "truth.json").read_text(encoding="utf-8"))
    there = {passage["plate"] for passage in truth["passages"] if passage["plate"]}
    two_loops = 2 * truth["duration"]

    online = wait_until(lambda: ONLINE in daemon.said(), 30)
    began = time.monotonic()
    wait_until(lambda: plates(place.program, place.config) >= there or daemon.ended(), two_loops, POLL)
    first = plates(place.program, place.config)
    yield Check("its plates in two loops", online and first == there, f"{len(first)} in {_since(began)}")

    server.kill()
    time.sleep(OUTAGE)
    stack.enter_context(_server(place, camera))
    began = time.monotonic()
    back = wait_until(lambda: BACK in daemon.said(), COMING_BACK)
    back_at = datetime.now(UTC)
    yield Check("comes back", back, f"{_since(began)} after the server, which was away for {OUTAGE:.0f} s")
    time.sleep(two_loops)
    code = daemon.stop()
    said, rows = daemon.said(), sightings(place.program, place.config)
    again = Counter(row["plate"] for row in rows if datetime.fromisoformat(row["first_seen"]) > back_at)
    lost = sum(max(0, 2 - again[plate]) for plate in there)
    yield Check("loses none in the two loops after that", lost == 0, f"{again.total()} sightings, {lost} lost")
    wrong = {row["plate"] for row in rows} - there
    yield Check("none wrong", not wrong, " ".join(wrong) or f"{len(rows)} sightings")
    twice = _seen_twice(rows, truth["duration"] / 2)
    yield Check("no pass logged twice", not twice, " ".join(twice) or f"{len(rows)} passes")
    lines = [said.count(LOST), said.count(BACK)]
    yield Check("one line on loss, one on recovery", lines == [1, 1], f"{lines[0]} and {lines[1]}")
    yield _cost(place, len(rows))
    yield Check("exit code after SIGTERM", code == 0, str(code))


def _cost(place: Place, passes: int) -> Check:
    calls = [json.loads(line) for line in place.ledger.read_text(encoding="utf-8").splitlines()]
    refused = [call for call in calls if call["outcome"] not in ("read", "no_plate")]
    per_pass = len(calls) / max(1, passes)
    figures = f"{len(calls)} calls, {passes} passes, {per_pass:.2f} each, {len(refused)} refused"
    return Check("calls for a pass", per_pass <= 2 and not refused, figures)


def _seen_twice(rows: list[dict[str, Any]], apart: float) -> list[str]:
    """Return the plates with two sightings that begin less than `apart` seconds after each other."""
    found, last = [], dict[str, float]()
    for row in reversed(rows):
        at = datetime.fromisoformat(row["first_seen"]).timestamp()
        if at - last.get(row["plate"], -apart) < apart:
            found.append(row["plate"])
        last[row["plate"]] = at
    return found


def _service(place: Place, port: int) -> Background:
    truth, script = place.scene / "truth.json", place.simulator / "oracle.py"
    options = ["--port", str(port), "--appcode", "trial", "--latency", LATENCY]
    command: Command = [sys.executable, script, "--truth", truth, "--log", place.ledger, *options]
    return _listening(command, place.folder / "service.log", "oracle:")


def _server(place: Place, port: int) -> Background:
    script, clip = place.simulator / "rtsp_serve.py", place.scene / "scene.mp4"
    output = place.folder / f"camera-{time.monotonic_ns()}.log"
    return _listening([SYSTEM_PYTHON, script, "--port", str(port), clip], output, "ready")


def _listening(command: Command, output: Path, word: str) -> Background:
    server = Background(command, output, cwd=output.parent)
    if not wait_until(lambda: word in server.said() or server.ended(), 30) or server.ended():
        server.kill()
        raise RuntimeError(f"{output.name}: {server.said()}")
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"
