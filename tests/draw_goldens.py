"""Play the scenes of `golden_scenes.py` to the gate and write its decisions to `goldens.json`.

    python tests/draw_goldens.py [FOLDER]

Prints each scene with what is wanted of it; look at both before you commit. FOLDER: where each scene is also written as
a video, to be looked at or explained by `streamwatch replay`.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from golden_scenes import FPS, GOLDENS, SCENES, Scene, play, told

from streamwatch.detection import PlateDetector


def film(scene: Scene, path: Path) -> None:
    """Write a scene as a video."""
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=FPS, options={"crf": "20", "bf": "0", "threads": "1"})
        assert isinstance(stream, av.VideoStream)
        size = scene.sizes[0][1]
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for n, t in enumerate(scene.times()):
            picture, _ = scene.draw(t, grey=False)
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24").reformat(*size)
            shown.pts, shown.time_base = n, Fraction(1, FPS)
            box.mux(stream.encode(shown))
        box.mux(stream.encode())


def main(folder: Path | None) -> None:
    """Make the goldens again."""
    detector, goldens = PlateDetector(), {}
    for n, scene in enumerate(SCENES, 1):
        goldens[scene.name] = play(scene, detector).golden
        print(f"{scene.name}\n  wanted: {scene.wanted}", *told(goldens[scene.name]), sep="\n  ")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            film(scene, folder / f"{n:02} {scene.name}.mp4")
    GOLDENS.write_text(json.dumps(goldens, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
