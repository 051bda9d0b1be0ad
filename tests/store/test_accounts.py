"""Users, sessions, tokens and the audit log, as rows of both kinds of database."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from records import NOON, Database, rows

from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.errors import AccountError, StoreError
from streamwatch.store import AuditEntry, DatabaseReader, Keep, Store, open_reader, open_store

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
IDLE = 3 * DAY


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    store = open_store(database.url, tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def reader(database: Database, store: Store, tmp_path: Path) -> Iterator[DatabaseReader]:
    reader = open_reader(database.url, tmp_path / "data")
    yield reader
    reader.close()


def add(store: Store, name: str = "lily", role: Role = Role.GUARD, cameras: frozenset[str] | None = None) -> None:
    store.accounts.add_user(name, role, cameras, f"$hash of {name}", NOON)


def opened(store: Store, token: str, name: str = "lily", at: datetime = NOON, address: str = "192.0.2.7") -> bool:
    return store.accounts.open_session(name, f"$hash of {name}", token, at, at + 30 * DAY, address, "a browser")


def test_a_user_is_found_however_the_name_is_written(store: Store, reader: DatabaseReader) -> None:
    assert not reader.accounts.any_user()
    add(store, "Lily", cameras=frozenset({"north", "entry"}))
    assert reader.accounts.any_user()
    for name in ("Lily", "LILY", "lily", "Ｌｉｌｙ"):
        user = reader.accounts.user(name)
        assert user is not None
        assert (user.name, user.role, user.cameras) == ("Lily", Role.GUARD, frozenset({"entry", "north"}))
        with pytest.raises(AccountError, match="user of this name"):
            add(store, name)
    assert reader.accounts.user("lil") is None
    store.accounts.change_user("LILY", Role.ADMIN, None)
    (user,) = reader.accounts.users()
    assert (user.name, user.role, user.cameras) == ("Lily", Role.ADMIN, None)
    assert (user.disabled_at, user.last_seen) == (None, None)


def test_what_is_asked_of_nobody_is_one_sentence(store: Store) -> None:
    accounts = store.accounts
    calls: tuple[Callable[[], None], ...] = (
        lambda: accounts.change_user("max", Role.ADMIN, None),
        lambda: accounts.set_password("max", "$", NOON),
        lambda: accounts.disable("max", NOON),
        lambda: accounts.enable("max"),
        lambda: accounts.remove_user("max"),
        lambda: accounts.end_session(1, "max", NOON),
        lambda: accounts.revoke_token("max", NOON),
    )
    for call in calls:
        with pytest.raises(AccountError, match="There is no "):
            call()


def test_a_session_is_open_until_it_idles_ends_or_is_ended(store: Store, reader: DatabaseReader) -> None:
    add(store, cameras=frozenset({"entry"}))
    assert opened(store, "a" * 64)
    found = reader.accounts.session("a" * 64, NOON + MINUTE, IDLE)
    assert found is not None
    assert (found.user, found.role, found.cameras, found.address) == (
        "lily",
        Role.GUARD,
        frozenset({"entry"}),
        "192.0.2.7",
    )
    assert reader.accounts.session("b" * 64, NOON, IDLE) is None
    assert reader.accounts.session("a" * 64, NOON + IDLE, IDLE) is None, "idle"
    store.accounts.session_seen("a" * 64, NOON + 2 * DAY)
    assert reader.accounts.session("a" * 64, NOON + IDLE, IDLE) is not None
    store.accounts.session_seen("a" * 64, NOON)
    assert reader.accounts.session("a" * 64, NOON + IDLE, IDLE) is not None, "an older request arrived late"
    store.accounts.session_seen("a" * 64, NOON + 29 * DAY)
    assert reader.accounts.session("a" * 64, NOON + 30 * DAY, IDLE) is None, "its absolute end"
    assert opened(store, "c" * 64)
    store.accounts.log_out("c" * 64, NOON)
    assert reader.accounts.session("c" * 64, NOON, IDLE) is None


def test_sessions_are_listed_and_ended_one_by_one(store: Store, reader: DatabaseReader) -> None:
    add(store)
    add(store, "max")
    assert opened(store, "a" * 64)
    assert opened(store, "b" * 64, at=NOON + MINUTE)
    assert opened(store, "c" * 64, "max")
    newer, older = reader.accounts.sessions(NOON + MINUTE, IDLE, "Lily")
    assert newer.created_at > older.created_at
    assert len(reader.accounts.sessions(NOON + MINUTE, IDLE)) == 3
    with pytest.raises(AccountError, match="no such session"):
        store.accounts.end_session(newer.id, "max", NOON)
    store.accounts.end_session(newer.id, "lily", NOON)
    assert reader.accounts.sessions(NOON + MINUTE, IDLE, "lily") == [older]


@pytest.mark.parametrize("does", ["password", "disable", "remove"])
def test_who_is_put_out_is_out_everywhere_at_once(store: Store, reader: DatabaseReader, does: str) -> None:
    add(store)
    add(store, "max")
    assert opened(store, "a" * 64)
    assert opened(store, "b" * 64)
    assert opened(store, "c" * 64, "max")
    match does:
        case "password":
            store.accounts.set_password("lily", "$new", NOON)
        case "disable":
            store.accounts.disable("lily", NOON)
        case "remove":
            store.accounts.remove_user("lily")
    assert [session.user for session in reader.accounts.sessions(NOON, IDLE)] == ["max"]
    assert not opened(store, "d" * 64), "a log-in that was checked before it, and arrives after it"
    assert [session.user for session in reader.accounts.sessions(NOON, IDLE)] == ["max"]


def test_a_disabled_user_may_come_back_with_a_new_log_in(store: Store, reader: DatabaseReader) -> None:
    add(store)
    assert opened(store, "a" * 64)
    store.accounts.disable("lily", NOON)
    found = reader.accounts.credentials("LILY", "192.0.2.7")
    assert found is not None
    assert (found.name, found.password, found.disabled, found.knows_address) == ("lily", "$hash of lily", True, True)
    store.accounts.enable("lily")
    assert reader.accounts.sessions(NOON, IDLE) == [], "the old one stays ended"
    assert opened(store, "b" * 64)
    found = reader.accounts.credentials("lily", "192.0.2.8")
    assert found is not None
    assert (found.disabled, found.knows_address) == (False, False)
    assert reader.accounts.credentials("max", "192.0.2.7") is None


def test_a_rehash_never_undoes_a_new_password(store: Store, reader: DatabaseReader) -> None:
    add(store)
    store.accounts.rehash("lily", "$hash of lily", "$better")
    store.accounts.rehash("lily", "$hash of lily", "$too late")
    found = reader.accounts.credentials("lily", "")
    assert found is not None
    assert found.password == "$better"


def test_a_token_is_in_force_until_it_ends_or_is_revoked(store: Store, reader: DatabaseReader) -> None:
    accounts = store.accounts
    accounts.add_token("barrier", Role.VIEWER, frozenset({"entry"}), "a" * 64, "lily", NOON, NOON + DAY)
    with pytest.raises(AccountError, match="token of this name"):
        accounts.add_token("barrier", Role.VIEWER, None, "b" * 64, "lily", NOON, None)
    found = reader.accounts.token("a" * 64, NOON)
    assert found is not None
    assert (found.name, found.role, found.created_by) == ("barrier", Role.VIEWER, "lily")
    assert found.cameras == frozenset({"entry"})
    accounts.token_used("a" * 64, NOON + MINUTE)
    assert reader.accounts.tokens()[0].last_used == NOON + MINUTE
    assert reader.accounts.token("a" * 64, NOON + DAY) is None
    accounts.revoke_token("barrier", NOON)
    assert reader.accounts.token("a" * 64, NOON) is None
    accounts.add_token("barrier", Role.VIEWER, None, "b" * 64, "lily", NOON, None)
    assert reader.accounts.token("b" * 64, NOON + 9999 * DAY) is not None
    assert [token.revoked_at for token in reader.accounts.tokens()] == [None, NOON]
    with pytest.raises(AccountError):
        accounts.revoke_token("nobody's", NOON)


def test_the_audit_log_is_read_page_by_page_with_filters(store: Store, reader: DatabaseReader) -> None:
    for number in range(7):
        action = AuditAction.LOGIN if number % 2 else AuditAction.PLATE_SEARCHED
        who, thing = ("lily", "max")[number % 3 == 0], f"京A0000{number}"
        store.audit.add(AuditEntry(NOON + number * MINUTE, who, "192.0.2.7", action, thing, {"rows": number}))
    first = reader.audit.entries(3)
    assert [row.detail["rows"] for row in first] == [6, 5, 4]
    rest = reader.audit.entries(9, before=first[-1].id)
    assert [row.detail["rows"] for row in rest] == [3, 2, 1, 0]
    assert [row.detail["rows"] for row in reader.audit.entries(9, who="max")] == [6, 3, 0]
    assert [row.detail["rows"] for row in reader.audit.entries(9, action=AuditAction.LOGIN)] == [5, 3, 1]
    assert [row.at for row in reader.audit.entries(9, object="京A00004")] == [NOON + 4 * MINUTE]
    between = reader.audit.entries(9, since=NOON + MINUTE, until=NOON + 3 * MINUTE)
    assert [row.detail["rows"] for row in between] == [2, 1]


def test_a_change_and_its_entry_are_one(store: Store, reader: DatabaseReader) -> None:
    entry = AuditEntry(NOON, "lily", "", AuditAction.USER_REMOVED, "max", {})

    def remove(caught: type[Exception]) -> None:
        with store.together():
            store.audit.add(entry)
            with suppress(caught):
                store.accounts.remove_user("max")

    with pytest.raises(AccountError):
        remove(ValueError)
    with pytest.raises(StoreError):
        remove(AccountError)
    assert reader.audit.entries(9) == []
    add(store, "max")
    remove(ValueError)
    assert [row.object for row in reader.audit.entries(9)] == ["max"]


def test_retention_deletes_old_sessions_tokens_and_entries_only(store: Store, database: Database) -> None:
    add(store)
    assert opened(store, "a" * 64)
    assert opened(store, "b" * 64, at=NOON + 5 * DAY)
    for name in ("ended", "revoked", "kept"):
        ends_at = NOON + DAY if name == "ended" else None
        store.accounts.add_token(name, Role.VIEWER, None, name.ljust(64, "x"), "lily", NOON, ends_at)
    store.accounts.revoke_token("revoked", NOON)
    for day in range(4):
        store.audit.add(AuditEntry(NOON + day * DAY, "lily", "", AuditAction.LOGIN, "", {}))
    keep, now = Keep(sessions_age=4 * DAY, audit_age=4 * DAY), NOON + 6 * DAY
    steps = []
    while (step := store.retention.retain(now, keep, batch=1)).more:
        steps.append(step.others)
    assert sum(steps) == 1 + 2 + 2
    assert len(rows(database, "SELECT id FROM sessions")) == 1
    assert [row["name"] for row in rows(database, "SELECT name FROM tokens")] == ["kept"]
    assert len(rows(database, "SELECT id FROM audit_log")) == 2
    assert len(rows(database, "SELECT id FROM users")) == 1


def test_no_number_of_the_audit_log_is_given_twice(store: Store, reader: DatabaseReader) -> None:
    store.audit.add(AuditEntry(NOON, "lily", "", AuditAction.LOGIN, "", {}))
    first = reader.audit.entries(1)[0].id
    assert store.retention.retain(NOON + DAY, Keep(audit_age=DAY / 2)).others == 1
    store.audit.add(AuditEntry(NOON, "lily", "", AuditAction.LOGIN, "", {}))
    assert reader.audit.entries(1)[0].id > first
