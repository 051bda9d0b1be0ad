"""Training samples: a crop of a scene as a poor camera would show it, and the wanted answer of the network."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from platedetector.net import STRIDE

Picture = np.ndarray
Rng = np.random.Generator

SIDE = 320
CELLS = SIDE // STRIDE
_NARROWEST = 24.0
"""Pixels; a narrower plate is ignored."""


class Samples(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """The samples. Sample n is the same for the same seed: all of it comes from a random stream of its own."""

    def __init__(self, folder: Path, shards: range, length: int, seed: int) -> None:
        self._shards = [np.load(folder / f"{n:03}.npy", mmap_mode="r") for n in shards]
        labels = [np.load(folder / f"{n:03}.npz") for n in shards]
        self._corners, self._state = ([part[name] for part in labels] for name in ("corners", "state"))
        self._length, self._seed = length, seed

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the picture (1, SIDE, SIDE), 0 to 1, the heat map (2, cells, cells), and corners (9, cells, cells).

        The heat map is what is wanted and its weight; corners are eight offsets in pixels from the cell's centre and
        their weight, one over the plate's height in pixels.
        """
        cv2.setNumThreads(1)
        rng = np.random.default_rng([self._seed, n])
        shard = int(rng.integers(len(self._shards)))
        scene = int(rng.integers(len(self._shards[shard])))
        state = self._state[shard][scene]
        picture, corners = crop(
            rng, self._shards[shard][scene], self._corners[shard][scene][state > 0], state[state > 0]
        )
        picture = spoil(rng, picture)
        heat, offsets = targets(corners, state[state > 0])
        return (
            torch.from_numpy(picture[None].astype(np.float32) / 255),
            torch.from_numpy(heat),
            torch.from_numpy(offsets),
        )


def crop(rng: Rng, scene: Picture, corners: Picture, state: Picture) -> tuple[Picture, Picture]:
    height, width = scene.shape
    scale = float(np.exp(rng.uniform(np.log(SIDE / height), np.log(1.5))))
    whole = corners[state == 1]
    if len(whole) and rng.random() < 0.72:
        centre = whole[rng.integers(len(whole))].mean(0) + rng.uniform(-0.42, 0.42, 2) * SIDE / scale
    else:
        centre = rng.uniform(0, 1, 2) * (width, height)
    half = SIDE / scale / 2
    centre = np.clip(centre, (half, half), (max(half, width - half), max(half, height - half)))
    stretch, lean = rng.uniform(0.88, 1.12), rng.normal(0, 0.04)
    matrix = np.array([[scale * stretch, scale * lean, 0], [0, scale, 0]], np.float64)
    matrix[:, 2] = SIDE / 2 - matrix[:, :2] @ centre
    if rng.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += SIDE - 1
        corners = corners[:, [1, 0, 3, 2]]
    if scale < 0.9:
        scene = cv2.GaussianBlur(scene, (0, 0), float(rng.uniform(0.2, 0.45)) / scale)
    picture = cv2.warpAffine(scene, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return picture, corners @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)


