"""The local reader and plain rapidocr on the same labelled photos: accuracy, CPU, memory, worth of a confidence.

    python tests/benchmarks/reader.py FOLDER [LABELS.csv] [--home-province 粤]

LABELS.csv (default: the only CSV file of FOLDER) has a header with at least the columns `file` and `plate`. Each engine
runs in a process of its own, on one thread, so that its memory is its own.
"""

import argparse
import csv
import multiprocessing
import re
import resource
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from streamwatch import plates

BINS = (0.0, 0.2, 0.5, 0.8, 0.95, 1.01)
Texts = list[tuple[str, float]]
"""What an engine says of a photo, best first: plates with confidences."""


def local(home_province: str) -> Callable[[bytes], Texts]:
    from streamwatch.recognition.local import LocalReader

    class Nobody:
        def about_to_pay(self, attempt: int, picture: bytes | str) -> None: ...
        def ended(self, attempt: int, result: object) -> None: ...

    reader = LocalReader(1, home_province=home_province)
    return lambda jpeg: [(one.text, one.confidence or 0.0) for one in reader.read(jpeg, Nobody())]


def rapidocr(home_province: str) -> Callable[[bytes], Texts]:
    """As it comes, with what fits the grammar; it knows no home."""
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


def measure(make: Callable[[str], Callable[[bytes], Texts]], photos: list[Path], home: str, out: object) -> None:
    started = time.perf_counter()
    read = make(home)
    start = time.perf_counter() - started
    read(photos[0].read_bytes())
    said, cpu = [], []
    for photo in photos:
        jpeg, begun = photo.read_bytes(), time.process_time()
        said.append(read(jpeg))
        cpu.append(time.process_time() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out.put((start, said, cpu, peak))  # type: ignore[attr-defined]


def reliability(said: list[Texts], labels: list[str]) -> None:
    """Only readings of the labelled plate count: photos may show others, whose texts nobody has written down."""
    rows = [
        (confidence, text == label)
        for texts, label in zip(said, labels, strict=True)
        for text, confidence in texts
        if plates.distance(text, label) <= 2
    ]
    print("  confidence      readings   exact")
    for low, high in pairwise(BINS):
        hits = [exact for confidence, exact in rows if low <= confidence < high]
        if hits:
            print(f"  {low:4.2f} to {min(high, 1):4.2f}   {len(hits):8d}   {100 * sum(hits) / len(hits):4.0f} %")


def report(name: str, result: tuple[float, list[Texts], list[float], float], labels: list[str]) -> None:
    start, said, cpu, peak = result
    among = sum(label in [text for text, _ in texts] for texts, label in zip(said, labels, strict=True))
    best = sum(bool(texts) and texts[0][0] == label for texts, label in zip(said, labels, strict=True))
    but_province = sum(label[1:] in [t[1:] for t, _ in texts] for texts, label in zip(said, labels, strict=True))
    print(f"{name}: {len(labels)} photos, start {start:.1f} s")
    print(f"  among those returned {among}, best {best}, but for the province {but_province}")
    mean, most = 1000 * np.mean(cpu), 1000 * np.percentile(cpu, 95)
    print(f"  CPU {mean:.0f} ms mean, {most:.0f} ms 95 %; peak memory {peak:.0f} MB")
    reliability(said, labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("labels", type=Path, nargs="?")
    parser.add_argument("--home-province", default="")
    arguments = parser.parse_args()
    labels_file = arguments.labels or next(arguments.folder.glob("*.csv"))
    with labels_file.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [re.sub(r"\s", "", row["plate"]) for row in rows]
    photos = [arguments.folder / row["file"] for row in rows]
    context = multiprocessing.get_context("spawn")
    for name, make in {"local": local, "plain rapidocr": rapidocr}.items():
        out = context.Queue()
        process = context.Process(target=measure, args=(make, photos, arguments.home_province, out))
        process.start()
        report(name, out.get(), labels)
        process.join()


if __name__ == "__main__":
    main()
