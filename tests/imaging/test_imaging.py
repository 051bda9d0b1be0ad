"""Pictures from outside: some are opened, some are refused, and none fills the memory."""

import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamwatch.imaging.limits import LIMITS, Fault, PictureLimits, UnfitPicture
from streamwatch.imaging.pictures import measure, open_picture

NOISE = np.random.default_rng(3).integers(0, 255, (10, 16, 3), np.uint8)
COLOUR = cv2.resize(NOISE, (81, 47), interpolation=cv2.INTER_CUBIC)
GREY = COLOUR[:, :, 0]
ALPHA = np.dstack([COLOUR, GREY])
WIDE = COLOUR.astype(np.uint16) * 257

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


def encoded(form: str, picture: Array, *how: int) -> bytes:
    return bytes(cv2.imencode(form, picture, how)[1])


def fault_of(data: bytes, limits: PictureLimits = LIMITS) -> Fault:
    with pytest.raises(UnfitPicture) as caught:
        open_picture(data, limits)
    assert len(str(caught.value)) < 200
    return caught.value.fault


GOOD = {
    "JPEG": encoded(".jpg", COLOUR),
    "grey JPEG": encoded(".jpg", GREY),
    "progressive JPEG": encoded(".jpg", COLOUR, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "JPEG with restarts": encoded(".jpg", COLOUR, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "PNG": encoded(".png", COLOUR),
    "grey PNG": encoded(".png", GREY),
    "PNG with alpha": encoded(".png", ALPHA),
    "PNG of 16 bits": encoded(".png", WIDE),
    "BMP": encoded(".bmp", COLOUR),
    "BMP with a palette": encoded(".bmp", GREY),
    "BMP with alpha": encoded(".bmp", ALPHA),
    "WebP": encoded(".webp", COLOUR, cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless WebP": encoded(".webp", COLOUR, cv2.IMWRITE_WEBP_QUALITY, 101),
    "WebP with alpha": encoded(".webp", ALPHA, cv2.IMWRITE_WEBP_QUALITY, 80),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_a_picture_is_what_opencv_makes_of_it(data: bytes) -> None:
    found = measure(data)
    assert (found.width, found.height) == (81, 47)
    right = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(open_picture(data), right)


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_a_cut_picture_is_refused(data: bytes) -> None:
    for length in {2, 3, 8, 12, 20, 30, 60, len(data) // 2, len(data) - 4}:
        assert fault_of(data[:length]) in (Fault.BROKEN, Fault.FORMAT)


@pytest.mark.parametrize(
    "data", [encoded(".tiff", COLOUR), encoded(".ppm", COLOUR), encoded(".jp2", COLOUR), b"GIF89a"]
)
def test_no_other_format_is_opened(data: bytes) -> None:
    assert fault_of(data) is Fault.FORMAT
    assert fault_of(b"") is Fault.FORMAT
    assert fault_of(b"RIFF\x04\0\0\0AVI ") is Fault.FORMAT


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


JPEG = GOOD["JPEG"]
FRAME = JPEG.index(b"\xff\xc0")
SCAN = JPEG.index(b"\xff\xda")


def sized(width: int, height: int) -> bytes:
    """Return the JPEG with another size in its head, over the same few pixels."""
    return JPEG[: FRAME + 5] + struct.pack(">HH", height, width) + JPEG[FRAME + 9 :]


def hidden() -> bytes:
    """Return a JPEG in which some programs see a small picture and libjpeg sees a large one.

    FF00 and a length are a segment for such a program. For libjpeg they are a stuffed byte.
    """
    inner = sized(16000, 16000)[2:-2]
    return b"\xff\xd8\xff\x00" + struct.pack(">H", len(inner) + 2) + inner + JPEG[2:]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(hidden(), id="a stuffed byte between segments"),
        pytest.param(JPEG[:2] + b"\0" + JPEG[2:], id="a byte between segments"),
        pytest.param(JPEG[:FRAME] + JPEG[FRAME : FRAME + 19] + JPEG[FRAME:], id="two frames"),
        pytest.param(JPEG[:-2] + sized(16000, 16000)[FRAME:], id="a frame after the scan"),
        pytest.param(JPEG[:FRAME] + JPEG[SCAN:], id="no frame"),
        pytest.param(JPEG[:SCAN] + b"\xff\xd9", id="no scan"),
        pytest.param(JPEG[:FRAME] + b"\xff\xc9" + JPEG[FRAME + 2 :], id="arithmetic"),
        pytest.param(JPEG[:FRAME] + b"\xff\xc3" + JPEG[FRAME + 2 :], id="lossless"),
        pytest.param(JPEG[:SCAN] + segment(0xDC, b"\x40\x00") + JPEG[SCAN:], id="a size that follows"),
        pytest.param(JPEG[:SCAN] + JPEG[SCAN:-2] * 21 + JPEG[-2:], id="very many scans"),
        pytest.param(JPEG[:2] + segment(0xFE, b"") * 20_000 + JPEG[2:], id="very many segments"),
        pytest.param(JPEG[:FRAME] + b"\xff\xfe\xff\xff" + JPEG[FRAME:], id="a segment beyond the end"),
        pytest.param(JPEG[:FRAME] + b"\xff\xfe\x00\x01" + JPEG[FRAME:], id="a segment of no length"),
        pytest.param(sized(81, 0), id="no height"),
    ],
)
def test_a_jpeg_that_two_readers_could_see_in_two_ways_is_refused(data: bytes) -> None:
    assert fault_of(data) is Fault.BROKEN


def test_what_means_nothing_to_a_jpegs_pixels_does_not_reach_the_decoder() -> None:
    more = segment(0xFE, b"a comment") + segment(0xE2, b"ICC_PROFILE\0...") + segment(0xE1, b"http://ns.adobe.com/xap/")
    fill = b"\xff" * 5
    found = measure(JPEG[:2] + more + fill + JPEG[2:] + b"what cameras append")
    assert found.data == JPEG


def test_a_jpeg_is_turned_upright() -> None:
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, 6, 0, 0)
    assert open_picture(JPEG[:2] + segment(0xE1, exif) + JPEG[2:]).shape == (81, 47, 3)


PNG = b"\x89PNG\r\n\x1a\n"
HEAD = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
ROWS = zlib.compress(bytes(64 * (1 + 3 * 64)))
END = chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([chunk(b"IHDR", HEAD), struct.pack(">I", 0xFFFF1000) + b"IDAT" + b"x" * 10], id="beyond the end"),
        pytest.param([chunk(b"IHDR", HEAD), chunk(b"IHDR", HEAD), chunk(b"IDAT", ROWS), END], id="two heads"),
        pytest.param([chunk(b"IDAT", ROWS), chunk(b"IHDR", HEAD), END], id="no head first"),
        pytest.param([chunk(b"IHDR", HEAD), chunk(b"IDAT", ROWS)], id="no end"),
        pytest.param([chunk(b"IHDR", HEAD), chunk(b"acTL", bytes(8)), chunk(b"IDAT", ROWS), END], id="animated"),
        pytest.param([chunk(b"IHDR", HEAD), chunk(b"IDAT", ROWS)[:-1] + b"\0", END], id="a wrong checksum"),
        pytest.param([chunk(b"IHDR", HEAD), chunk(b"IDAT", zlib.compress(bytes(50_000_000))), END], id="too much"),
        pytest.param([chunk(b"IHDR", HEAD), chunk(b"IDAT", ROWS[:-9]), END], id="too little"),
        pytest.param([chunk(b"IHDR", HEAD), chunk(b"IDAT", b"no zlib"), END], id="not packed"),
        pytest.param([chunk(b"IHDR", HEAD), END], id="no pixels"),
        pytest.param([chunk(b"IHDR", HEAD), chunk(b"ABCD", b""), chunk(b"IDAT", ROWS), END], id="unknown and needed"),
        pytest.param([chunk(b"IHDR", HEAD[:8] + b"\x08\x03\0\0\0"), chunk(b"IDAT", ROWS), END], id="no palette"),
        pytest.param([chunk(b"IHDR", HEAD[:8] + b"\x07\x02\0\0\0"), chunk(b"IDAT", ROWS), END], id="7 bits"),
        pytest.param([chunk(b"IHDR", HEAD), *[chunk(b"teXt", b"")] * 20_000, chunk(b"IDAT", ROWS), END], id="many"),
    ],
)
def test_a_png_that_is_not_what_it_says_is_refused(chunks: list[bytes]) -> None:
    assert fault_of(PNG + b"".join(chunks)) is Fault.BROKEN


