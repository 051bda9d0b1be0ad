"""Files are written whole or not at all, never through a link, and other users cannot read them."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from daemons import running, verb

from streamwatch.system.files import open_to_others, whole_file, write_whole

WIDE = ["sh", "-c", 'umask 022; exec "$@"', "sh"]


@pytest.mark.parametrize("durable", [True, False])
def test_a_link_that_lies_where_the_new_file_is_made_is_not_followed(durable: bool, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / ".status.json.part").symlink_to(precious)
    (tmp_path / "status.json").symlink_to(precious)
    write_whole(tmp_path / "status.json", b"{}", durable=durable)
    assert precious.read_text() == "precious"
    assert not (tmp_path / "status.json").is_symlink()
    assert (tmp_path / "status.json").read_bytes() == b"{}"
    assert sorted(os.listdir(tmp_path)) == ["precious", "status.json"]


def test_a_link_that_is_laid_again_at_once_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = Path.unlink

    def unlink_and_lay(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        path.symlink_to(tmp_path / "precious")

    monkeypatch.setattr(Path, "unlink", unlink_and_lay)
    (tmp_path / ".a.part").write_text("left by a crash")
    with pytest.raises(OSError):  # noqa: PT011
        write_whole(tmp_path / "a", b"new", durable=False)
    assert not (tmp_path / "precious").exists()


def test_who_can_read_a_path_is_told_by_it_and_its_folder(tmp_path: Path) -> None:
    folder, file = tmp_path / "data", tmp_path / "data/log.db"
    folder.mkdir()
    file.touch()
    told = {}
    for outer in (0o755, 0o700):
        for inner in (0o644, 0o640):
            folder.chmod(outer)
            file.chmod(inner)
            told[outer, inner] = open_to_others([tmp_path / "missing", file])
    assert told == {(0o755, 0o644): [file], (0o755, 0o640): [], (0o700, 0o644): [], (0o700, 0o640): []}


def test_all_that_a_daemon_writes_is_for_its_user_alone(tmp_path: Path) -> None:
    with running(tmp_path / "d", {"gate": {"source": "sample"}}, recognizer={"engine": "local"}, before=WIDE) as daemon:
        daemon.until(lambda: (daemon.data / "status.json").exists() and any(daemon.data.rglob("*.jpg")))
        found = {path: stat.S_IMODE(path.stat().st_mode) for path in [daemon.data, *daemon.data.rglob("*")]}
        assert {path.name for path in found} >= {"status.json", "streamwatch.db", "streamwatch.db-wal", "evidence"}
        assert {path: oct(mode) for path, mode in found.items() if mode & 0o077} == {}
        assert daemon.stop() == 0
        assert "every user of this machine" not in daemon.log()


def test_what_was_there_before_keeps_its_mode_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("cameras: {gate: {source: sample}}\nrecognizer: {engine: local}\n")
    sample = Path(__file__).parents[2] / "streamwatch/capture/sample.mp4"
    tmp_path.chmod(0o755)
    (tmp_path / "data/evidence").mkdir(parents=True)
    (tmp_path / "data").chmod(0o755)
    (tmp_path / "data/evidence").chmod(0o755)
    done = verb(tmp_path, "replay", "--camera", "gate", sample)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("every user of this machine can read the logged data") == 1
    assert "chmod -R go= data/evidence`" in done.stderr
    assert stat.S_IMODE((tmp_path / "data/evidence").stat().st_mode) == 0o755


def test_a_file_that_is_written_in_pieces_is_whole_or_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("old")
    with whole_file(path) as file:
        file.write(b"ne")
        assert path.read_text() == "old"
        file.write(b"w")
    assert path.read_text() == "new"
    with suppress(ZeroDivisionError), whole_file(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["list.csv"]