def spoil(rng: Rng, picture: Picture) -> Picture:
    """Return a picture as a poor camera shows it: exposure, blur, few pixels, noise, blocks."""
    if rng.random() < 0.3:
        picture = _motion(rng, picture)
    elif rng.random() < 0.45:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.7)))
    if rng.random() < 0.15:  # taken with fewer pixels, or interlaced
        small = SIDE / rng.uniform(1.2, 2.0)
        size = (round(small), SIDE if rng.random() < 0.3 else round(small))
        picture = cv2.resize(
            cv2.resize(picture, size, interpolation=cv2.INTER_AREA), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR
        )
    if rng.random() < 0.7:  # exposure
        x = np.arange(256, dtype=np.float32) / 255
        curve = 255 * (x ** np.exp(rng.normal(0, 0.35))) * np.exp(rng.normal(-0.05, 0.3)) + rng.uniform(-15, 20)
        picture = cv2.LUT(picture, np.clip(curve, 0, 255).astype(np.uint8))
    if rng.random() < 0.55:
        deviation = float(np.exp(rng.uniform(np.log(1), np.log(16))))
        noise = np.empty((SIDE, SIDE), np.int16)
        cv2.setRNGSeed(int(rng.integers(1 << 31)))
        cv2.randn(noise, 0, deviation)
        if rng.random() < 0.4:
            noise = cv2.GaussianBlur(noise, (0, 0), 0.8)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:  # sharpened by the camera
        soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
        gain = float(rng.uniform(0.4, 1.5))
        picture = cv2.addWeighted(picture, 1 + gain, soft, -gain, 0)
    if rng.random() < 0.55:
        quality = int(rng.uniform(8, 60) if rng.random() < 0.5 else rng.uniform(50, 95))
        picture = cv2.imdecode(
            cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
        )
        if quality < 30 and rng.random() < 0.6:  # a video codec smooths its blocks
            picture = cv2.GaussianBlur(picture, (3, 3), float(rng.uniform(0.4, 0.9)))
    if rng.random() < 0.1:  # something in front of the lens
        x, y, w, h = (int(v) for v in rng.uniform(0.05, 0.6, 4) * SIDE)
        if rng.random() < 0.5:
            x = 0
        picture[y : y + h // 3, x : x + w // 3] = rng.integers(0, 256)
    return picture


def _motion(rng: Rng, picture: Picture) -> Picture:
    length = rng.uniform(2, 9)
    angle = rng.uniform(0, np.pi)
    size = int(length) | 1
    kernel = np.zeros((size, size), np.float32)
    middle, step = size // 2, np.array([np.cos(angle), np.sin(angle)]) * length / 2
    a, b = ((middle + sign * step) for sign in (-1, 1))
    cv2.line(kernel, (round(a[0]), round(a[1])), (round(b[0]), round(b[1])), 1.0, 1, cv2.LINE_AA)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def targets(corners: Picture, state: Picture) -> tuple[Picture, Picture]:
    """Return heat map and offsets for plates in pixels of the crop."""
    heat = np.stack([np.zeros((CELLS, CELLS), np.float32), np.ones((CELLS, CELLS), np.float32)])
    offsets = np.zeros((9, CELLS, CELLS), np.float32)
    ys, xs = np.mgrid[:CELLS, :CELLS].astype(np.float32)
    for quad, kind in zip(corners, state, strict=True):
        low, high = quad.min(0), quad.max(0)
        if (high <= 0).any() or (low >= SIDE).any():
            continue
        width = np.linalg.norm(quad[1] - quad[0] + quad[2] - quad[3]) / 2
        tall = np.linalg.norm(quad[3] - quad[0] + quad[2] - quad[1]) / 2
        size = high - low
        inside = np.prod(np.minimum(high, SIDE) - np.maximum(low, 0)) / np.prod(size)
        centre = quad.mean(0)
        cell = np.floor(centre / STRIDE).astype(int)
        if kind == 2 or inside < 0.9 or width < _NARROWEST or tall < 5 or (cell < 0).any() or (cell >= CELLS).any():
            x0, y0 = np.maximum(0, np.floor(low / STRIDE)).astype(int)
            x1, y1 = np.ceil(high / STRIDE).astype(int)
            heat[1, y0:y1, x0:x1] = 0
            continue
        sigma = np.maximum(0.5, (0.54 * size / STRIDE + 1) / 6)
        bell = np.exp(-((xs - cell[0]) ** 2) / (2 * sigma[0] ** 2) - (ys - cell[1]) ** 2 / (2 * sigma[1] ** 2))
        near = (bell > 0.35) & (bell > heat[0])
        heat[0] = np.maximum(heat[0], bell)
        middle = np.stack([xs, ys]) * STRIDE + STRIDE / 2 - 0.5
        for n, point in enumerate(quad):
            offsets[2 * n][near] = (point[0] - middle[0])[near]
            offsets[2 * n + 1][near] = (point[1] - middle[1])[near]
        offsets[8][near] = (bell / max(tall, 8.0))[near]
    return heat, offsets