def test_texts_and_profiles_of_a_png_do_not_reach_the_decoder() -> None:
    whole = PNG + chunk(b"IHDR", HEAD) + chunk(b"IDAT", ROWS) + END
    packed = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000)))
    assert measure(PNG + chunk(b"IHDR", HEAD) + packed * 50 + chunk(b"IDAT", ROWS) + END).data == whole


def test_an_interlaced_png_is_opened() -> None:
    head = struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 1)
    data = PNG + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + END
    assert open_picture(data).shape == (9, 9, 3)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(c)) + c + bytes(len(c) % 2) for k, c in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


WEBP = GOOD["lossless WebP"]
VP8L = (b"VP8L", WEBP[20 : 20 + struct.unpack_from("<I", WEBP, 16)[0]])
CANVAS = struct.pack("<I", 80)[:3] + struct.pack("<I", 46)[:3]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(riff((b"VP8X", b"\x02\0\0\0" + CANVAS), VP8L), id="animated"),
        pytest.param(riff((b"ANIM", bytes(6)), VP8L), id="an animation's chunk"),
        pytest.param(riff((b"VP8X", bytes(4) + bytes(6)), VP8L), id="two sizes"),
        pytest.param(riff(VP8L, VP8L), id="two pictures"),
        pytest.param(riff((b"EXIF", b"x")), id="no picture"),
        pytest.param(riff((b"VP8 ", b"\x01" + bytes(20))), id="not a key frame"),
        pytest.param(riff((b"VP8L", b"\x2f" + b"\xff" * 4)), id="another version"),
    ],
)
def test_a_webp_that_is_not_one_picture_is_refused(data: bytes) -> None:
    assert fault_of(data) is Fault.BROKEN


