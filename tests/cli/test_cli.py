"""The verbs as people and scripts call them: real processes, real files."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import Vehicle, draw_plate, render
from fakes import FakeOcrCars, keep_silent, no_plate, plate
from forking import run

from streamwatch.core.text import when

SECRET = "invented0appcode0of0cli0tests"
TEXTS = ("京AF0236", "苏EK3P82", "浙AD6071", "川B57K21")
SAMPLE_PLATES = ["京AF0236", "浙AD60718", "苏EK3P82", "川A0638警"]
START = "2026-03-01T08:00:00+08:00"


def streamwatch(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("STREAMWATCH_")}
    with tempfile.TemporaryDirectory() as scratch:
        done = run(arguments, cwd, {**clean, **environment}, Path(scratch))
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done


def write_config(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text(text, encoding="utf-8")


def paid(folder: Path, service: FakeOcrCars, source: str = "sample") -> None:
    ocrcars = f"{{endpoint: '{service.endpoint}', appcode: {SECRET}}}"
    write_config(
        folder,
        f"cameras: {{gate: {{source: {source}}}}}\nrecognizer: {{engine: ocrcars, ocrcars: {ocrcars}}}\n"
        "web: {enabled: false}\n",  # a console on its usual port may be open on this machine
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_vehicles(tmp_path_factory.mktemp("clip") / "gate.mp4", "京AF0236", "苏EK3P82")


@pytest.fixture(scope="module")
def other_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip with other vehicles, because a picture that was paid for is never paid for again."""
    return two_vehicles(tmp_path_factory.mktemp("clip") / "other.mp4", "浙AD6071", "川B57K21")


def two_vehicles(path: Path, first: str, second: str) -> Path:
    vehicles = [Vehicle(first, enter=0.8, approach=1.5, stop=1.5), Vehicle(second, "yellow", 6.0, 1.5, 1.5)]
    render(path, vehicles, 11, fps=10, size=(640, 360), preset="ultrafast")
    return path


