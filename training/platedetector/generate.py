"""Draw the training pictures into shards: NNN.npy with pictures, NNN.npz with corners.

The same seed gives the same files.

python -m platedetector.generate FOLDER --pictures PICTURES --shards 0 20 --processes 2
"""

import argparse
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np

from platedetector import scenes
from platedetector.surroundings import Bank

PER_SHARD = 1000
SEED = 20261128


def draw_shard(shard: int, folder: Path, pictures: Path | None, hard: int = 0) -> int:
    """Draw the scenes of a shard, from shard * 1000 on, each with its own random stream. An existing shard is kept."""
    if (folder / f"{shard:03}.npz").exists():
        return shard
    cv2.setNumThreads(1)
    bank = Bank(SEED, pictures, hard=hard)
    drawn = np.empty((PER_SHARD, scenes.HEIGHT, scenes.WIDTH), np.uint8)
    corners = np.zeros((PER_SHARD, scenes.MOST, 4, 2), np.float32)
    state = np.zeros((PER_SHARD, scenes.MOST), np.uint8)  # 0 nothing, 1 a plate, 2 ignored
    for n in range(PER_SHARD):
        scene = scenes.draw(np.random.default_rng([SEED, shard * PER_SHARD + n]), bank)
        count = len(scene.corners)
        drawn[n] = scene.picture
        corners[n, :count] = scene.corners
        state[n, :count] = np.where(scene.clear, 1, 2)
    np.save(folder / f"{shard:03}.npy", drawn)
    np.savez(folder / f"{shard:03}.npz", corners=corners, state=state)
    return shard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=Path, default=None)
    parser.add_argument("--shards", type=int, nargs=2, default=(0, 20))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--hard", type=int, default=0, help="0 to 3: how much that is difficult, see surroundings.Bank")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    work = partial(draw_shard, folder=given.folder, pictures=given.pictures, hard=given.hard)
    with Pool(given.processes) as pool:
        for shard in pool.imap_unordered(work, range(*given.shards)):
            print("shard", shard, flush=True)


if __name__ == "__main__":
    main()
