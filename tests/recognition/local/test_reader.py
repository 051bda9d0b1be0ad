"""The local engine on drawn plates: what it reads, what it refuses, and that it contacts nobody."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import Person, Vehicle, draw_plate, frames
from draw_sample import ACTORS, SAMPLE
from drawing import gate

from streamwatch.core import plates
from streamwatch.core.errors import EngineMissing, PictureBroken
from streamwatch.core.model import CallResult, Corners, Engine, PlateText
from streamwatch.recognition.local import lines
from streamwatch.recognition.local.networks import open_network
from streamwatch.recognition.local.reader import LocalReader


class NobodyPays:
    def about_to_pay(self, attempt: int, picture: bytes | str) -> None:
        raise AssertionError("the local engine costs nothing")

    def ended(self, attempt: int, result: CallResult) -> None:
        raise AssertionError("the local engine costs nothing")


@pytest.fixture(scope="module")
def reader() -> Iterator[LocalReader]:
    reader = LocalReader()
    yield reader
    reader.close()


def jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def scene(*actors: Vehicle | Person) -> bytes:
    """Return the drawn gate as it is after three seconds."""
    return jpeg(list(frames(actors, 3.1, 10))[-1][1])


def on_grey(*parts: tuple[np.ndarray, int, int]) -> bytes:
    """Return pictures pasted onto a grey wall, each with its left and top."""
    wall = np.full((540, 960, 3), 120, np.uint8)
    for picture, x, y in parts:
        wall[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return jpeg(wall)


def read(reader: LocalReader, picture: bytes) -> list[PlateText]:
    return reader.read(picture, NobodyPays())


@pytest.mark.parametrize(
    ("plate", "kind"),
    [
        ("京A12345", "blue"),
        ("皖NK807T", "blue"),
        ("粤BDK4821", "green"),
        ("沪B60718F", "green"),
        ("苏EK3P82", "yellow"),
        ("川A0638警", "white"),
        ("粤ZK38R港", "black"),
    ],
)
def test_reads_each_kind_of_plate(reader: LocalReader, plate: str, kind: str) -> None:
    found = read(reader, scene(Vehicle(plate, kind, enter=0)))
    assert [(one.text, one.colour) for one in found] == [(plate, kind)]
    assert 0.85 <= found[0].confidence <= 1


def test_corners_go_round_the_plate_from_left_top(reader: LocalReader) -> None:
    plate = draw_plate("京A12345", width=220)
    [found] = read(reader, on_grey((plate, 300, 200)))
    expected = [(300, 200), (520, 200), (520, 270), (300, 270)]
    assert np.abs(np.array(found.corners) - expected).max() < 10


def test_reads_all_plates_of_a_picture_best_first(reader: LocalReader) -> None:
    left, right = (
        Vehicle("京A12345", enter=0, lane=-0.22, near=0.6),
        Vehicle("浙AD60718", "green", 0, lane=0.22, near=0.6),
    )
    found = read(reader, scene(left, right))
    assert {one.text for one in found} == {"京A12345", "浙AD60718"}
    assert found[0].confidence >= found[1].confidence


def two_plates() -> tuple[bytes, Corners, Corners]:
    """Return a picture, and the corners of its plates 京A12345 and 川B67890."""
    first, second = (draw_plate(plate, width=160) for plate in ("京A12345", "川B67890"))
    places = [((x, 200.0), (x + 160.0, 200.0), (x + 160.0, 251.0), (x, 251.0)) for x in (150.0, 600.0)]
    return on_grey((first, 150, 200), (second, 600, 200)), places[0], places[1]


def test_reads_only_the_plate_whose_place_is_named(reader: LocalReader) -> None:
    picture, _, place = two_plates()
    [found] = reader.read_near(picture, [place], NobodyPays())
    assert found.text == "川B67890"
    assert np.abs(np.array(found.corners) - place).max() < 10, "in pixels of the whole picture"


def test_reads_each_of_several_places(reader: LocalReader) -> None:
    picture, first, second = two_plates()
    found = reader.read_near(picture, [first, second], NobodyPays())
    assert {one.text for one in found} == {"京A12345", "川B67890"}


@pytest.mark.parametrize(
    "place",
    [
        None,
        ((400.0, 400.0), (500.0, 400.0), (500.0, 430.0), (400.0, 430.0)),
        ((0.0, 0.0),) * 4,
        ((400.0, 400.0),) * 2 + ((500.0, 430.0),) * 2,
    ],
)
def test_reads_the_whole_picture_where_a_named_place_shows_no_plate(reader: LocalReader, place: Corners | None) -> None:
    picture, first, _ = two_plates()
    found = reader.read_near(picture, [first, place], NobodyPays())
    assert {one.text for one in found} == {"京A12345", "川B67890"}


def test_a_named_place_costs_less(reader: LocalReader) -> None:
    picture, place, _ = two_plates()
    began = time.thread_time()
    reader.read(picture, NobodyPays())
    whole = time.thread_time() - began
    reader.read_near(picture, [place], NobodyPays())
    assert time.thread_time() - began - whole < 0.6 * whole


def test_reads_the_two_lines_of_a_truck_as_one(reader: LocalReader) -> None:
    [found] = read(reader, on_grey((draw_plate("鲁B1234挂", "two-line", 260), 300, 200)))
    assert found.text == "鲁B1234挂"
    assert np.abs(np.array(found.corners)[:, 1] - [200, 200, 330, 330]).max() < 30


def test_reads_a_plate_behind_a_post(reader: LocalReader) -> None:
    plate = draw_plate("京A12345", width=330)
    [found] = read(reader, on_grey((plate[:, :50], 300, 200), (plate[:, 50:], 370, 200)))
    assert found.text == "京A12345"


def in_a_wide_scene(plate: np.ndarray) -> bytes:
    """Return a plate with a dark bumper around it, far away in the drawn gate of 1920x1080 pixels."""
    picture = gate((1920, 1080))
    height, width = plate.shape[:2]
    picture[590 : 610 + height, 970 : 1030 + width] = (40, 38, 38)
    picture[600 : 600 + height, 1000 : 1000 + width] = plate
    return jpeg(picture)


@pytest.mark.parametrize("width", [48, 60, 80])
@pytest.mark.parametrize("plate", ["京A12345", "川B67890", "粤C3K587"])
def test_reads_a_far_plate_in_a_wide_picture(reader: LocalReader, plate: str, width: int) -> None:
    small = cv2.resize(draw_plate(plate, width=440), (width, round(width * 140 / 440)), interpolation=cv2.INTER_AREA)
    [found] = read(reader, in_a_wide_scene(small))
    assert found.text == plate
    right, bottom = 1000 + width, 600 + small.shape[0]
    expected = [(1000, 600), (right, 600), (right, bottom), (1000, bottom)]
    assert np.abs(np.array(found.corners) - expected).max() < 8


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("plate", ["京A12345", "川B67890", "粤C3K587"])
def test_reads_a_far_plate_that_is_slanted(reader: LocalReader, plate: str, width: int) -> None:
    """The plate falls by 15 degrees and is seen from the side."""
    flat = cv2.copyMakeBorder(draw_plate(plate, width=440), 160, 160, 60, 60, cv2.BORDER_CONSTANT, value=(40, 38, 38))
    seen = cv2.warpAffine(flat, np.float32([[0.9, 0, 28], [0.24, 1, -67]]), flat.shape[1::-1], borderValue=(40, 38, 38))
    small = cv2.resize(seen, None, fx=width / 396, fy=width / 396, interpolation=cv2.INTER_AREA)
    [found] = read(reader, in_a_wide_scene(small))
    assert found.text == plate
    assert found.corners[1][1] - found.corners[0][1] > 0.15 * width


def test_a_picture_without_a_plate_is_hardly_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network looks for text, and hardly anything is read."""
    opened, runs = [], []

    class Counted:
        def __init__(self, session: Any) -> None:
            self._session = session
            self.get_modelmeta, self.get_inputs = session.get_modelmeta, session.get_inputs

        def run(self, *given: Any) -> Any:
            runs.append(given)
            return self._session.run(*given)

    def opens(part: str, threads: int) -> Counted:
        opened.append(part)
        return Counted(open_network(part, threads))

    monkeypatch.setattr(lines, "open_network", opens)
    reader = LocalReader()
    assert opened == ["rec"], "and not the network that finds text"
    for picture in (gate(), gate((1920, 1080))):
        assert read(reader, jpeg(picture)) == []
    assert len(runs) <= 2, "what is faintly like a plate is read once at most"
    runs.clear()
    read(reader, scene(Vehicle("京A12345", enter=0)))
    assert 0 < len(runs) <= 5


