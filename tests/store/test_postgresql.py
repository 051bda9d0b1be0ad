"""A database on a real server: its one writer survives the loss of connection, server and disk space."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from daemons import PLATES, SECRET, free_port, paid, running, verb
from fakes import FakeOcrCars, plate
from records import keyframe, output, passage, python, reading, saved_view, sighting
from servers import USER, PostgresDatabase, Proxy, Server, running_server
from watching import OUTAGE, ROOT, check_nothing_is_missing, endless_clip, small_disk, watching

from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.persistence import Persistence
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import DatabaseUnusable, StorageFailed, StoreError
from streamwatch.store import Store, open_reader, open_store
from streamwatch.system.heartbeat import Heartbeats

FASTER = "import streamwatch.app.housekeeping as d; d.TELL_EVERY = 0.5"
SESSIONS = """
SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) JOIN pg_namespace n ON n.oid::int = objid::int
WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND nspname = current_schema()
"""


@pytest.fixture
def database(server: Server) -> PostgresDatabase:
    return server.database()


@pytest.fixture
def store(database: PostgresDatabase, tmp_path: Path) -> Iterator[Store]:
    """Yield the sole store, as the daemon has it."""
    store = open_store(database.url, tmp_path, sole=True)
    yield store
    store.close()


def holders(database: PostgresDatabase) -> list[int]:
    return [row["pid"] for row in database.rows(SESSIONS)]


def end_session(database: PostgresDatabase) -> None:
    """Let the server end the connection that has the lock, and return once it is gone."""
    (pid,) = holders(database)
    database.rows(f"SELECT pg_terminate_backend({pid}, 10000)")


# ---- one writer -----------------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_whatever_its_folder_is(
    store: Store, database: PostgresDatabase, tmp_path: Path
) -> None:
    who = rf"on {socket.gethostname()}, process {os.getpid()}"
    with pytest.raises(
        DatabaseUnusable, match=rf"^Another streamwatch \(streamwatch {who}\) is writing the database .*"
    ):
        open_store(database.url, tmp_path / "elsewhere", sole=True)
    by_hand = open_store(database.url, tmp_path)
    saved_view(by_hand)
    by_hand.close()
    reader = open_reader(database.url, tmp_path)
    assert reader.sightings() == []
    reader.close()
    store.close()
    open_store(database.url, tmp_path, sole=True).close()


def test_a_refused_writer_changes_no_table(database: PostgresDatabase, tmp_path: Path) -> None:
    with psycopg.connect(database.url) as other:
        other.execute(
            "SELECT pg_advisory_lock(x'53574442'::int, oid::int) FROM pg_namespace WHERE nspname = current_schema()"
        )
        with pytest.raises(DatabaseUnusable, match="is writing the database"):
            open_store(database.url, tmp_path, sole=True)
    assert database.rows("SELECT 1 FROM pg_tables WHERE schemaname = current_schema()") == []


def test_each_schema_of_a_database_may_have_a_writer(store: Store, server: Server, tmp_path: Path) -> None:
    open_store(server.database().url, tmp_path, sole=True).close()


HOLD = """
import sys
from pathlib import Path
from streamwatch.store import open_store
store = open_store(sys.argv[1], Path(sys.argv[2]), sole=True)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_kill_gives_the_lock_back(database: PostgresDatabase, tmp_path: Path) -> None:
    child = python(HOLD, database.url, tmp_path, stdin=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    child.kill()
    open_store(database.url, tmp_path, sole=True).close()
    child.communicate(timeout=60)


def test_a_lost_connection_takes_the_lock_again(store: Store, database: PostgresDatabase) -> None:
    for use in (store.require_server, lambda: store.passages.save(passage())):
        end_session(database)
        assert holders(database) == []
        use()
        assert len(holders(database)) == 1


def test_who_lost_the_lock_to_another_writes_nothing_more(
    store: Store, database: PostgresDatabase, tmp_path: Path
) -> None:
    end_session(database)
    other = open_store(database.url, tmp_path, sole=True)
    for use in (store.require_server, lambda: store.passages.save(passage())):
        with pytest.raises(DatabaseUnusable, match=r"Another streamwatch .* is writing"):
            use()
    assert database.rows("SELECT * FROM passages") == []
    other.close()


# ---- a connection that breaks in a commit ---------------------------------------------------------------------------


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with closing(Proxy(server.port)) as between:
        yield between


@pytest.fixture
def far(database: PostgresDatabase, proxy: Proxy, tmp_path: Path) -> Iterator[Store]:
    """Yield a store whose server is behind a proxy."""
    store = open_store(database.through(proxy.port), tmp_path, sole=True)
    yield store
    store.close()


def write(store: Store) -> Any:
    """Write all rows of one answer, as the recorder does. The caller repeats it after a failure."""
    stay = passage()
    view = keyframe(stay)
    found = reading(view)

    def attempt() -> None:
        with store.together():
            store.passages.save(stay)
            store.keyframes.save(view)
            store.keyframes.answered(view.key, [found])
            store.sightings.save(sighting(view), [found.key], "")

    return attempt


def test_a_commit_whose_answer_was_lost_is_in(far: Store, proxy: Proxy, database: PostgresDatabase) -> None:
    write(far)()
    proxy.cut = "after"
    write(far)()
    assert proxy.cut == ""
    for table in ("passages", "keyframes", "readings", "sightings"):
        assert database.rows(f"SELECT count(*) FROM {table}") == [(2,)]
    far.passages.save(passage())
    assert len(holders(database)) == 1, "the session that the server still had is ended"


def test_a_commit_that_never_got_there_is_written_again(far: Store, proxy: Proxy, database: PostgresDatabase) -> None:
    proxy.cut = "before"
    attempt = write(far)
    with pytest.raises(StorageFailed):
        attempt()
    assert database.rows("SELECT * FROM passages") == []
    attempt()
    for table in ("passages", "keyframes", "readings", "sightings"):
        assert database.rows(f"SELECT count(*) FROM {table}") == [(1,)]


@pytest.mark.errors_expected
def test_a_commit_that_a_server_lost_when_it_went_away_is_one_outage(
    far: Store,
    proxy: Proxy,
    database: PostgresDatabase,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The server is back when it is asked whether the commit is in; it is not, and is made again."""
    lifecycle, refused = Lifecycle(threading.Event()), list[int]()
    persistence = Persistence(SystemClock(), lifecycle, Heartbeats(time.monotonic))
    monkeypatch.setattr(lifecycle, "wait_to_retry", lambda seconds: None)

    def ask(question: Callable[[], bool]) -> bool:
        def refused_first() -> bool:
            if not refused:
                refused.append(1)
                raise StorageFailed("The connection is refused.")
            return question()

        return persistence.persist(refused_first)

    far.persist = ask
    proxy.cut = "before"
    persistence.persist(write(far))
    assert refused
    assert database.rows("SELECT count(*) FROM readings") == [(1,)]
    said = [(record.levelname, record.getMessage()[:22]) for record in caplog.records]
    assert said == [("ERROR", "The connection is refu"), ("WARNING", "the database and the e")]


def test_a_question_leaves_no_name(store: Store, database: PostgresDatabase) -> None:
    saved_view(store)
    before = database.rows("SELECT last_write FROM identity")
    assert before != [(None,)]
    store.keyframes.waiting()
    with store.together():
        store.retention.evidence_bytes()
    assert database.rows("SELECT last_write FROM identity") == before


# ---- sentences ------------------------------------------------------------------------------------------------------


def address(server: Server, user: str = USER, word: str = "hunter2", host: str = "127.0.0.1", port: int = 0) -> str:
    return f"postgresql://{user}:{word}@{host}:{port or server.port}/{USER}"


@pytest.mark.parametrize("opener", [open_store, open_reader])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, r"refuses the user or the password\. Check both"),
        ({"user": "nobody"}, r"refuses the user or the password\. Check both"),
        ({"port": 1}, r"cannot be reached: the connection is refused\. Is its server on"),
        ({"host": "nowhere.invalid"}, r"cannot be reached: its host is unknown\. Check the host"),
    ],
)
def test_a_server_that_refuses_is_one_sentence_without_the_password(
    server: Server, tmp_path: Path, opener: Any, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(StorageFailed, match=rf"^The database postgresql://\w+:\*\*\*@.* {says}") as caught:
        opener(address(server, **change), tmp_path)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_is_not_there_or_whose_tables_are_not_ours(
    server: Server, database: PostgresDatabase, tmp_path: Path
) -> None:
    with pytest.raises(StorageFailed, match=r"does not exist\. Make it: createdb"):
        open_store(database.url.replace(f"/{USER}?", "/nowhere?"), tmp_path)
    with pytest.raises(StoreError, match="is still empty"):
        open_reader(database.url, tmp_path)
    server.ask(f"ALTER SCHEMA {database.schema} OWNER TO postgres", USER)
    with pytest.raises(StorageFailed, match=r"has no schema that its user may use\. Make that user the owner"):
        open_store(database.url, tmp_path)
    server.ask(f"GRANT USAGE ON SCHEMA {database.schema} TO {USER}", USER)
    with pytest.raises(StorageFailed, match=r"cannot be written: its user may not\. Make that user the owner"):
        open_store(database.url, tmp_path)


def test_a_database_that_cannot_hold_every_plate_is_refused(server: Server, tmp_path: Path) -> None:
    server.ask(f"CREATE DATABASE latin OWNER {USER} ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(DatabaseUnusable, match=r"has the encoding LATIN1, .* createdb --encoding UTF8"):
        open_store(PostgresDatabase(server, "public").url.replace(f"/{USER}?", "/latin?"), tmp_path)


def test_a_reader_of_a_server_cannot_write(store: Store, database: PostgresDatabase, tmp_path: Path) -> None:
    reader = open_reader(database.url, tmp_path)
    with reader._engine.connect() as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.exec_driver_sql("DELETE FROM passages")
    reader.close()


def test_check_says_it_and_shows_no_password(server: Server, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"database: {address(server)}\nrecognizer: {{engine: local}}\n")
    done = verb(tmp_path, "check")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "database" in line]
    assert "refuses the user or the password. Check both" in " ".join(done.stdout.split())
    assert "hunter2" not in line + done.stdout + done.stderr


# ---- the daemon -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return endless_clip(tmp_path_factory)


@pytest.fixture
def service() -> Iterator[FakeOcrCars]:
    with FakeOcrCars(plate(PLATES[0], range=[]), appcode=SECRET) as stand_in:
        yield stand_in


@pytest.fixture
def own_server() -> Iterator[Server]:
    """Yield a server that the test may stop."""
    with running_server() as started:
        yield started


def check_the_money(database: PostgresDatabase, service: FakeOcrCars) -> None:
    """Assert that nothing was paid twice, and that the ledger has every call."""
    calls, keyframes = database.rows("SELECT count(*), count(DISTINCT keyframe_id) FROM calls")[0]
    assert calls == keyframes == len(service.calls)
    assert database.rows("SELECT count(*) FROM calls WHERE outcome IS DISTINCT FROM 'read'") == [(0,)]


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_server_that_goes_and_comes_back(
    clip: Path, tmp_path: Path, service: FakeOcrCars, own_server: Server, how: str
) -> None:
    database = own_server.database()
    with watching(tmp_path / "d", clip, service, database=database) as watched:
        began, before = time.time(), watched.passages()
        own_server.kill() if how == "killed" else own_server.stop()
        watched.suffer("The database postgresql://")
        opened = watched.opened()
        own_server.start()
        ended = time.time()
        watched.recover(before)
        check_nothing_is_missing(watched.daemon, opened, began, ended)
        check_the_money(database, service)


def test_a_server_that_is_restarted_at_once(
    clip: Path, tmp_path: Path, service: FakeOcrCars, own_server: Server
) -> None:
    database = own_server.database()
    with watching(tmp_path / "d", clip, service, database=database) as watched:
        for _ in range(3):
            before = watched.passages()
            own_server.kill()
            own_server.start()
            watched.daemon.until(lambda before=before: watched.passages() >= before + 2)  # type: ignore[misc]
        assert watched.daemon.stop() == 0, watched.daemon.log()
        assert len(holders(database)) == 0
        check_nothing_is_missing(watched.daemon, watched.opened(), 0, 0)
        check_the_money(database, service)


def fill_up(database: PostgresDatabase) -> None:
    """Use up the space that the tables still have on a full disk."""
    times = "'2020-01-01Z', '2020-01-01Z'"
    values = f"md5(random()::text), 'elsewhere', {times}, true, 'unread', 'unknown', true, '2020-01-01Z'"
    columns = "key, camera, opened_at, last_seen, closed, outcome, direction, clock_trusted, recorded_at"
    with suppress(psycopg.errors.DiskFull):
        while True:
            database.execute(f"INSERT INTO passages ({columns}) VALUES ({values})")


def test_a_disk_of_a_server_that_fills_up_and_is_emptied(
    clip: Path, tmp_path: Path, service: FakeOcrCars, own_server: Server
) -> None:
    if not ROOT:
        pytest.skip("only root may mount a disk; test_a_user_that_may_not_write_for_a_while stands in for it")
    folder = own_server.folder / "small"
    folder.mkdir()
    with small_disk(folder, "4m", "test_a_user_that_may_not_write_for_a_while") as disk:
        own_server.stop()
        own_server.move_to(disk.seen, disk.enter)
        own_server.start()
        own_server.ask(f"CREATE TABLESPACE small LOCATION '{folder}'")
        own_server.ask(f"GRANT CREATE ON TABLESPACE small TO {USER}")
        own_server.ask(f"ALTER ROLE {USER} SET default_tablespace = small")
        database = own_server.database()
        with watching(tmp_path / "d", clip, service, database=database) as watched:
            began = time.time()
            disk.fill()
            fill_up(database)
            before = watched.passages()
            watched.suffer("the disk of its server is full", OUTAGE)
            opened = watched.opened()
            disk.empty()
            ended = time.time()
            watched.recover(before)
            check_nothing_is_missing(watched.daemon, opened, began, ended)
            check_the_money(database, service)
        own_server.stop()


def test_a_user_that_may_not_write_for_a_while(
    clip: Path, tmp_path: Path, service: FakeOcrCars, database: PostgresDatabase
) -> None:
    with watching(tmp_path / "d", clip, service, database=database) as watched:
        began, before = time.time(), watched.passages()
        database.execute(f"REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA {database.schema} FROM {USER}")
        watched.suffer("its user may not")
        opened = watched.opened()
        database.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {database.schema} TO {USER}")
        ended = time.time()
        watched.recover(before)
        check_nothing_is_missing(watched.daemon, opened, began, ended)
        check_the_money(database, service)


def test_a_second_daemon_on_the_same_server_is_refused(
    clip: Path, tmp_path: Path, service: FakeOcrCars, database: PostgresDatabase
) -> None:
    with watching(tmp_path / "d", clip, service, database=database) as watched:
        pid = watched.daemon.process.pid
        config = (tmp_path / "d" / "config.yaml").read_text()
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "config.yaml").write_text(config)
        for folder, says in (("d", f"Another streamwatch, process {pid}, "), ("other", f", process {pid}) is writing")):
            for words in (["run"], ["replay", "--camera", "gate", clip]):
                done = verb(tmp_path / folder, *words)
                assert done.returncode == 1
                assert says in done.stderr
                assert "Traceback" not in done.stderr
        assert watched.daemon.stop() == 0


TAKE = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as other:
    print("asking", flush=True)
    other.execute(
        "SELECT pg_advisory_lock(x'53574442'::int, oid::int) FROM pg_namespace WHERE nspname = current_schema()"
    )
    print("has it", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("busy", [True, False])
def test_a_daemon_that_lost_its_lock_to_another_ends_before_it_pays_again(
    clip: Path, tmp_path: Path, service: FakeOcrCars, database: PostgresDatabase, busy: bool
) -> None:
    source = {"source": str(clip), "loop": True} if busy else {"source": f"rtsp://127.0.0.1:{free_port()}/gate"}
    timing = {"gate": {"patience": "200ms", "close_after": "400ms"}}
    with running(
        tmp_path / "d", {"gate": source}, database=database, recognizer=paid(service), patch=FASTER, **timing
    ) as daemon:
        daemon.until(lambda: "watching gate" in daemon.log() and (not busy or len(service.calls) > 1))
        other = python(TAKE, database.url, stdin=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "asking\n"
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        daemon.until(lambda: database.rows(waiting) != [])
        end_session(database)
        assert other.stdout.readline() == "has it\n"
        assert daemon.process.wait(180) == 1
        assert "Another streamwatch" in daemon.errors()[-1]
        assert "is writing the database" in daemon.errors()[-1]
    assert database.rows("SELECT count(*) FROM calls") == [(len(service.calls),)]
    output(other)
