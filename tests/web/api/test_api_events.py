"""The stream of events: what is new or has changed is told at once, and what was missed after a lost link."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from consoles import DrawnConsole, Visit, console_over

from streamwatch.core.codes import Role
from streamwatch.web.accounts.entrance import hash_of

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[DrawnConsole]:
    with console_over(f"sqlite:///{tmp_path}/streamwatch.db", tmp_path, [Visit("京A12345", "entry", NOON)]) as console:
        yield console


def events(answer: httpx.Response) -> Iterator[tuple[str, str, Any]]:
    """Yield name, id and data of each event."""
    told: dict[str, str] = {}
    data: list[str] = []
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name == "data":
            data.append(value)
        elif line:
            told[name] = value
        elif "event" in told:
            text = "\n".join(data)
            yield told["event"], told.get("id", ""), json.loads(text) if text else None
            told, data = {}, []


def follow(gate: DrawnConsole, last: str, token: str = "") -> Any:
    headers = ({} if last is None else {"Last-Event-ID": last}) | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    return httpx.stream("GET", f"{gate.url}/api/v1/events", headers=headers, timeout=60)


def test_what_is_new_is_told_as_the_list_tells_it(gate: DrawnConsole) -> None:
    seen = gate.reader.passages.last_revision()
    with follow(gate, str(seen)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = events(answer)
        gate.add(Visit("粤B00001", "exit", NOON + timedelta(minutes=1)))
        gate.add(Visit("粤B00002", "exit", NOON + timedelta(minutes=2)))
        told: dict[str, Any] = {}
        while told.get("plate") != "粤B00002" or told["outcome"] != "read":
            name, revision, told = next(stream)
            assert name == "passage"
            assert int(revision) == told["revision"] > seen
    listed = httpx.get(f"{gate.url}/api/v1/passages?limit=1").json()["items"]
    assert listed == [told]


def test_what_was_missed_is_told_first(gate: DrawnConsole) -> None:
    gate.add(Visit("粤B00001", "exit", NOON + timedelta(minutes=1)))
    with follow(gate, "0") as answer:
        stream = events(answer)
        plates = [next(stream)[2]["plate"] for _ in range(2)]
    assert plates == ["京A12345", "粤B00001"]


def test_a_client_of_another_database_is_told_to_read_all_anew(gate: DrawnConsole) -> None:
    with follow(gate, "999999") as answer:
        assert next(events(answer))[0] == "lost"


def test_a_number_that_is_none_is_refused(gate: DrawnConsole) -> None:
    with follow(gate, "yesterday") as answer:
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


def test_nobody_is_told_of_cameras_that_they_may_not_see(gate: DrawnConsole) -> None:
    gate.store.accounts.add_token("t", Role.VIEWER, frozenset({"exit"}), hash_of("swt_t"), "", datetime.now(UTC), None)
    gate.add(Visit("粤B00001", "exit", NOON + timedelta(minutes=1)))
    with follow(gate, "0", "swt_t") as answer:
        assert next(events(answer))[2]["plate"] == "粤B00001"