def test_reads_a_slanted_plate(reader: LocalReader) -> None:
    flat = cv2.copyMakeBorder(draw_plate("京A12345", width=220), 200, 200, 300, 300, cv2.BORDER_CONSTANT)
    turned = cv2.warpAffine(flat, cv2.getRotationMatrix2D((410, 235), 12, 1), flat.shape[1::-1])
    [found] = read(reader, jpeg(turned))
    assert found.text == "京A12345"
    assert found.corners[0][1] > found.corners[1][1] + 20


def test_reads_a_plate_seen_steeply_from_the_side(reader: LocalReader) -> None:
    flat = cv2.copyMakeBorder(draw_plate("川A019W2", width=220), 300, 300, 300, 300, cv2.BORDER_CONSTANT)
    seen = cv2.warpAffine(flat, np.float32([[0.6, 0, 150], [-0.5, 1, 200]]), flat.shape[1::-1])
    [found] = read(reader, jpeg(seen))
    assert found.text == "川A019W2"


@pytest.mark.parametrize("line", ["2013-11-01 18:26:05", "ABC 123456", "地下停车场入口", "0551-65881234"])
def test_other_text_is_no_plate(reader: LocalReader, line: str) -> None:
    wall = np.full((300, 800, 3), 200, np.uint8)
    cv2.putText(wall, line, (60, 160), (20, 20, 20), cv2.FontFace("uni"), 48)
    assert read(reader, jpeg(wall)) == []