def test_the_sample_replayed_twice_gives_equal_sightings(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        write_config(folder, "cameras: {gate: {source: sample}}\nrecognizer: {engine: local}\n")
        sample = Path(__file__).parents[2] / "streamwatch" / "capture" / "sample.mp4"
        done = streamwatch("replay", "--camera", "gate", "--start", START, sample, cwd=folder)
        assert done.returncode == 0, done.stderr
        printed = [line.split()[2:4] for line in done.stdout.splitlines()]
        assert printed == [["gate", plate] for plate in SAMPLE_PLATES], "as run prints them"
        assert not any(plate in done.stderr for plate in SAMPLE_PLATES)
        rows = json.loads(streamwatch("sightings", "--format", "json", cwd=folder).stdout)
        assert all(Path(row.pop("image")).is_file() for row in rows)
        found.append(rows)
    assert found[0] == found[1]
    assert [row["plate"] for row in reversed(found[0])] == SAMPLE_PLATES
    assert all(row["status"] == "final" and row["reads"] == 1 for row in found[0])
    assert found[0][-1]["first_seen"].startswith("2026-03-01T00:00:0")


def test_what_a_killed_replay_has_paid_is_not_paid_again(clip: Path, tmp_path: Path) -> None:
    words = ("replay", "--camera", "gate", "--start", START, clip)
    with FakeOcrCars(plate("京AF0236"), keep_silent, appcode=SECRET) as service:
        paid(tmp_path, service)
        with subprocess.Popen([sys.executable, "-m", "streamwatch", *map(str, words)], cwd=tmp_path) as killed:
            while killed.poll() is None and len(service.calls) < 2:
                time.sleep(0.05)
            killed.kill()
    with FakeOcrCars(plate("苏EK3P82"), appcode=SECRET) as service:
        paid(tmp_path, service)
        after, again = streamwatch(*words, cwd=tmp_path), streamwatch(*words, cwd=tmp_path)
    assert (after.returncode, again.returncode) == (0, 0)
    assert len(service.calls) == 1
    assert "not paid for again: 1 picture whose answer is in the ledger" in after.stderr
    assert "not paid for again: 2 pictures whose answer is in the ledger" in again.stderr
    rows = json.loads(streamwatch("sightings", "--format", "json", cwd=tmp_path).stdout)
    assert [row["plate"] for row in rows] == ["苏EK3P82", "京AF0236"]


def test_each_vehicle_is_paid_once(clip: Path, tmp_path: Path) -> None:
    with FakeOcrCars(plate("京AF0236"), plate("苏EK3P82"), appcode=SECRET) as service:
        paid(tmp_path, service)
        done = streamwatch("replay", "--camera", "gate", "--start", START, clip, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(service.calls) == 2
    assert service.complaints == []
    rows = json.loads(streamwatch("sightings", "--format", "json", cwd=tmp_path).stdout)
    assert [row["plate"] for row in rows] == ["苏EK3P82", "京AF0236"]
    image = Path(rows[-1]["image"])
    assert image.read_bytes() == service.calls[0].picture, "the evidence is what was sent, byte for byte"


def test_a_video_that_claims_to_be_older_than_the_one_before_follows_it(
    clip: Path, other_clip: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older.mp4"
    shutil.copy(other_clip, older)
    os.utime(older, (1.7e9, 1.7e9))
    with FakeOcrCars(
        plate("京AF0236"), plate("苏EK3P82"), plate("浙AD6071"), plate("川B57K21"), appcode=SECRET
    ) as service:
        paid(tmp_path, service)
        done = streamwatch("replay", "--camera", "gate", clip, older, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "older.mp4 is of 2023-11-14" in done.stderr
    assert "it is played as its sequel" in done.stderr
    assert "4 passages, 4 read; 4 calls to ocrCars\n" in done.stderr


def test_several_videos_follow_on_each_other(clip: Path, other_clip: Path, tmp_path: Path) -> None:
    with FakeOcrCars(
        plate("京AF0236"), plate("苏EK3P82"), plate("浙AD6071"), plate("川B57K21"), appcode=SECRET
    ) as service:
        paid(tmp_path, service)
        done = streamwatch("replay", "--camera", "gate", "--start", START, clip, other_clip, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first = datetime.fromisoformat(START)
    for start in (first, first + timedelta(seconds=11)):
        assert f"its first picture is of {when(start)}\n" in done.stderr
    assert "4 passages, 4 read; 4 calls to ocrCars\n" in done.stderr


def test_an_unsure_reading_at_the_end_of_a_recording_gets_another_view(tmp_path: Path) -> None:
    short = tmp_path / "short.mp4"
    render(short, [Vehicle("京AF0236", enter=0.8, approach=1.5, stop=9.0)], 3.5, 10, (800, 450), preset="ultrafast")
    with FakeOcrCars(plate("川B12345", 0.6), plate("川B12345", 0.97), appcode=SECRET) as service:
        paid(tmp_path, service)
        with (tmp_path / "config.yaml").open("a", encoding="utf-8") as config:
            config.write("gate: {patience: 30s}\n")
        done = streamwatch("replay", "--camera", "gate", "--start", START, short, cwd=tmp_path)
        rows = json.loads(streamwatch("sightings", "--format", "json", cwd=tmp_path).stdout)
    assert "1 passage, 1 read; 2 calls to ocrCars\n" in done.stderr
    assert service.calls[0].picture != service.calls[1].picture
    assert [(row["plate"], row["status"]) for row in rows] == [("川B12345", "final")]


def test_filters_of_sightings(clip: Path, tmp_path: Path) -> None:
    with FakeOcrCars(plate("京AF0236"), plate("苏EK3P82"), appcode=SECRET) as service:
        paid(tmp_path, service)
        streamwatch("replay", "--camera", "gate", "--start", START, clip, cwd=tmp_path)

    def plates(*arguments: str) -> list[str]:
        done = streamwatch("sightings", "--format", "json", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return [row["plate"] for row in json.loads(done.stdout)]

    assert plates("--plate", "京*") == ["京AF0236"]
    assert plates("--plate", "AF") == plates("--plate", "f·02") == plates("--plate", "236") == ["京AF0236"]
    assert plates("--plate", "京AF0236") == ["京AF0236"]
    assert plates("--plate", "?AF") == []
    assert plates("--plate", "*3P8?") == ["苏EK3P82"]
    assert plates("--plate", "京a · f02?6") == ["京AF0236"]
    assert plates("--plate", "蘇E·K3P82") == ["苏EK3P82"]
    assert plates("--plate", "") == plates("--plate", "·") == []
    for verb in (["sightings"], ["compare"], ["replay", str(clip)]):
        wonder = streamwatch(*verb, "--camera", "other", cwd=tmp_path)
        assert (wonder.returncode, wonder.stdout) == (1, "")
        assert wonder.stderr == "streamwatch: config.yaml names no camera 'other'; it names: gate.\n"
    assert plates("--until", "2026-03-01T00:00:05Z") == ["京AF0236"]
    assert plates("--since", "2026-03-01T00:00:06Z") == ["苏EK3P82"]
    assert plates("--limit", "1") == ["苏EK3P82"]
    assert plates("--until", "2026-03-01", "--since", "2026/3/1") == ["苏EK3P82", "京AF0236"]
    assert plates("--until", "28.2.2026") == []
    assert plates("--since", "1h") == []
    assert "苏EK3P82" in streamwatch("sightings", cwd=tmp_path).stdout
    assert streamwatch("sightings", "--format", "csv", cwd=tmp_path).stdout.count("\n") == 3
    assert "1 more that are older; --limit 2 shows all" in streamwatch("sightings", "--limit", 1, cwd=tmp_path).stdout
    settings = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    write_config(tmp_path, settings.replace("gate: {source", "new: {source"))
    assert len(plates("--camera", "gate")) == 2, "a camera that is no longer configured still has its sightings"


def test_read_with_the_local_engine_and_its_errors(tmp_path: Path) -> None:
    picture = np.full((300, 700, 3), 90, np.uint8)
    drawn = cv2.resize(draw_plate("京AF0236", "blue"), (330, 105), interpolation=cv2.INTER_AREA)
    picture[90:195, 180:510] = drawn
    cv2.imwrite(str(tmp_path / "car.png"), picture)
    (tmp_path / "text.jpg").write_text("no picture")
    write_config(tmp_path, "recognizer: {engine: local}\n")
    images = ("car.png", "text.jpg", "u:hush/hush@absent.jpg", "", "https://u:hush@example.com/a.jpg?sig=hush")
    done = streamwatch("read", *images, "--format", "json", cwd=tmp_path)
    assert done.returncode == 1
    assert "hush" not in done.stdout + done.stderr
    car, text, absent, empty, url = json.loads(done.stdout)
    (found,) = car["plates"]
    assert (car["engine"], car["error"], found["plate"]) == ("local", None, "京AF0236")
    xs, ys = zip(*found["corners"], strict=True)
    assert 150 < min(xs) < max(xs) < 540
    assert 70 < min(ys) < max(ys) < 215
    assert "is not a picture" in text["error"]
    assert "No such file" in absent["error"]
    assert empty["error"] == "The name of the picture is empty."
    assert "reads files, not addresses" in url["error"]


def test_read_with_the_paid_engine_keeps_the_ledger(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "car.jpg"), np.full((400, 600, 3), 90, np.uint8))
    with FakeOcrCars(plate(), no_plate(), appcode=SECRET) as service:
        paid(tmp_path, service)
        done = streamwatch("read", "car.jpg", "https://img.example.com/1.jpg", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert first["plates"][0]["plate"] == "粤BP57E7"
    assert first["plates"][0]["corners"][0] == [363, 308]
    assert second == {"image": "https://img.example.com/1.jpg", "engine": "ocrcars", "plates": [], "error": None}
    assert service.calls[1].form == {"img_url": "https://img.example.com/1.jpg"}
    with sqlite3.connect(tmp_path / "data" / "streamwatch.db") as database:
        assert database.execute("SELECT outcome, fee FROM calls").fetchall() == [("read", 1), ("no_plate", 1)]
    database.close()


def test_check_names_the_service_that_does_not_answer(tmp_path: Path) -> None:
    ocrcars = f"{{endpoint: 'http://127.0.0.1:9/ocrCars', appcode: {SECRET}}}"
    write_config(tmp_path, f"recognizer: {{engine: ocrcars, ocrcars: {ocrcars}}}\n")
    said = streamwatch("check", cwd=tmp_path).stdout
    assert "bad  engine: 127.0.0.1:9 cannot be reached (Connection refused). Check recognizer.ocrcars" in said


def test_check_says_what_is_wrong_and_pays_nothing(tmp_path: Path) -> None:
    with FakeOcrCars(appcode=SECRET) as service:
        paid(tmp_path, service)
        good = streamwatch("check", cwd=tmp_path)
        charged = [call for call in service.calls if call.body]
    assert good.returncode == 0, good.stdout + good.stderr
    assert good.stdout.count("ok ") == 4
    assert charged == []
    wrong = ("admin:hush/hush@192.0.2.7/x", "admin:hush hush@192.0.2.7/x", "rtsp:/admin:hush/hush@192.0.2.7/x")
    sources = ("rtsp://u:hush@127.0.0.1:9/x", "absent.mp4", "sample", "Sample", *wrong)
    cameras = ", ".join(f"{name}: {{source: '{source}'}}" for name, source in zip("abcdefg", sources, strict=True))
    write_config(tmp_path, f"cameras: {{{cameras}}}\nrecognizer: {{engine: ocrcars}}\ncapture: {{deadline: 1s}}\n")
    bad = streamwatch("check", cwd=tmp_path)
    assert bad.returncode == 1
    assert "hush" not in bad.stdout + bad.stderr
    lines = bad.stdout
    assert "engine: The engine ocrcars needs credentials" in lines
    assert "camera a: 127.0.0.1:9 refuses the connection. Is the camera's service switched on" in lines
    assert "absent.mp4" in lines
    assert "Sample. The clip that comes with streamwatch is `source: sample`.\n" in lines
    assert lines.count("@192.0.2.7/x. The address of a camera begins with rtsp://") == 3
    assert "camera c: sends pictures of 1280 x 720" in lines


@pytest.mark.parametrize(
    ("config", "arguments", "sentence"),
    [
        (None, ["run"], "config.yaml does not exist"),
        ("cameras: {}\nrecognizer: {engine: local}", ["run"], "names no camera"),
        ("gate: {treshold: 3}", ["run"], "did you mean `threshold`?"),
        ("cameras: {g: {source: sample}}", ["run"], "STREAMWATCH_APPCODE"),
        ("cameras: {g: {source: sample}}", ["replay", "--camera", "x", "v.mp4"], "names no camera 'x'; it names: g"),
        ("cameras: {g: {source: sample}}\nrecognizer: {engine: local}", ["replay", "--camera", "g", "v.mp4"], "v.mp4"),
        ("cameras: {g: {source: sample}}\nrecognizer: {engine: local}", ["replay", "--camera", "g", "."], "folder"),
        ("", ["sightings"], "does not exist yet"),
        ("", ["sightings", "--since", "tomorrow"], "'tomorrow' is not a time"),
        (
            "",
            ["sightings", "--plate", "京["],
            "'京[' cannot be a part of a plate: '[' occurs in no plate; write letters",
        ),
        ("", ["sightings", "--plate", "京[AB]*"], "cannot be a part of a plate: '[' occurs in no plate"),
        ("", ["sightings", "--plate", "%"], "'%' occurs in no plate"),
        ("", ["sightings", "--since", "2h", "--until", "3h"], "--since ("),
        ("", ["calls", "--until", "2020-01-01"], ") is after --until (2020-01-01 23:59:59"),
        ("", ["calls", "--until", "9999-12-31"], "'9999-12-31' is out of reach; write a year"),
        ("", ["sightings", "--plate", "\udcbe\udca9A*"], "'\\udcbe\\udca9A*' is not UTF-8 text. Set the terminal to"),
        ("", ["sightings", "--camera", "\udcbe"], "'\\udcbe' is not UTF-8 text."),
        ("", ["compare", "--camera", "\udcbe"], "'\\udcbe' is not UTF-8 text."),
        ("database: sqlite:///config.yaml", ["sightings"], "config.yaml"),
        ("database: postgres://u:hush@h/x", ["sightings"], "database"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path: Path, config: str | None, arguments: list[str], sentence: str) -> None:
    if config is not None:
        write_config(tmp_path, config)
    done = streamwatch(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert sentence in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("streamwatch: ")]
    assert len(errors) == 1, done.stderr
    assert "hush" not in done.stderr


@pytest.mark.parametrize("verb", ["sightings", "compare"])
def test_more_rows_than_a_database_can_count(verb: str, tmp_path: Path) -> None:
    write_config(tmp_path, "recognizer: {engine: local}")
    done = streamwatch(verb, "--limit", 2**63, cwd=tmp_path)
    assert done.returncode == 2
    assert "Invalid value for '--limit'" in done.stderr


def test_help_and_version(tmp_path: Path) -> None:
    assert "replay" in streamwatch("--help", cwd=tmp_path).stdout
    assert streamwatch("--version", cwd=tmp_path).stdout.startswith("streamwatch 0.")
    assert streamwatch("nonsense", cwd=tmp_path).returncode == 2
