"""The local reader on labelled photos, near and far, and on pictures without a plate; and plain rapidocr beside it.

    python tests/benchmarks/reader.py PHOTOS [LABELS.csv] [--home-province 粤] [--empty VIDEO…]

LABELS.csv (default: the only CSV file of PHOTOS) has a header with at least the columns `file`, `plate`, `w`, `h`: the
text of one plate of each photo, and the size of the box around it in pixels. Each engine runs in a process of its own,
on one thread, so that its memory is its own. Times are CPU milliseconds a picture.

- photos: how many of the labelled plates are read, by the kind of plate, and what each confidence is worth. Other
  plates of a photo are not judged, as nobody has written down their texts.
- far: the same photos, shrunk until the plate is so many pixels wide, in a drawn gate of 1920x1080; and the same
  slanted: seen from the side and from above.
- empty: drawn gates and pictures of text, and a frame a second of each VIDEO, which must show no plate.
"""

import argparse
import csv
import multiprocessing
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from clips import Person, frames
from draw_text import draw_text
from drawing import gate

from streamwatch.core import plates

BINS = (0.0, 0.2, 0.5, 0.8, 0.95, 1.01)
SURE = 0.95
"""Confidence from which a reading is taken without a second look (`recognizer.pay_below`)."""
ALIKE = 2
"""Distance up to which a reading is one of the labelled plate."""
FAR = ((40, 50), (50, 60), (60, 80))
WIDE = (1920, 1080)
SLANT = np.array([[0.75, 0.0], [-0.28, 1.0]])
"""x and y of a photo that is seen from its left side: the plate falls by 20 degrees."""
Texts = list[tuple[str, float]]
"""What an engine says of a picture, best first: plates with confidences."""
Read = Callable[[bytes], Texts]


@dataclass
class Photo:
    """A labelled photo, or a picture made from one. jpeg: its bytes."""

    jpeg: bytes
    plate: str


@dataclass
class Result:
    """What an engine said of each picture of a set, and the CPU seconds each took."""

    said: list[Texts]
    cpu: list[float]


def local(home_province: str) -> Read:
    from streamwatch.recognition.local.reader import LocalReader

    class Nobody:
        def about_to_pay(self, attempt: int, picture: bytes | str) -> None: ...
        def ended(self, attempt: int, result: object) -> None: ...

    reader = LocalReader(1, home_province=home_province)
    return lambda jpeg: [(one.text, one.confidence or 0.0) for one in reader.read(jpeg, Nobody())]


