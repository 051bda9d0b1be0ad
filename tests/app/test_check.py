"""The verb `check` changes nothing, and says what `run` would say."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from daemons import free_port
from records import JPEG, keyframe, passage
from relays import http_relay, status

from streamwatch.app.check import check
from streamwatch.config import loading
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import StreamwatchError
from streamwatch.store import inspection, open_store
from streamwatch.store.lock import sole_writer

HEAD = "recognizer: {engine: local}\n"


def settings_of(folder: Path, text: str) -> Settings:
    (folder / "config.yaml").write_text(HEAD + text, encoding="utf-8")
    return loading.load(folder / "config.yaml")


def said_of(what: str, settings: Settings) -> tuple[bool, str]:
    found = check(settings, settings.data_dir.parent / "config.yaml", SystemClock())
    finding = next(finding for finding in found if finding.what == what)
    return finding.good, finding.text


def contents(folder: Path) -> dict[Path, tuple[bytes, int] | None]:
    """Return every folder, and every file with its bytes and its time of writing."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None for path in folder.rglob("*")
    }


def what_run_says(settings: Settings) -> str:
    with pytest.raises(StreamwatchError) as caught, sole_writer(settings.database, settings.data_dir):
        open_store(settings.database, settings.data_dir).close()
    return str(caught.value)


def test_a_mistyped_address_makes_nothing(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "database: sqlite:///dtaa/new/streamwatch.db\ndata_dir: fotos\n")
    before = contents(tmp_path)
    good, text = said_of("database", settings)
    assert good
    assert (
        text
        == f"The database {tmp_path}/dtaa/new/streamwatch.db does not exist yet; it will be made at the first start"
    )
    assert contents(tmp_path) == before


def test_a_database_in_use_is_left_as_it_is(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "")
    open_store(settings.database, settings.data_dir).close()
    before = contents(tmp_path)
    assert said_of("database", settings) == (True, "can be written, and its tables are up to date")
    assert contents(tmp_path) == before
    with sole_writer(settings.database, settings.data_dir):
        assert said_of("database", settings)[0], "while a daemon runs nothing is wrong"


def test_an_older_or_empty_database_stays_one(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "")
    settings.data_dir.mkdir()
    file = settings.data_dir / "streamwatch.db"
    file.touch()
    assert said_of("database", settings) == (
        True,
        f"The database {file} is empty; its tables will be made at the first start",
    )
    assert file.stat().st_size == 0
    file.unlink()
    open_store(settings.database, settings.data_dir).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    before = contents(tmp_path)
    assert said_of("database", settings) == (
        True,
        f"The database {file} has the older schema version 0001; the first start brings it up to date",
    )
    assert contents(tmp_path) == before


def a_text(folder: Path) -> None:
    (folder / "x").write_text("no database, but long enough to be taken for the head of one" * 30)


def of_another_program(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "x")) as connection, connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")


def of_a_newer_version(folder: Path) -> None:
    open_store(f"sqlite:///{folder / 'x'}", folder / "data").close()
    with closing(sqlite3.connect(folder / "x")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("make", "database"),
    [
        (a_text, "sqlite:///x"),
        (of_another_program, "sqlite:///x"),
        (of_a_newer_version, "sqlite:///x"),
        (lambda folder: (folder / "x").mkdir(), "sqlite:///x"),
        (lambda folder: (folder / "x").write_text(""), "sqlite:///x/y.db"),
        (lambda folder: (folder / "x").write_text(""), "sqlite:///x/y/z.db"),
        (lambda folder: None, "sqlite:///:memory:"),
        (lambda folder: None, "nonsense"),
        (lambda folder: None, "postgresql://me:hush@127.0.0.1:1/x"),
    ],
    ids=["text", "another", "newer", "folder", "file", "file above", "memory", "no address", "no server"],
)
def test_the_same_fault_gets_the_same_sentence(make: Any, database: str, tmp_path: Path) -> None:
    make(tmp_path)
    settings = settings_of(tmp_path, f"database: '{database}'\n")
    good, text = said_of("database", settings)
    assert not good
    assert text == what_run_says(settings)


