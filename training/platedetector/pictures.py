"""Collect real pictures without plates, as grey PNG files, from packages (for licences see README.md).

    python -m platedetector.pictures UNPACKED FOLDER

UNPACKED holds the Debian packages torcs-data and mate-backgrounds, unpacked with `dpkg-deb -x`; the others come with
scikit-image and scikit-learn.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import skimage
import sklearn

_SHORTEST, _LONGEST = 96, 900
_PLAIN = 9.0
"""Standard deviation of luma below which a picture shows nothing."""
_OURS = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "motorcycle_left",
    "page",
    "rocket",
)


def _files(unpacked: Path) -> Iterator[Path]:
    tracks = unpacked.rglob("games/torcs/tracks/**/*.png")
    yield from sorted(p for p in tracks if "outline" not in p.stem and "map" not in p.stem)
    yield from sorted(unpacked.rglob("backgrounds/mate/nature/*.jpg"))
    data = Path(skimage.__file__).parent / "data"
    yield from sorted(p for p in data.iterdir() if p.stem in _OURS)
    yield from sorted((Path(sklearn.__file__).parent / "datasets" / "images").glob("*.jpg"))


def main(unpacked: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kept = 0
    for path in _files(unpacked):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is None or min(picture.shape) < _SHORTEST or picture.std() < _PLAIN:
            continue
        scale = min(1.0, _LONGEST / max(picture.shape))
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{kept:04}.png"), picture)
        kept += 1
    print(f"{kept} pictures in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