def test_an_empty_gate_and_a_person_are_no_plate(reader: LocalReader) -> None:
    assert read(reader, scene()) == []
    assert read(reader, scene(Person(enter=0))) == []


def test_reads_every_vehicle_of_the_sample(reader: LocalReader) -> None:
    vehicles = {v.enter + v.approach + v.stop / 2: v.plate for v in ACTORS if isinstance(v, Vehicle)}
    with av.open(str(SAMPLE)) as box:
        stream = box.streams.video[0]
        wanted = {round(t * stream.average_rate): plate for t, plate in vehicles.items()}
        pictures = {
            wanted[n]: jpeg(frame.to_ndarray(format="bgr24"))
            for n, frame in enumerate(box.decode(stream))
            if n in wanted
        }
    found = {plate: read(reader, picture) for plate, picture in pictures.items()}
    assert {plate: [one.text for one in ones] for plate, ones in found.items()} == {p: [p] for p in vehicles.values()}
    assert min(ones[0].confidence for ones in found.values()) >= 0.85


@pytest.mark.parametrize("picture", [b"", b"no picture", b"\xff\xd8\xff\xe0" + bytes(40)])
def test_a_broken_picture_is_an_error_and_not_an_empty_gate(reader: LocalReader, picture: bytes) -> None:
    with pytest.raises(PictureBroken):
        read(reader, picture)


def test_the_lower_line_of_a_truck_is_no_plate_of_another_country() -> None:
    picture = on_grey((draw_plate("鲁B1234挂", "two-line", 200), 300, 200))
    assert [one.text for one in read(LocalReader(grammar=plates.ANY), picture)] == ["鲁B1234挂"]


@pytest.mark.parametrize("text", ["2011", "MERC1", "59990", "GATE 01"])
def test_text_that_is_no_plate_by_its_shape_is_none_under_any(text: str) -> None:
    wall = np.full((540, 960, 3), 90, np.uint8)
    cv2.putText(wall, text, (400, 280), (250, 250, 250), cv2.FontFace("uni"), 42)
    assert read(LocalReader(grammar=plates.ANY), jpeg(wall)) == []


