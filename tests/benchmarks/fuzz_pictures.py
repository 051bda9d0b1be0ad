"""Opens N mutated pictures as strangers might send them, and says how long and how large the worst was.

    python tests/benchmarks/fuzz_pictures.py [N] [SEED] [MEGABYTES]

JPEG, PNG, BMP and WebP with mutated heads, lengths, sizes and checksums (made right again), cut, spliced and with parts
inserted. Every one must be opened or refused by `UnfitPicture`, within MEGABYTES (400) of memory and 2 s of CPU time.
Exit code 1 where one was not; it is written to fuzz-SEED-NUMBER beside the working directory then.
"""

import random
import resource
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from streamwatch.imaging.limits import LIMITS, UnfitPicture
from streamwatch.imaging.pictures import open_picture

LONGEST = 2.0
_EXTREMES = (
    0,
    1,
    2,
    14,
    255,
    256,
    4095,
    4096,
    16383,
    16384,
    32767,
    65535,
    1 << 24,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
)
_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"iCCP", b"zTXt", b"eXIf", b"abCD")


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, depth: int, colour: int, interlaced: int, raw: bytes, *more: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    whole = [png_chunk(b"IHDR", head), *more, png_chunk(b"IDAT", zlib.compress(raw)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(whole)


def seeds() -> list[bytes]:
    """Return good pictures of all formats and of most of their kinds."""
    noise = np.random.default_rng(7).integers(0, 255, (12, 16, 3), np.uint8)
    colour = cv2.resize(noise, (80, 60), interpolation=cv2.INTER_CUBIC)
    grey, alpha = colour[:, :, 0], np.dstack([colour, colour[:, :, 1]])

    def encode(form: str, picture: np.ndarray, *how: int) -> bytes:  # type: ignore[type-arg]
        return bytes(cv2.imencode(form, picture, how)[1])

    jpegs = [encode(".jpg", colour), encode(".jpg", grey), encode(".jpg", colour, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)]
    jpegs.append(encode(".jpg", colour, cv2.IMWRITE_JPEG_RST_INTERVAL, 3))
    orientation = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, 6, 0, 0)
    jpegs.append(jpegs[0][:2] + b"\xff\xe1" + struct.pack(">H", len(orientation) + 2) + orientation + jpegs[0][2:])
    wide = colour.astype(np.uint16) * 257
    pngs = [encode(".png", one) for one in (colour, grey, alpha, wide)]
    pngs.append(png_of(8, 8, 4, 3, 0, bytes(8 * 5), png_chunk(b"PLTE", bytes(range(48)))))
    pngs.append(png_of(9, 9, 8, 0, 1, bytes(100)))
    bmps = [encode(".bmp", one) for one in (colour, grey, alpha)]
    webps = [encode(".webp", colour, cv2.IMWRITE_WEBP_QUALITY, quality) for quality in (60, 101)]
    webps.append(encode(".webp", alpha, cv2.IMWRITE_WEBP_QUALITY, 60))
    return jpegs + pngs + bmps + webps


class Mutator:
    """Makes one picture of another. Repeatable by its seed."""

    def __init__(self, seed: int) -> None:
        self._chance, self._seeds = random.Random(seed), seeds()
        self._ways: tuple[Callable[[bytearray], bytearray], ...] = (
            self._flip,
            self._head,
            self._head,
            self._number,
            self._number,
            self._cut,
            self._splice,
            self._repeat,
            self._insert,
            self._swap,
        )

    def next(self) -> bytes:
        data = bytearray(self._chance.choice(self._seeds))
        if self._chance.random() < 0.02:
            data = self._large(data)
        for _ in range(self._chance.choice((0, 1, 1, 1, 2, 3, 6))):
            data = self._chance.choice(self._ways)(data)
        if data.startswith(b"\x89PNG") and self._chance.random() < 0.8:
            data = _with_checksums(data)
        return bytes(data)

    def _at(self, data: bytearray, most: int = 1 << 30) -> int:
        return self._chance.randrange(max(1, min(len(data), most)))

    def _flip(self, data: bytearray) -> bytearray:
        for _ in range(self._chance.choice((1, 3, 30))):
            if data:
                data[self._at(data)] ^= 1 << self._chance.randrange(8)
        return data

    def _head(self, data: bytearray) -> bytearray:
        if data:
            data[self._at(data, 64)] = self._chance.randrange(256)
        return data

    def _number(self, data: bytearray) -> bytearray:
        """Change a length, a size or something else of two or four bytes."""
        at = self._at(data, self._chance.choice((32, 200, 1 << 30)))
        width, order = self._chance.choice((2, 4)), self._chance.choice(("big", "little"))
        value = self._chance.choice((*_EXTREMES, self._chance.randrange(1 << 16))) % (1 << 8 * width)
        data[at : at + width] = value.to_bytes(width, order)  # type: ignore[arg-type]
        return data

    def _cut(self, data: bytearray) -> bytearray:
        return data[: self._at(data)]

    def _splice(self, data: bytearray) -> bytearray:
        other = self._chance.choice(self._seeds)
        return data[: self._at(data)] + other[self._at(bytearray(other)) :]

    def _repeat(self, data: bytearray) -> bytearray:
        start, at = self._at(data), self._at(data)
        piece = data[start : start + self._chance.choice((4, 20, 200))] * self._chance.choice((1, 2, 50))
        return data[:at] + piece + data[at:]

    def _insert(self, data: bytearray) -> bytearray:
        content = self._chance.randbytes(self._chance.choice((0, 2, 13, 50)))
        marker = bytes((0xFF, self._chance.randrange(256)))
        piece = self._chance.choice(
            (
                marker + struct.pack(">H", len(content) + 2) + content,
                marker,
                png_chunk(self._chance.choice(_CHUNKS), content),
                png_chunk(b"IDAT", zlib.compress(bytes(3_000_000))),
                b"ANMF" + struct.pack("<I", len(content)) + content,
            )
        )
        at = self._chance.choice((2, 8, 12, 20, 33, self._at(data)))
        return data[:at] + piece + data[at:]

    def _swap(self, data: bytearray) -> bytearray:
        a, b = sorted((self._at(data), self._at(data)))
        return data[:a] + data[b:] + data[a:b]

    def _large(self, data: bytearray) -> bytearray:
        """Announce the largest size that is opened, or a little more, over the same few bytes of pixels."""
        width = self._chance.choice((LIMITS.side, 5000, 4096, 2000))
        height = min(LIMITS.pixels // width + self._chance.choice((0, 0, 1)), 0xFFFF)
        if data.startswith(b"\x89PNG"):
            data[16:24] = struct.pack(">II", width, height)
        elif data.startswith(b"BM"):
            data[18:26] = struct.pack("<II", width, height)
        elif data.startswith(b"RIFF") and data[12:16] == b"VP8L":
            bits = width - 1 | (height - 1) << 14
            data[21:25] = (bits & 0xFFFFFFFF).to_bytes(4, "little")
        elif data.startswith(b"RIFF") and data[12:16] == b"VP8 ":
            data[26:30] = struct.pack("<HH", min(width, 0x3FFF), height & 0x3FFF)
        else:
            at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
            if at >= 0:
                data[at + 5 : at + 9] = struct.pack(">HH", height, width)
        return data


def _with_checksums(data: bytearray) -> bytearray:
    at = 8
    while at + 12 <= len(data):
        length = struct.unpack_from(">I", data, at)[0]
        if at + 12 + length > len(data):
            break
        struct.pack_into(">I", data, at + 8 + length, zlib.crc32(data[at + 4 : at + 8 + length]))
        at += 12 + length
    return data


def virtual_memory() -> int:
    """Return the bytes of address space that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def peak_memory() -> int:
    """Return the MB that this process took at most.

    Not `ru_maxrss`, which a child inherits from the process that started it.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def main(number: int, seed: int, megabytes: int) -> int:
    cv2.setNumThreads(1)
    mutator, outcomes, slowest, failed = Mutator(seed), Counter[str](), 0.0, 0
    begun = peak_memory()
    # Libraries map far more than they use, so the limit is what the process has now and what is left of its memory.
    room = (megabytes - begun) * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (virtual_memory() + room,) * 2)
    for n in range(number):
        data = mutator.next()
        started = time.process_time()
        try:
            open_picture(data)
            outcome = "opened"
        except UnfitPicture as unfit:
            outcome = unfit.fault.name.lower()
        except BaseException as error:
            outcome, failed = f"FAILED {type(error).__name__}", failed + 1
            Path(f"fuzz-{seed}-{n}").write_bytes(data)
        took = time.process_time() - started
        if took > LONGEST:
            failed += 1
            Path(f"fuzz-{seed}-{n}").write_bytes(data)
        outcomes[outcome] += 1
        slowest = max(slowest, took)
        if number >= 10_000 and n % 10_000 == 9_999:
            print(n + 1, dict(outcomes), f"slowest {slowest:.2f} s", flush=True)
    peak = peak_memory()
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"{number} pictures: {counts}; slowest {slowest:.2f} s; peak {peak} MB (began with {begun})")
    return int(failed > 0 or peak > megabytes)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(given + [100_000, 1, 400][len(given) :])))
