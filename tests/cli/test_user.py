"""The verb `user` as people and scripts call it, also on a terminal and beside a daemon."""

import json
import os
import pty
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from forking import run
from records import Database, rows
from test_cli import write_config

from streamwatch.core.codes import AuditAction, Role
from streamwatch.store import DatabaseReader, open_reader, open_store
from streamwatch.store.lock import sole_writer
from streamwatch.web.accounts.entrance import hash_of
from streamwatch.web.accounts.passwords import Passwords

PASSWORD = "four cars at the gate"


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Path:
    """Return a folder with a config of two cameras."""
    folder = tmp_path / "here"
    folder.mkdir()
    cameras = "{entry: {source: sample}, exit: {source: sample}}"
    write_config(folder, f"cameras: {cameras}\ndatabase: '{database.url}'\ndata_dir: {folder}/data\n")
    return folder


@contextmanager
def read(place: Path, database: Database) -> Iterator[DatabaseReader]:
    with closing(open_reader(database.url, place / "data")) as reader:
        yield reader


def user(place: Path, *words: str, stdin: str = "") -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of `streamwatch user`."""
    patch = f"import io, sys; sys.stdin = io.StringIO({stdin!r})"
    with tempfile.TemporaryDirectory() as scratch:
        done = run(("user", *words), place, dict(os.environ), Path(scratch), patch)
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def add(place: Path, name: str, *words: str, password: str = PASSWORD) -> tuple[int, str, str]:
    return user(place, "add", name, "--password-stdin", *words, stdin=password + "\n")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_users_are_added_changed_and_removed(place: Path, database: Database) -> None:
    assert add(place, "Lily", "--role", "guard", "--camera", "entry") == (0, "The user Lily can log in as guard.\n", "")
    with read(place, database) as reader:
        found = reader.accounts.credentials("lily", "")
        assert found is not None
        assert Passwords().fits(PASSWORD, found.password)
    assert user(place, "change", "lily", "--role", "manager")[0] == 0
    assert user(place, "change", "lily", "--camera", "exit")[1] == "The user Lily is manager and sees exit.\n"
    (listed,) = json.loads(user(place, "list", "--format", "json")[1])
    assert (listed["name"], listed["role"], listed["cameras"]) == ("Lily", "manager", ["exit"])
    assert user(place, "change", "lily", "--all-cameras", "--role", "admin")[0] == 0
    assert user(place, "password", "lily", "--password-stdin", stdin="another good password\n")[0] == 0
    assert user(place, "disable", "lily")[0] == 0
    assert "Lily" in user(place, "list")[1]
    assert user(place, "enable", "lily")[0] == 0
    code, said, _ = user(place, "remove", "lily")
    assert code == 0
    assert "no log-in" in said, "the machine is open again, and that is said"
    with read(place, database) as reader:
        entries = reader.audit.entries(99)
    assert [entry.action for entry in reversed(entries)] == [
        AuditAction.USER_ADDED,
        AuditAction.USER_CHANGED,
        AuditAction.USER_CHANGED,
        AuditAction.USER_CHANGED,
        AuditAction.PASSWORD_CHANGED,
        AuditAction.USER_DISABLED,
        AuditAction.USER_ENABLED,
        AuditAction.USER_REMOVED,
    ]
    assert all(entry.who.startswith("command line") for entry in entries)
    assert not any(PASSWORD in str(tuple(row)) for row in rows(database, "SELECT detail FROM audit_log"))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_tokens_are_shown_once(place: Path, database: Database) -> None:
    code, secret, _ = user(place, "token", "add", "barrier", "--camera", "exit", "--days", "30")
    assert (code, secret[:4]) == (0, "swt_")
    secret = secret.strip()
    with read(place, database) as reader:
        (token,) = reader.accounts.tokens()
    assert (token.name, token.role, token.cameras) == ("barrier", Role.VIEWER, frozenset({"exit"}))
    assert token.ends_at is not None
    assert (token.ends_at - token.created_at).days == 30
    (stored,) = rows(database, "SELECT token_hash FROM tokens")
    assert stored["token_hash"] == hash_of(secret)
    assert secret not in user(place, "token", "list")[1] + user(place, "token", "list", "--format", "json")[1]
    assert user(place, "token", "revoke", "barrier")[0] == 0
    assert user(place, "token", "revoke", "barrier")[0] == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "a b", "--role", "guard"), "A name has at most 64"),
        (("add", "\x1b[31m", "--role", "guard"), "A name has at most 64"),
        (("add", "local", "--role", "guard"), "This name is taken"),
        (("add", "max", "--role", "admin", "--camera", "entry"), "An admin sees all cameras"),
        (("add", "max", "--role", "guard", "--camera", "nowhere"), "no such camera"),
        (("add", "LILY", "--role", "guard"), "There is a user of this name already."),
        (("change", "lily"), "Nothing is to be changed."),
        (("change", "lily", "--camera", "entry", "--all-cameras"), "contradict"),
        (("change", "nobody", "--role", "guard"), "There is no user of this name."),
        (("disable", "nobody"), "There is no user of this name."),
        (("remove", "nobody"), "There is no user of this name."),
        (("password", "nobody"), "There is no user of this name."),
        (("password", "lily"), "--password-stdin"),
        (("token", "add", "x", "--role", "admin"), "A token cannot have the role admin"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_one_sentence(place: Path, words: tuple[str, ...], said: str) -> None:
    assert add(place, "lily", "--role", "admin")[0] == 0
    code, out, err = user(place, *words, stdin="")
    assert (code, out) == (1, "")
    assert said in err
    assert "\x1b" not in err


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "at least 10"),
        ("", "at least 10"),
        ("lilylilylily", "little more than the user's name"),
        ("password1234", "among the first"),
        ("1234567890", "among the first"),
        ("aaaaaaaaaaaa", "among the first"),
        ("x" * 257, "at most 256"),
    ],
)
def test_a_weak_password_is_refused(place: Path, password: str, said: str) -> None:
    code, out, err = add(place, "lily", "--role", "admin", password=password)
    assert (code, out) == (1, "")
    assert said in err


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("second", [PASSWORD, "something else again"])
def test_a_terminal_is_asked_twice_and_shows_nothing(place: Path, database: Database, second: str) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(place)
        os.execv(sys.executable, [sys.executable, "-m", "streamwatch", "user", "add", "lily", "--role", "admin"])
    told, answers = b"", [(b"Password for lily:", PASSWORD), (b"The same again:", second)]
    try:
        while part := os.read(terminal, 4096):
            told += part
            if answers and answers[0][0] in told:  # not before its prompt: what was typed before is thrown away
                os.write(terminal, answers.pop(0)[1].encode() + b"\n")
    except OSError:
        pass  # Linux says so when the other side has gone
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert PASSWORD.encode() not in told
    assert os.waitstatus_to_exitcode(status) == (0 if second == PASSWORD else 1), told
    if second == PASSWORD:
        with read(place, database) as reader:
            assert reader.accounts.user("lily") is not None
    else:
        assert b"differ" in told


def test_a_running_daemon_is_not_disturbed(place: Path, database: Database) -> None:
    with (
        sole_writer(database.url, place / "data"),
        closing(open_store(database.url, place / "data", sole=True)) as daemon,
    ):
        assert add(place, "lily", "--role", "admin")[0] == 0
        assert daemon.accounts.require_admin() is None  # type: ignore[func-returns-value]
        daemon.accounts.change_user("lily", Role.GUARD, None)
        assert user(place, "remove", "lily")[0] == 0