@pytest.mark.parametrize(("left", "top"), [(0, 200), (20, 200), (660, 200), (300, 10), (300, 410)])
def test_a_plate_near_the_edge_is_not_sure(reader: LocalReader, left: int, top: int) -> None:
    """A character may lie beyond the edge: a plate that was cut there was read as a shorter one with 0.99."""
    wall = np.full((500, 900, 3), 120, np.uint8)
    wall[top : top + 70, left : left + 220] = draw_plate("京A12345", width=220)
    [found] = read(reader, jpeg(wall))
    assert found.text == "京A12345"
    assert 0.5 <= found.confidence <= 0.6, "not sure, and still taken for a plate"
    assert all(one.confidence <= 0.6 for one in read(reader, jpeg(wall[:, left + 40 :])))


@pytest.mark.parametrize(
    ("name", "plate"),
    [("hk", "AB1034"), ("gb", "BD51SMR"), ("fr", "GS801BD"), ("es", "8080DGS"), ("pl", "KR5AC12"), ("sg", "SGA413T")],
)
def test_reads_plates_of_other_countries(name: str, plate: str) -> None:
    picture = on_grey((draw_plate(plate, "yellow", width=260), 300, 200))
    [found] = read(LocalReader(grammar=plates.grammar(["cn", name])), picture)
    assert (found.text, found.colour) == (plate, "yellow")
    assert found.confidence >= 0.85


def test_a_plate_of_another_country_needs_its_grammar(reader: LocalReader) -> None:
    picture = on_grey((draw_plate("KA77AB5", "yellow", width=260), 300, 200))
    assert "KA77AB5" not in [one.text for one in read(reader, picture)]
    abroad = LocalReader(grammar=plates.grammar("[A-Z]{2}[0-9]{2}[A-Z]{2}[0-9]"))
    assert [one.text for one in read(abroad, picture)] == ["KA77AB5"]


def test_a_two_line_plate_in_a_scene_is_read_as_one(reader: LocalReader) -> None:
    [found] = read(reader, on_grey((draw_plate("粤AK9331", "two-line", 150), 300, 200)))
    assert found.text == "粤AK9331"


def test_several_threads_may_read_at_once(reader: LocalReader) -> None:
    plates = ["京A12345", "津B67890", "沪C24680"]
    pictures = [on_grey((draw_plate(plate, width=220), 300, 200)) for plate in plates]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda picture: [one.text for one in read(reader, picture)], pictures * 2))
    assert found == [[plate] for plate in plates] * 2


def test_says_who_it_is(reader: LocalReader) -> None:
    assert reader.engine is Engine.LOCAL


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root, **environment}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=60)


def test_loads_in_silence_without_network_and_leaves_logging_alone() -> None:
    done = run("""
        import logging, socket, sys
        def refuse(*args, **kwargs):
            raise AssertionError("nothing may be fetched")
        socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
        before = (logging.root.level, list(logging.root.handlers), logging.lastResort)
        import cv2, numpy
        from streamwatch.recognition.local.reader import LocalReader
        assert not {"rapidocr", "onnxruntime"} & set(sys.modules)
        reader = LocalReader()
        blank = numpy.zeros((200, 300, 3), numpy.uint8)
        assert reader.read(cv2.imencode(".jpg", blank)[1].tobytes(), None) == []
        reader.close()
        assert before == (logging.root.level, list(logging.root.handlers), logging.lastResort)
    """)
    assert (done.stdout, done.stderr) == ("", "")


def test_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    """Without the setting, onnxruntime keeps an identifier of the machine there and reports it."""
    home = str(tmp_path)
    run(
        "from streamwatch.recognition.local.reader import LocalReader; LocalReader().close()",
        HOME=home,
        XDG_CACHE_HOME=home,
    )
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("hidden", ["rapidocr", "onnxruntime"])
def test_without_the_extra_one_sentence_says_what_to_install(hidden: str) -> None:
    done = run(f"""
        import sys
        sys.modules[{hidden!r}] = None
        from streamwatch.core.errors import EngineMissing
        from streamwatch.recognition.local.reader import LocalReader
        try:
            LocalReader()
        except EngineMissing as error:
            print(error)
    """)
    assert f"{hidden} is missing" in done.stdout
    assert "pip install '.[local]'" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_rapidocr_without_models_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import rapidocr

    monkeypatch.setattr(rapidocr.__spec__, "origin", str(tmp_path / "__init__.py"))
    with pytest.raises(EngineMissing, match="without its models"):
        LocalReader()
