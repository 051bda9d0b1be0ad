"""Sixteen cameras of 1080p25 on one machine: cores and memory of the daemon, and what happens when four are busy.

    python tests/benchmarks/cameras_16.py --clips FOLDER [--clip h264-vbr-gop50] [--seconds 60] [--loops 2] [--watch]

FOLDER keeps the clips of attention.py. A local RTSP server plays them; its CPU is not counted. Quiet: one, four and
sixteen cameras are watched for --seconds. Busy: four of the sixteen show the same vehicles at once, for --loops of the
clip. --watch: each with its substream.

The age of a picture is the time from its arrival (`captured_at`) to the moment when the gate is given it, noted by a
wrapper around the gate. A camera of which not every picture was decoded begins with kept pictures when something
happens: their ages are counted separately until it has caught up. A keyframe is in the outbox when its JPEG is on disk.
Exits with 1 if a limit is broken.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from attention_clips import SECONDS, Clip, clips
from attention_contestants import APPCODE, ByColour, cpu_so_far
from daemons import Running, paid
from rtsp_server import RtspServer

CAMERAS, BUSY_CAMERAS, A_SERVER = 16, 4, 4
SETTLING = 10.0  # s from the first pictures of all cameras to the first figure
CORES, MEGABYTES, OLDEST, MEDIAN, WORST = 0.4, 45.0, 1.0, 0.6, 2.5  # cores, MB, s
Settings = dict[str, str]
"""A camera's."""
GAP = 0.3  # s between two pictures, from which on not all are looked at
CAUGHT_UP = 0.5  # s; the age of a picture
LATE = 0.5  # s by which a picture may leave the server after its time
NOTE_AGES = """
import time
from streamwatch.pipeline.intake import Intake
notes, plain = open("ages", "w", buffering=1), Intake.look
def look(self, frame):
    notes.write(f"{self._camera} {frame.captured_at.timestamp():.3f} {time.time():.3f}\\n")
    return plain(self, frame)
Intake.look = look
"""


@dataclass(frozen=True)
class Ages:
    """Seconds from arrival to gate. behind: of pictures that were kept and looked at later; live: of all others."""

    live: list[float]
    behind: list[float]


def ages(file: Path, cameras: Sequence[str], since: float) -> Ages:
    """Return the ages from the notes of the wrapper. since: seconds of the epoch."""
    found = Ages([], [])
    for camera in cameras:
        rows = [line.split() for line in file.read_text().splitlines() if line.startswith(f"{camera} ")]
        last, gap, behind = 0.0, GAP, True
        for captured, looked in ((float(row[1]), float(row[2])) for row in rows if len(row) == 3):
            before, gap = gap, captured - last
            behind = (behind or max(before, gap) > GAP) and looked - captured > CAUGHT_UP
            last = captured
            if looked >= since:
                (found.behind if behind else found.live).append(looked - captured)
    return found


def delays(daemon: Running, clip: Clip, server: RtspServer, loops: int) -> list[float | None]:
    """Return each vehicle's seconds from a readable plate to its first keyframe in the outbox; None if none came."""
    first = time.time() - time.monotonic() + server.began
    pictures = [daemon.data / path for (path,) in daemon.rows("SELECT path FROM keyframes ORDER BY captured_at")]
    found: list[float | None] = []
    for camera in names(BUSY_CAMERAS):
        stored = [file.stat().st_mtime for file in pictures if f"/{camera}/" in str(file)]
        for row in clip.truth():
            for loop in range(loops + 1):
                shown = first + loop * SECONDS
                if row.readable_from is None or not daemon.watched(shown + row.seen_from, shown + row.seen_until):
                    continue
                near = [at for at in stored if shown + row.seen_from <= at <= shown + row.seen_until + WORST]
                found.append(max(0.0, near[0] - shown - row.readable_from) if near else None)
    return found


class Watching(Running):
    """A daemon and the time for which all its cameras were watched."""

    since = until_time = 0.0

    def watched(self, begin: float, end: float) -> bool:
        """True if everything between two instants, in seconds of the epoch, was seen."""
        return self.since <= begin and end <= self.until_time


def names(count: int) -> list[str]:
    return [f"cam{n:02d}" for n in range(1, count + 1)]


def megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


@contextmanager
def watching(folder: Path, cameras: Sequence[Settings], service: ByColour, patch: str = "") -> Iterator[Watching]:
    """Yield a daemon that watches these cameras, once all their streams are online and it has settled."""
    folder.mkdir()
    config: dict[str, Any] = {
        "cameras": dict(zip(names(len(cameras)), cameras, strict=True)),
        "recognizer": paid(service) | {"ocrcars": {"endpoint": service.endpoint, "appcode": APPCODE}},
    }
    daemon = Watching(folder, config, patch=patch)
    try:
        daemon.until(lambda: daemon.log().count("is online") == sum(map(len, cameras)), 120)
        time.sleep(SETTLING)
        daemon.since = time.time()
        yield daemon
    finally:
        daemon.end()


@dataclass(frozen=True)
class Quiet:
    """What a number of cameras took: cores, and megabytes at the end."""

    cameras: int
    cores: float
    megabytes: float


