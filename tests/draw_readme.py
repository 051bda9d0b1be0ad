"""Draw the picture of README: the sample replayed with the local engine, each sent picture with its reading.

`python tests/draw_readme.py`
"""

import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
from sqlalchemy import create_engine, text

from streamwatch.capture.source import SAMPLE
from streamwatch.cli.replay import replay
from streamwatch.core.model import Picture

TARGET = Path(__file__).parent / "what_you_see.jpg"
SIZE = (480, 400)
BAR = 44
QUERY = """
SELECT k.path, k.scale, k.crop_x, k.crop_y, r.plate, r.confidence, r.corners, k.captured_at
FROM readings r JOIN keyframes k ON k.id = r.keyframe_id JOIN sightings s ON s.id = r.sighting_id
ORDER BY k.captured_at
"""


def tile(picture: Picture, corners: list[list[float]], caption: str) -> Picture:
    """Return a picture with its plate outlined, above a bar with the caption."""
    cv2.polylines(picture, [np.array(corners).round().astype(np.int32)], True, (60, 220, 60), 3, cv2.LINE_AA)
    k = max(SIZE[0] / picture.shape[1], SIZE[1] / picture.shape[0])
    picture = cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    left, top = (picture.shape[1] - SIZE[0]) // 2, (picture.shape[0] - SIZE[1]) // 2
    shown = picture[top : top + SIZE[1], left : left + SIZE[0]]
    bar = np.full((BAR, SIZE[0], 3), 32, np.uint8)
    cv2.putText(bar, caption, (14, 31), (235, 235, 235), cv2.FontFace("uni"), 22)
    return np.vstack([shown, bar])


def main() -> None:
    """Replay the sample into a new database and draw what it found."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text("cameras: {gate: {source: sample}}\nrecognizer: {engine: local}\n", encoding="utf-8")
        replay([SAMPLE], "gate", "2026-01-31T08:00:00", config)
        engine = create_engine(f"sqlite:///{folder}/data/streamwatch.db")
        tiles = []
        with engine.connect() as connection:
            for row in connection.execute(text(QUERY)):
                picture = cv2.imread(str(Path(folder) / "data" / row.path))
                corners = [
                    [(x - row.crop_x) * row.scale, (y - row.crop_y) * row.scale] for x, y in json.loads(row.corners)
                ]
                tiles.append(
                    tile(picture, corners, f"{row.captured_at[11:19]}  gate  {row.plate}  {row.confidence:.2f}")
                )
        engine.dispose()
    sheet = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:4])])
    cv2.imwrite(str(TARGET), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
