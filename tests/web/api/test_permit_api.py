"""Permits over the API: made, changed and ended by programs, and imported after a preview."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from consoles import DrawnConsole, as_somebody, console_over
from records import ONLY_SQLITE, Database

from streamwatch.config.access_settings import LaneSettings
from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.web.accounts.principal import Principal

PERMITS, IMPORTS = "/api/v1/permits", "/api/v1/permit-imports"
MANAGER, GUARD = Principal("program", Role.MANAGER), Principal("booth", Role.GUARD)
HOME = {
    "kind": "resident",
    "plates": ["京a·12345", "京A12346"],
    "holder": "王",
    "valid_until": "2036-01-01T00:00:00+08:00",
    "hours": [{"days": [0, 4], "begin": "22:00", "end": "06:00"}],
    "lanes": ["in"],
    "spaces": 1,
    "reference": "7",
}


@pytest.fixture
def console(database: Database, tmp_path: Path) -> Iterator[DrawnConsole]:
    with console_over(database.url, tmp_path, visits=[]) as drawn:
        lanes = {"in": LaneSettings(cameras=["entry"])}
        drawn.backend.settings = drawn.backend.settings.model_copy(update={"lanes": lanes})
        yield drawn


def test_a_program_adds_changes_and_ends_permits(console: DrawnConsole) -> None:
    with as_somebody(console, MANAGER) as client:
        answer = client.post(PERMITS, json=HOME)
        assert answer.status_code == 201
        made = answer.json()["permit"]
        assert made["plates"] == ["京A12345", "京A12346"]
        assert (made["state"], made["lanes"], made["spaces"], made["uses_left"]) == ("valid", ["in"], 1, None)
        assert made["hours"] == HOME["hours"]
        where = f"{PERMITS}/{made['key']}"
        assert client.get(where).json() == made
        changed = client.patch(where, json={"note": "new", "lanes": None}).json()["permit"]
        assert {**changed, "changed_at": made["changed_at"]} == {**made, "note": "new", "lanes": None}
        told = client.post(PERMITS, json={"kind": "blocked", "plates": ["京A12345"]}).json()["remarks"]
        assert told == ["京A12345 has a permit, too. This entry is stronger: it does not come in."]
        ended = client.delete(where).json()
        assert ended["state"] == "ended"
        assert client.delete(where).json() == ended
        assert client.get(f"{PERMITS}/{'0' * 32}").status_code == 404
        assert client.put(where, json={}).headers["allow"] == "DELETE, GET, PATCH"
    actions = [entry.action for entry in console.reader.audit.entries(9, who="program")]
    assert AuditAction.PERMIT_CHANGED in actions


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"plates": ["hello"]}, "plates"),
        ({"plates": []}, "plates"),
        ({"valid_from": "2037-01-01T00:00:00Z"}, "valid_until"),
        ({"hours": [{"days": [1], "begin": "08:00", "end": "08:00"}]}, "hours"),
        ({"lanes": ["nowhere"]}, "lanes"),
        ({"lanes": []}, "lanes"),
    ],
)
def test_what_cannot_be_is_a_conflict_in_words(console: DrawnConsole, change: dict[str, object], field: str) -> None:
    with as_somebody(console, MANAGER) as client:
        answer = client.post(PERMITS, json=HOME | change)
        assert answer.status_code == 409
        assert [one["where"] for one in answer.json()["errors"]] == [f"body.{field}"]
        assert client.post(PERMITS, json=HOME).status_code == 201
        assert "has this number already" in client.post(PERMITS, json=HOME).json()["detail"]
    assert len(console.reader.permits.load_all()) == 1


@ONLY_SQLITE
def test_a_guards_program_adds_visitors_only(console: DrawnConsole) -> None:
    with as_somebody(console, GUARD) as client:
        assert client.post(PERMITS, json=HOME).status_code == 403
        made = client.post(PERMITS, json={"kind": "visitor", "holder": "Plumber"}).json()["permit"]
        assert made["code"]
        assert client.get(f"{PERMITS}?text={made['code'].lower()}").json()["items"] == [made]
        assert client.delete(f"{PERMITS}/{made['key']}").status_code == 403
        assert client.post(IMPORTS, content=b"plate\n").status_code == 403
    with as_somebody(console, Principal("v", Role.VIEWER)) as client:
        assert client.get(PERMITS).status_code == 403


@ONLY_SQLITE
def test_permits_are_listed_page_by_page(console: DrawnConsole) -> None:
    now = datetime.now(UTC)
    for number in range(5):
        end = now + timedelta(days=10 - number)
        console.store.permits.add(PermitTerms(kind="staff", plates=(f"京A0000{number}",), valid_until=end), "", now)  # type: ignore[arg-type]
    with as_somebody(console, GUARD) as client:

        def plates(query: str) -> list[str]:
            found: list[str] = []
            cursor = ""
            while True:
                page = client.get(f"{PERMITS}?limit=2&{query}{cursor}").json()
                found += [item["plates"][0][-1] for item in page["items"]]
                if page["next"] is None:
                    return found
                cursor = f"&cursor={page['next']}"

        assert plates("") == list("43210")
        assert plates("expiring_days=8") == list("432")
        assert plates("expiring_days=30") == list("43210")
        assert plates("plate=京a·00003") == ["3"]
        assert plates("kind=visitor") == plates("state=ended") == plates("group=x") == plates("plate=!") == []


def test_a_list_is_written_once_it_is_confirmed(console: DrawnConsole) -> None:
    content = "reference,plate\n1,京A12345\n2,nonsense\n".encode()
    with as_somebody(console, MANAGER) as client:
        found = client.post(f"{IMPORTS}?source=house", content=content, headers={"Content-Type": "text/csv"}).json()
        assert (found["lines"], found["bad"], found["added"], found["hindrance"]) == (2, 1, 1, "")
        (bad,) = found["bad_lines"]
        assert (bad["line"], bad["column"], bad["fault"]) == (3, "plate", "not_a_plate")
        where = f"{IMPORTS}/{found['name']}"
        assert client.post(where, json={}).status_code == 409
        assert console.reader.permits.load_all() == []
        assert client.post(where, json={"leave_out_bad": True}).json() == found
        assert [row.source for row in console.reader.permits.load_all()] == ["house"]
        assert client.post(where, json={"leave_out_bad": True}).status_code == 409
        assert "is empty" in client.post(IMPORTS, content=b"").json()["detail"]
