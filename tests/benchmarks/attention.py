"""What watching a camera costs: CPU seconds of the whole process for a minute of 1080p25, beside what others take.

    python tests/benchmarks/attention.py --clips FOLDER [--only TEXT] [--dvr-scan PROGRAM] [--without-local]

FOLDER keeps the clips, which are made once (20 minutes of CPU for all). --only: clips whose name holds a text, such as
quiet, gop50 or quiet-h264-vbr-gop50. Contestants that are not installed are left out: ffmpeg and motion (packages of
Debian), DVR-Scan (`pip install dvr-scan` in an environment of its own; --dvr-scan names its program). --without-local:
as if the extra `local` were not installed.

Start and end of a program do not count. A program that runs through a file as fast as it can does so twice, once
through the first two seconds only (`replay`: through the clip, and through a recording with the clip four times in a
row), and the difference counts. A program that plays the file at its pace is measured at the beginning and at the end
of a minute, after its first vehicle. Exits with 1 if a limit is broken or a vehicle is lost.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from attention_clips import Clip, clips
from attention_contestants import (
    APPCODE,
    ByColour,
    Playing,
    Product,
    Through,
    cv2_read,
    dvr_scan,
    ffmpeg,
    installed,
    knows,
    minute_of,
    motion,
    plates,
)
from daemons import without_local

FFMPEG, READ, MOTION, SCAN = "ffmpeg", "cv2 read", "motion", "DVR-Scan"
FULL, AUTO, ALONE, WATCH = "replay full", "replay auto", "run", "run watch"
OWN = (FULL, AUTO, ALONE, WATCH)
COLUMNS = (FFMPEG, READ, MOTION, SCAN, *OWN)
ONLINE = "is online"


@dataclass(frozen=True)
class Limit:
    """A limit: the highest ratio to what another program takes, on clips of a scene with groups of these lengths."""

    who: str
    scene: str
    gops: tuple[int, ...]
    beside: str
    share: float

    def broken(self, clip: Clip, costs: dict[str, float]) -> str:
        """Return a sentence if the limit is broken; the empty string if it holds or does not apply."""
        applies = clip.scene == self.scene and clip.gop in self.gops and {self.who, self.beside} <= costs.keys()
        share = costs[self.who] / costs[self.beside] if applies else 0.0
        return f"{clip.name}: {self.who} takes {share:.3f} x {self.beside}, not {self.share:.3f}" * (share > self.share)


ANY = (25, 50, 100)
LIMITS = (
    Limit(WATCH, "quiet", ANY, FFMPEG, 0.15),
    Limit(AUTO, "quiet", (50,), FFMPEG, 0.20),
    *(Limit(who, "quiet", gops, READ, 1 / 8) for who, gops in ((WATCH, ANY), (AUTO, (50,)))),
    *(Limit(who, "quiet", gops, MOTION, 1 / 12) for who, gops in ((WATCH, ANY), (AUTO, (50,)))),
    Limit(WATCH, "busy", ANY, FFMPEG, 0.5),
    Limit(AUTO, "busy", (25, 50), FFMPEG, 0.5),
    *(Limit(who, scene, (100,), FFMPEG, 0.75) for who in (AUTO, ALONE) for scene in ("quiet", "busy")),
)
"""Without a substream, half of a group of 100 pictures (four seconds) has to be decoded."""


def measure(clip: Clip, folder: Path, through: list[Through], playing: list[Playing]) -> dict[str, float]:
    """Return the CPU seconds a minute of each; they run one by one."""
    costs = {one.name: one.minute(clip.main, folder) for one in through}
    return costs | {one.name: minute_of(one, clip, folder) for one in playing}


def lost(clip: Clip, folder: Path) -> list[str]:
    """Return sentences about vehicles that the product did not log."""
    places = {one: folder / (one if one in (ALONE, WATCH) else f"{one} more") for one in OWN}
    shown = {row.plate for row in clip.truth()}
    seen = {one: plates(place) for one, place in places.items() if place.exists()}
    return [f"{clip.name}: {one} saw {sorted(found)}" for one, found in seen.items() if found != shown]


def contestants(product: Product, scanner: Path | None) -> tuple[list[Through], list[Playing]]:
    """Return those that are installed, and print a line for each of the others."""
    through = [Through(READ, cv2_read), Through(AUTO, product.replay("auto"), again=True)]
    playing = [Playing(ALONE, product.run(watch=False), ONLINE)]
    missing = []
    if installed("ffmpeg"):
        through.insert(0, Through(FFMPEG, ffmpeg))
    else:
        missing.append("ffmpeg is not installed")
    if installed("motion"):
        playing.append(Playing(MOTION, motion))
    else:
        missing.append("motion is not installed")
    if scanner is not None:
        through.append(Through(SCAN, dvr_scan(scanner)))
    else:
        missing.append("DVR-Scan was not given")
    if knows("attention"):
        through.append(Through(FULL, product.replay("full"), again=True))
    else:
        missing.append("this version knows no `attention`: replay auto looks at every picture")
    if knows("cameras.NAME.watch"):
        playing.append(Playing(WATCH, product.run(watch=True), ONLINE))
    else:
        missing.append("this version knows no `watch`: there is no run with a substream")
    for sentence in missing:
        print(f"left out: {sentence}")
    return through, playing


def row(name: str, costs: dict[str, float]) -> str:
    """Return a line of the table: CPU seconds a minute, and the product's divided by those of ffmpeg."""
    cells = [f"{costs[one]:8.2f}" if one in costs else " " * 8 for one in COLUMNS]
    shares = [f"{costs[one] / costs[FFMPEG]:6.3f}" if {one, FFMPEG} <= costs.keys() else " " * 6 for one in OWN]
    return f"{name:22}{' '.join(cells)}  |{' '.join(shares)}"


def heading() -> str:
    names = [f"{one.removeprefix('replay '):>8}" for one in COLUMNS]
    return f"{'CPU s a minute':22}{' '.join(names)}  | full   auto   run    watch   x ffmpeg"


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--dvr-scan", type=Path)
    parser.add_argument("--without-local", action="store_true")
    told = parser.parse_args()
    broken: list[str] = []
    wanted = clips(told.clips, told.only)
    with tempfile.TemporaryDirectory() as name, ByColour(appcode=APPCODE) as service:
        if told.without_local:
            os.environ |= without_local(Path(name))
        ocrcars = {"endpoint": service.endpoint, "appcode": APPCODE}
        through, playing = contestants(Product({"engine": "ocrcars", "ocrcars": ocrcars}), told.dvr_scan)
        print(heading(), flush=True)
        for clip in wanted:
            folder = Path(name) / clip.name
            folder.mkdir()
            costs = measure(clip, folder, through, playing)
            print(row(clip.name, costs), flush=True)
            broken += [*lost(clip, folder), *(text for limit in LIMITS if (text := limit.broken(clip, costs)))]
    print("\n".join(["", *(f"BROKEN {text}" for text in broken)]) if broken else "\nno limit is broken")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