def quiet(folder: Path, cameras: Sequence[Settings], service: ByColour, seconds: float) -> Quiet:
    """Return what these cameras take while nothing happens before them."""
    with watching(folder / f"quiet {len(cameras)}", cameras, service) as daemon:
        before, began = cpu_so_far(daemon.process.pid), time.monotonic()
        time.sleep(seconds)
        used = cpu_so_far(daemon.process.pid) - before
        return Quiet(len(cameras), used / (time.monotonic() - began), megabytes(daemon.process.pid))


def show_quiet(rows: Sequence[Quiet]) -> Iterator[str]:
    """Print the table; return sentences about limits that are broken."""
    print("quiet cameras   cores      MB   MB for each further camera")
    for row, fewer in zip(rows, [None, *rows], strict=False):
        each = (row.megabytes - fewer.megabytes) / (row.cameras - fewer.cameras) if fewer else None
        print(
            f"{row.cameras:13d} {row.cores:7.2f} {row.megabytes:7.0f}   " + (f"{each:.1f}" if each else ""), flush=True
        )
        if each is not None and each > MEGABYTES:
            yield f"{each:.1f} MB for each camera from {fewer.cameras if fewer else 0} to {row.cameras}"
        if row.cameras == CAMERAS and row.cores > CORES:
            yield f"{row.cores:.2f} cores for {CAMERAS} quiet cameras"


def show_busy(daemon: Watching, clip: Clip, server: RtspServer, loops: int, cores: float) -> Iterator[str]:
    """Print the figures; return sentences about limits that are broken."""
    print(f"\n{BUSY_CAMERAS} of {CAMERAS} cameras busy at once: {cores:.2f} cores")
    everybody = names(CAMERAS)
    for what, cameras in (("busy", everybody[:BUSY_CAMERAS]), ("quiet", everybody[BUSY_CAMERAS:])):
        found = ages(daemon.folder / "ages", cameras, daemon.since)
        live, behind = (max(group, default=0.0) for group in (found.live, found.behind))
        late = sum(age > OLDEST for age in found.live)
        print(
            f"{what + ' ones':10} oldest picture at the gate {live:.2f} s, {late} of {len(found.live)} older than "
            f"{OLDEST:g} s; {len(found.behind)} kept ones, the oldest {behind:.2f} s"
        )
        if live > OLDEST:
            yield f"a picture of a {what} camera was {live:.2f} s old when the gate saw it"
    print(f"the server's pictures left up to {server.late:.2f} s late")
    if server.late > LATE:
        yield f"the server was {server.late:.2f} s late: the machine is too slow, or the daemon does not read in time"
    waited = delays(daemon, clip, server, loops)
    known = sorted(one for one in waited if one is not None)
    if len(known) < len(waited) or not known:
        yield f"{len(waited) - len(known)} of {len(waited)} vehicles without a keyframe"
    if known:
        print(
            f"from readable to the outbox: median {statistics.median(known):.2f} s, worst {known[-1]:.2f} s, "
            f"{len(known)} of {len(waited)} vehicles"
        )
        if statistics.median(known) > MEDIAN or known[-1] > WORST:
            yield f"median {statistics.median(known):.2f} s and worst {known[-1]:.2f} s from readable to the outbox"


def served(clip: Clip, watch: bool, stack: ExitStack) -> tuple[RtspServer, Settings]:
    """Return the server of a main stream, and the settings of its camera. watch: its substream is served, too."""
    main = stack.enter_context(RtspServer(clip.main))
    small = stack.enter_context(RtspServer(clip.sub, began=main.began)) if watch else None
    return main, {"source": main.url} | ({} if small is None else {"watch": small.url})


def served_by_some(clip: Clip, watch: bool, stack: ExitStack) -> Iterator[Settings]:
    """Yield the settings of cameras. Their servers start at different moments, so that I-frames do not come at once."""
    for _ in range(CAMERAS // A_SERVER):
        _, camera = served(clip, watch, stack)
        yield from [camera] * A_SERVER
        time.sleep(0.37)


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--clip", default="h264-vbr-gop50")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--loops", type=int, default=2)
    parser.add_argument("--watch", action="store_true")
    told = parser.parse_args()
    (calm,), (busy,) = (clips(told.clips, f"{scene}-{told.clip}") for scene in ("quiet", "busy"))
    with tempfile.TemporaryDirectory() as name, ByColour(appcode=APPCODE) as service, ExitStack() as stack:
        folder = Path(name)
        cameras = list(served_by_some(calm, told.watch, stack))
        broken = list(show_quiet([quiet(folder, cameras[:n], service, told.seconds) for n in (1, A_SERVER, CAMERAS)]))
        crowded, busy_one = served(busy, told.watch, stack)
        shown = [busy_one] * BUSY_CAMERAS + cameras[BUSY_CAMERAS:]
        with watching(folder / "busy", shown, service, NOTE_AGES) as daemon:
            before, began, crowded.late = cpu_so_far(daemon.process.pid), time.monotonic(), 0.0
            time.sleep(told.loops * SECONDS)
            cores = (cpu_so_far(daemon.process.pid) - before) / (time.monotonic() - began)
            daemon.until_time = time.time()
            broken += show_busy(daemon, busy, crowded, told.loops, cores)
    print("\n" + ("\n".join(f"BROKEN {text}" for text in broken) if broken else "no limit is broken"))
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
