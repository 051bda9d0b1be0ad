"""Draw the sample clip that is a part of the package: `python tests/draw_sample.py`.

Four vehicles with invented plates and one person pass an empty gate; it starts and ends empty, so that it can loop.
"""

from pathlib import Path

from clips import Person, Truth, Vehicle, render

SAMPLE = Path(__file__).parent.parent / "streamwatch" / "capture" / "sample.mp4"
SECONDS = 40
ACTORS = [
    Vehicle("京AF0236", "blue", enter=1.2, colour=(58, 44, 148)),
    Vehicle("浙AD60718", "green", enter=9.2, colour=(226, 222, 216)),
    Vehicle("苏EK3P82", "yellow", enter=17.2, colour=(196, 118, 52)),
    Vehicle("川A0638警", "white", enter=25.2, colour=(118, 74, 40)),
    Person(enter=33.2, cross=5.2),
]


def draw(path: Path = SAMPLE) -> list[Truth]:
    """Write the clip and return what it shows."""
    return render(path, ACTORS, SECONDS, crf=28, gop=4, preset="slow")


if __name__ == "__main__":
    for row in draw():
        print(row)
    print(f"{SAMPLE}: {SAMPLE.stat().st_size / 1e6:.2f} MB")