def test_a_webp_with_more_in_it_is_opened() -> None:
    data = riff((b"VP8X", b"\x08\0\0\0" + CANVAS), (b"ICCP", b"profile"), VP8L, (b"EXIF", b"x"))
    assert open_picture(data).shape == (47, 81, 3)
    assert measure(data).data == WEBP


BMP = GOOD["BMP"]


@pytest.mark.parametrize(
    ("at", "form", "value"),
    [
        (10, "<I", 20),
        (10, "<I", 1 << 31),
        (14, "<I", 12),
        (18, "<i", -81),
        (18, "<i", 30_000),
        (22, "<i", 1 << 30),
        (22, "<i", -(1 << 31)),
        (22, "<i", 0),
        (26, "<H", 2),
        (28, "<H", 1),
        (30, "<I", 1),
        (46, "<I", 1 << 31),
    ],
)
def test_a_bmp_that_is_not_what_it_says_is_refused(at: int, form: str, value: int) -> None:
    data = bytearray(BMP)
    struct.pack_into(form, data, at, value)
    assert fault_of(bytes(data)) is Fault.BROKEN


def test_a_bmp_may_begin_with_its_uppermost_row() -> None:
    data = bytearray(BMP)
    struct.pack_into("<i", data, 22, -47)
    assert np.array_equal(open_picture(bytes(data)), open_picture(BMP)[::-1])


@pytest.mark.parametrize(
    "data",
    [
        sized(65535, 65535),
        sized(16385, 100),
        sized(5001, 5000),
        PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 4000, 4000, 16, 6, 0, 0, 0)) + chunk(b"IDAT", b"x") + END,
        riff((b"VP8L", b"\x2f" + (16382 | 16382 << 14).to_bytes(4, "little") + bytes(9))),
        JPEG + bytes(LIMITS.bytes),
    ],
)
def test_what_would_take_too_much_is_refused_before_it_is_decoded(data: bytes) -> None:
    assert fault_of(data) is Fault.TOO_LARGE


def test_limits_can_be_narrower() -> None:
    for limits in (PictureLimits(side=80), PictureLimits(pixels=81 * 47 - 1), PictureLimits(bytes=len(JPEG) - 1)):
        assert fault_of(JPEG, limits) is Fault.TOO_LARGE
    assert open_picture(JPEG, PictureLimits(len(JPEG), 81, 81 * 47)).shape == (47, 81, 3)


def test_opencv_itself_has_limits() -> None:
    """streamwatch sets OpenCV's own limit before OpenCV is imported, for pictures that are opened in another way."""
    code = (
        "import sys, streamwatch.imaging.pictures, cv2, numpy as n; "
        "cv2.imdecode(n.frombuffer(sys.stdin.buffer.read(), n.uint8), 1)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=sized(12000, 12000), capture_output=True)
    assert done.returncode
    assert b"CV_IO_MAX_IMAGE_PIXELS" in done.stderr


def test_mutated_pictures_are_opened_or_refused_in_little_memory(tmp_path: Path) -> None:
    fuzz = Path(__file__).parents[1] / "benchmarks" / "fuzz_pictures.py"
    done = subprocess.run([sys.executable, fuzz, "500", "11", "400"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "opened" in done.stdout
    assert "broken" in done.stdout
    assert not list(tmp_path.iterdir())


def test_bombs_take_no_memory() -> None:
    """All are opened in this process, so that the memory they would take is counted."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in (hidden(), PNG + chunk(b"IHDR", HEAD) + struct.pack(">I", 0xFFFF1000) + b"IDAT" + b"x" * 10):
        fault_of(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