def rapidocr(home_province: str) -> Read:
    """Return plain rapidocr with the grammar's choice of its texts; it knows no home province."""
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    engine = RapidOCR(params={"Global.log_level": "critical", **threads})

    def read(jpeg: bytes) -> Texts:
        said = engine(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
        found = [
            (plates.CHINA.plausible(text), float(score))
            for text, score in zip(said.txts or (), said.scores or (), strict=True)
        ]
        return sorted(((plate.text, score) for plate, score in found if plate), key=lambda one: -one[1])

    return read


def encoded(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def far(photo: np.ndarray, wide: float, slanted: bool, rng: np.random.Generator) -> bytes:
    """Return a 1920x1080 drawn gate with the photo in it. wide: factor by which it is shrunk."""
    height, width = photo.shape[:2]
    turn = (SLANT if slanted else np.eye(2)) * wide
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) @ turn.T
    shift = -corners.min(axis=0)
    size = np.ceil(np.ptp(corners, axis=0)).astype(int)
    # Shrunk first by areas, so that no pixel of the photo is passed over.
    small = cv2.resize(photo, None, fx=wide, fy=wide, interpolation=cv2.INTER_AREA)
    warp = np.hstack([turn / wide, shift[:, None]])
    scene = gate(WIDE)
    room = np.maximum(np.array(WIDE) - size, 0)
    x, y = (int(rng.integers(0, most + 1)) for most in room)
    part = scene[y : y + size[1], x : x + size[0]]
    shown = part.shape[1::-1]
    inside = cv2.warpAffine(np.full(small.shape[:2], 255, np.uint8), warp, shown) > 250
    part[inside] = cv2.warpAffine(small, warp, shown, flags=cv2.INTER_LINEAR)[inside]
    return encoded(scene)


def far_sets(photos: list[Photo], rows: list[dict[str, str]]) -> Iterator[tuple[str, list[Photo]]]:
    """Return the far sets, without plates that are as small already: photos are shrunk, never enlarged."""
    pictures = [cv2.imdecode(np.frombuffer(photo.jpeg, np.uint8), cv2.IMREAD_COLOR) for photo in photos]
    for slanted in (False, True):
        for low, high in FAR:
            rng = np.random.default_rng(low)
            made = []
            for photo, picture, row in zip(photos, pictures, rows, strict=True):
                wide = rng.uniform(low, high) / float(row["w"])
                if wide <= 1:
                    made.append(Photo(far(picture, wide, slanted, rng), photo.plate))
            yield f"{low} to {high} px{', slanted' if slanted else ''}", made


def empty_sets(videos: list[Path]) -> Iterator[tuple[str, list[bytes]]]:
    for size in ((1280, 720), WIDE):
        scenes = list(frames([Person(enter=0), Person(enter=1.5)], 6, 2, size))
        yield f"drawn gate {size[0]}x{size[1]}", [encoded(picture) for _, picture in scenes]
        texts = [draw_text(np.random.default_rng(seed), size) for seed in range(20)]
        yield f"drawn text {size[0]}x{size[1]}", [encoded(picture) for picture in texts]
    for video in videos:
        clip, shown = cv2.VideoCapture(str(video)), []
        each = round(clip.get(cv2.CAP_PROP_FPS))
        while clip.grab():
            if len(shown) * each <= clip.get(cv2.CAP_PROP_POS_FRAMES) - 1:
                shown.append(encoded(clip.retrieve()[1]))
        yield video.name, shown


def measure(make: Callable[[str], Read], sets: list[list[bytes]], home: str, out: object) -> None:
    cv2.setNumThreads(1)
    started = time.perf_counter()
    read = make(home)
    start = time.perf_counter() - started
    read(sets[0][0])
    results = []
    for pictures in sets:
        result = Result([], [])
        for jpeg in pictures:
            begun = time.process_time()
            result.said.append(read(jpeg))
            result.cpu.append(time.process_time() - begun)
        results.append(result)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out.put((start, results, peak))  # type: ignore[attr-defined]


def run(make: Callable[[str], Read], sets: list[list[bytes]], home: str) -> tuple[float, list[Result], float]:
    """Return the seconds until it is loaded, what it said of each set, and its peak memory in MB."""
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    process = context.Process(target=measure, args=(make, sets, home, out))
    process.start()
    result: tuple[float, list[Result], float] = out.get()
    process.join()
    return result


def cost(result: Result) -> str:
    return f"CPU {1000 * np.mean(result.cpu):.0f} ms mean, {1000 * np.percentile(result.cpu, 95):.0f} ms 95 %"


def sure_but_wrong(result: Result, photos: list[Photo]) -> list[str]:
    return [
        f"{text} for {photo.plate} at {confidence:.3f}"
        for texts, photo in zip(result.said, photos, strict=True)
        for text, confidence in texts
        if confidence >= SURE and text != photo.plate and plates.distance(text, photo.plate) <= ALIKE
    ]


def reliability(result: Result, photos: list[Photo]) -> None:
    rows = [
        (confidence, text == photo.plate)
        for texts, photo in zip(result.said, photos, strict=True)
        for text, confidence in texts
        if plates.distance(text, photo.plate) <= ALIKE
    ]
    print("  confidence      readings   exact")
    for low, high in pairwise(BINS):
        hits = [exact for confidence, exact in rows if low <= confidence < high]
        if hits:
            print(f"  {low:4.2f} to {min(high, 1):4.2f}   {len(hits):8d}   {100 * sum(hits) / len(hits):4.0f} %")


def kind(plate: str) -> str:
    found = plates.CHINA.plausible(plate)
    return found.kind if found else "no kind"


def report(name: str, start: float, peak: float, result: Result, photos: list[Photo]) -> None:
    labels = [photo.plate for photo in photos]
    among = [label in [text for text, _ in texts] for texts, label in zip(result.said, labels, strict=True)]
    best = sum(bool(texts) and texts[0][0] == label for texts, label in zip(result.said, labels, strict=True))
    but_province = sum(label[1:] in [t[1:] for t, _ in texts] for texts, label in zip(result.said, labels, strict=True))
    print(f"{name}: {len(labels)} photos, start {start:.1f} s, peak memory {peak:.0f} MB")
    print(f"  among those returned {sum(among)}, best {best}, but for the province {but_province}; {cost(result)}")
    every, read = Counter(map(kind, labels)), Counter(kind(one) for one, hit in zip(labels, among, strict=True) if hit)
    print("  by kind: " + ", ".join(f"{one} {read[one]} of {count}" for one, count in every.most_common()))
    print("  not read: " + ", ".join(label for label, hit in zip(labels, among, strict=True) if not hit))
    print("  sure but not the label: " + (", ".join(sure_but_wrong(result, photos)) or "none"))
    reliability(result, photos)


def report_far(name: str, result: Result, photos: list[Photo]) -> None:
    pairs = list(zip(result.said, photos, strict=True))
    read = sum(photo.plate in [text for text, _ in texts] for texts, photo in pairs)
    but_province = sum(photo.plate[1:] in [text[1:] for text, _ in texts] for texts, photo in pairs)
    sure = sum((photo.plate, True) in [(text, c >= SURE) for text, c in texts] for texts, photo in pairs)
    wrong = sure_but_wrong(result, photos)
    print(
        f"  {name}: {len(photos)} plates, {read} read, {but_province} but for the province, {sure} surely,"
        f" {len(wrong)} surely but wrong; {cost(result)}"
    )
    for one in wrong:
        print(f"    {one}")


def report_empty(name: str, result: Result) -> None:
    taken = [f"{text} at {confidence:.2f}" for texts in result.said for text, confidence in texts]
    print(f"  {name}: {len(result.said)} pictures, {len(taken)} plates; {cost(result)}")
    for one in taken:
        print(f"    {one}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("labels", type=Path, nargs="?")
    parser.add_argument("--home-province", default="")
    parser.add_argument("--empty", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    labels_file = given.labels or next(given.photos.glob("*.csv"))
    with labels_file.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    photos = [Photo((given.photos / row["file"]).read_bytes(), re.sub(r"\s", "", row["plate"])) for row in rows]
    distant, without = dict(far_sets(photos, rows)), dict(empty_sets(given.empty))
    near = [photo.jpeg for photo in photos]
    sets = [near, *([photo.jpeg for photo in made] for made in distant.values()), *without.values()]
    start, results, peak = run(local, sets, given.home_province)
    report("local", start, peak, results[0], photos)
    print("far, in 1920x1080:")
    for (name, made), result in zip(distant.items(), results[1:], strict=False):
        report_far(name, result, made)
    print("without a plate:")
    for name, result in zip(without, results[1 + len(distant) :], strict=True):
        report_empty(name, result)
    start, results, peak = run(rapidocr, [near], given.home_province)
    report("plain rapidocr", start, peak, results[0], photos)


if __name__ == "__main__":
    main()