def test_a_missing_disk_of_pictures_is_said(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "")
    opened = open_store(settings.database, settings.data_dir)
    stay = passage()
    opened.passages.save(stay)
    opened.keyframes.save(keyframe(stay, JPEG))
    opened.close()
    (settings.data_dir / "evidence").rename(tmp_path / "elsewhere")
    good, text = said_of("database", settings)
    assert not good
    assert "which holds pictures of this database, is missing. Mount its disk" in text


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test gives the answer of the system itself, because root may write everywhere."""
    monkeypatch.setattr(inspection.os, "access", lambda path, mode: False)
    settings = settings_of(tmp_path, "")
    assert said_of("database", settings) == (
        False,
        f"The lock file {settings.data_dir}/streamwatch.db.lock cannot be written: no permission. "
        "Give the user that runs streamwatch the right to write there, or name another place.",
    )
    assert not settings.data_dir.exists()


@pytest.fixture
def taken() -> Iterator[int]:
    import socket

    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_somebody_has_is_said(tmp_path: Path, taken: int) -> None:
    settings = settings_of(tmp_path, f"health: {{port: {taken}}}\n")
    good, text = said_of("health", settings)
    assert not good
    assert text.startswith(f"Port {taken} of 127.0.0.1 cannot be used for health: ")
    with sole_writer(settings.database, settings.data_dir):
        assert said_of("health", settings) == (True, "not tried, because a streamwatch runs")


def test_no_camera_is_the_same_sentence(tmp_path: Path) -> None:
    from test_cli import streamwatch

    settings = settings_of(tmp_path, "")
    good, text = said_of("cameras", settings)
    assert not good
    said = streamwatch("run", "--config", tmp_path / "config.yaml", cwd=tmp_path).stderr
    assert said == f"streamwatch: {text}\n"


def test_the_address_of_the_console_is_said(tmp_path: Path, taken: int) -> None:
    port = free_port()
    settings = settings_of(tmp_path, f"web: {{port: {port}}}\n")
    assert said_of("console", settings) == (True, f"http://127.0.0.1:{port} will be served")
    settings = settings_of(tmp_path, f"web: {{port: {taken}}}\n")
    good, text = said_of("console", settings)
    assert not good
    assert text.startswith(f"Port {taken} of 127.0.0.1 cannot be used for the console: ")
    with sole_writer(settings.database, settings.data_dir):
        assert said_of("console", settings) == (
            True,
            f"http://127.0.0.1:{taken}; not tried, because a streamwatch runs",
        )


def test_a_console_for_other_machines_needs_https_and_a_user(tmp_path: Path) -> None:
    for web, missing in (
        ("{host: 0.0.0.0}", "without https"),
        ("{host: 0.0.0.0, behind_proxy: 192.0.2.9}", "there is no user"),
    ):
        good, text = said_of("console", settings_of(tmp_path, f"web: {web}\n"))
        assert not good
        assert missing in text


def test_a_console_that_is_off_is_not_tried(tmp_path: Path) -> None:
    found = check(settings_of(tmp_path, "web: {enabled: false}\n"), tmp_path / "config.yaml", SystemClock())
    assert "console" not in {finding.what for finding in found}


def test_every_engine_that_a_camera_reads_with_is_tried(tmp_path: Path) -> None:
    text = "cameras: {a: {source: sample}, b: {source: sample, recognizer: {engine: ocrcars}, gate: {threshold: 30}}}\n"
    settings = settings_of(tmp_path, text)
    assert said_of("engine local", settings)[0]
    good, said = said_of("engine ocrcars", settings)
    assert not good
    assert "needs credentials" in said
    good, said = said_of("camera a", settings)
    assert good
    assert "own settings" not in said
    good, said = said_of("camera b", settings)
    assert good
    assert said.endswith("; its own settings: gate.threshold: 30; recognizer.engine: ocrcars")


def test_the_common_engine_is_not_tried_if_no_camera_reads_with_it(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("cameras: {a: {source: sample, recognizer: {engine: local}}}\n")
    settings = loading.load(tmp_path / "config.yaml")
    assert said_of("engine", settings)[0], "although there are no credentials for ocrcars"


def test_a_barrier_is_looked_for_and_not_opened(tmp_path: Path) -> None:
    with http_relay(answer="closed") as relay:
        sensor = f"{{driver: http, url: '{relay.url}/state'}}"
        front = f"{{driver: shelly, address: '{relay.url}', sensor: {sensor}}}"
        text = f"cameras: {{a: {{source: sample}}}}\nbarriers: {{front: {front}}}\n"
        good, said = said_of("barrier front", settings_of(tmp_path, text))
        assert (good, said) == (True, "shelly: nothing was opened; its sensor says closed")
        assert relay.orders == ["GET /state"]
        relay.behaviour = status(500)
        good, said = said_of("barrier front", settings_of(tmp_path, text))
        assert not good
        assert "answered with status 500" in said
    good, said = said_of("barrier front", settings_of(tmp_path, text))
    assert not good
    assert "127.0.0.1 cannot be reached: Connection refused." in said


def test_a_recording_before_a_barrier_is_said_to_open_nothing(tmp_path: Path) -> None:
    with http_relay() as relay:
        text = f"""
cameras: {{gate: {{source: sample}}}}
barriers: {{front: {{driver: http, url: "{relay.url}/open"}}}}
lanes: {{entry: {{cameras: gate, barrier: front, mode: MODE}}}}
"""
        manual = said_of("camera gate", settings_of(tmp_path, text.replace("MODE", "manual")))
        automatic = said_of("camera gate", settings_of(tmp_path, text.replace("MODE", "automatic")))
    assert manual == (True, "sends pictures of 1280 x 720")
    assert automatic == (True, f"{manual[1]}; a recording, for which the lane entry opens nothing by itself")
