"""The API over a real server: what it answers, to whom, and how it says that something is wrong."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from consoles import DrawnConsole, Visit, console_over
from records import ONLY_SQLITE

from streamwatch.app.representation import as_json, files_in, passage_object, sighting_object
from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.errors import StorageFailed
from streamwatch.store import PassageOutcome, Search, SightingRow
from streamwatch.web.accounts.entrance import hash_of
from streamwatch.web.api.parameters import PassageFilters, address_of

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def visits() -> list[Visit]:
    return [
        Visit("京A12345", "entry", NOON),
        Visit("京A1234S", "exit", NOON + timedelta(minutes=1)),
        Visit("浙C77Q10", "entry", NOON + timedelta(minutes=2), outcome=PassageOutcome.UNREAD),
        Visit(
            "苏E0D8Q2",
            "后门",
            NOON + timedelta(minutes=3),
            outcome=PassageOutcome.UNSURE,
            confidence=0.4,
            read="苏E008",
        ),
    ]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[DrawnConsole]:
    with console_over(f"sqlite:///{tmp_path}/streamwatch.db", tmp_path, visits()) as console:
        yield console


@contextmanager
def asking(
    console: DrawnConsole, role: Role | None = None, cameras: frozenset[str] | None = None
) -> Iterator[httpx.Client]:
    """Yield a client: anybody on this machine, or a program with a token of that role."""
    headers = {}
    if role is not None:
        token = f"swt_{role.value}{len(cameras or ())}"
        console.store.accounts.add_token(token, role, cameras, hash_of(token), "test", datetime.now(UTC), None)
        headers["Authorization"] = f"Bearer {token}"
    with httpx.Client(base_url=f"{console.url}/api/v1", headers=headers, timeout=60) as client:
        yield client


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Return the problem that was answered (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    assert told["detail"].endswith((".", "`."))
    return told


def test_the_api_answers_with_the_objects_of_the_command_line(gate: DrawnConsole) -> None:
    with asking(gate) as client:
        sightings, passages = client.get("/sightings").json(), client.get("/passages").json()
    assert sightings["next"] is passages["next"] is None
    printed = [as_json(sighting_object(row)) for row in gate.reader.sightings()]
    told = [as_json(passage_object(row, files_in(gate.data_dir))) for row in gate.reader.log.each_passage(Search())]
    for answered, said in ((sightings["items"], printed), (passages["items"], told)):
        for there, here in zip(answered, said, strict=True):
            assert there.pop("image") == f"/api/v1/keyframes/{there['keyframe']}/picture"
            assert Path(here.pop("image")).is_file()
            assert there == here
    assert [item["plate"] for item in passages["items"]] == ["苏E008", None, "京A1234S", "京A12345"]


def test_the_whole_of_one_thing(gate: DrawnConsole) -> None:
    with asking(gate) as client:
        sighting = client.get("/sightings/1").json()
        (passage,) = sighting["passages"]
        assert client.get("/passages/1").json() == passage
        (keyframe,) = passage["keyframes"]
        assert client.get("/keyframes/1").json() == keyframe
        assert client.get("/readings").json()["items"][-1] == passage["readings"][0]
        assert client.get("/calls").json()["items"][-1] == passage["calls"][0]
        picture = client.get(keyframe["image"].removeprefix("/api/v1"))
        kept = gate.reader.passages.picture(1)
        assert kept is not None
        assert picture.content == kept.jpeg, "byte for byte what was sent to be read"
        assert picture.headers["content-type"] == "image/jpeg"
        assert "immutable" in picture.headers["cache-control"]
        again = client.get("/keyframes/1/picture", headers={"If-None-Match": picture.headers["etag"]})
        assert again.status_code == 304
        assert 0 < len(client.get("/keyframes/1/picture?crop=plate&width=160").content) < len(picture.content)


def test_a_list_is_read_page_by_page_without_gaps(gate: DrawnConsole) -> None:
    gate.add(Visit("粤B00001", "entry", NOON - timedelta(days=1)))
    with asking(gate) as client:
        for name, count in (("sightings", 3), ("passages", 5), ("keyframes", 5), ("readings", 4), ("calls", 5)):
            seen, cursor = [], None
            while True:
                page = client.get(f"/{name}", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
                seen += [item["id"] for item in page["items"]]
                assert len(page["items"]) <= 2
                if name == "passages" and cursor is None:
                    gate.add(Visit("粤B00002", "entry", NOON + timedelta(days=1)))  # is newer, and shifts nothing
                cursor = page["next"]
                if cursor is None:
                    break
            assert len(seen) == len(set(seen)) == count + (name in ("keyframes", "readings", "calls")), name


def test_filters(gate: DrawnConsole) -> None:
    def plates(query: str) -> list[str | None]:
        answer = client.get(f"/passages?{query}")
        assert answer.status_code == 200, answer.text
        return [item["plate"] for item in answer.json()["items"]]

    with asking(gate) as client:
        assert plates("plate=1234") == ["京A1234S", "京A12345"]
        assert plates("plate=京A12345&like=true") == ["京A12345", "京A1234S"]
        assert plates("camera=entry&camera=exit") == [None, "京A1234S", "京A12345"]
        assert plates("unread=true") == ["苏E008", None]
        assert plates("outcome=unsure&outcome=unread") == ["苏E008", None]
        assert plates("max_confidence=0.5") == ["苏E008"]
        assert plates("until=2026-03-03T20:00:00%2B08:00") == ["京A12345"]
        assert plates("since=2026-03-03T12:03:00Z&until=9999-12-31T23:59:60-23:59") == ["苏E008"]
        assert plates("plate=%25") == [], "a text that no plate has"


def test_a_search_and_its_address_are_the_same() -> None:
    search = PassageFilters(
        plate="A1*3?", like=True, camera=["b", "a"], since="2026-03-03T12:00:00+08:00", begin="08:00", end="10:30",
        weekday=[1, 0], engine=["local"], min_confidence=0.25, max_confidence=1, outcome=["unread"], unread=True,
    ).search()  # fmt: skip
    assert search is not None
    parameters: dict[str, Any] = {}
    for name, value in httpx.QueryParams(address_of(search)).multi_items():
        parameters.setdefault(name, []).append(value)
    lists = {"camera", "weekday", "engine", "outcome"}
    read = {name: value if name in lists else value[0] for name, value in parameters.items()}
    assert PassageFilters(**read).search() == search
    assert address_of(Search()) == ""


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/passages?limit=0", 422, "query.limit"),
        ("/passages?limit=1001", 422, "query.limit"),
        ("/passages?since=yesterday", 422, "RFC 3339"),
        ("/passages?since=2026-02-30T00:00:00Z", 422, "no such time"),
        ("/passages?plat=A", 422, "query.plat"),
        ("/passages?outcome=lost", 422, "query.outcome.0"),
        ("/passages?cursor=nonsense", 404, "No page ended with this cursor"),
        ("/passages/99", 404, "There is nothing here"),
        (f"/passages/{10**30}", 404, "There is nothing here"),
        ("/keyframes/99/picture", 404, "There is nothing here"),
        ("/keyframes/1/picture?width=7", 422, "query.width"),
        ("/cameras/other", 404, "There is nothing here"),
        ("/cameras/a%0Ab", 404, "There is nothing here"),
        ("/nothing", 404, "There is nothing here"),
    ],
)
def test_what_is_wrong_is_a_problem(gate: DrawnConsole, path: str, status: int, sentence: str) -> None:
    with asking(gate) as client:
        assert sentence in json.dumps(problem(client.get(path), status))


def test_methods_that_are_not_known(gate: DrawnConsole) -> None:
    with asking(gate) as client:
        answer = client.delete("/passages/1")
        problem(answer, 405)
        assert answer.headers["allow"] == "GET"


@pytest.mark.errors_expected
def test_an_unexpected_error_is_a_problem_and_ends_nothing(gate: DrawnConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("with a secret")

    monkeypatch.setattr(gate.reader.passages, "find", fail)
    with asking(gate) as client:
        assert "secret" not in json.dumps(problem(client.get("/passages"), 500))
        assert client.get("/cameras").status_code == 200


def test_a_database_that_is_away_is_a_problem(gate: DrawnConsole) -> None:
    Path(gate.backend.settings.database.removeprefix("sqlite:///")).rename(gate.data_dir / "away")
    gate.reader.close()
    with asking(gate) as client:
        answer = client.get("/passages")
        problem(answer, 503)


def test_exports_have_all_rows_with_the_filters_of_the_search(gate: DrawnConsole) -> None:
    for minute in range(120):
        gate.add(Visit("粤B00000", "entry", NOON + timedelta(hours=1, minutes=minute)))
    with asking(gate) as client:
        for name, heading in (("sightings", "first_seen"), ("passages", "opened_at")):
            answer = client.get(f"/{name}.csv?plate=粤")
            assert answer.headers["content-type"] == "text/csv; charset=utf-8"
            assert f'filename="{name}-' in answer.headers["content-disposition"]
            rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
            assert len(rows) == 120
            assert datetime.fromisoformat(rows[0][heading]).tzinfo is not None
            assert rows[0]["image"].startswith(f"{gate.url}/api/v1/keyframes/")
            book = openpyxl.load_workbook(io.BytesIO(client.get(f"/{name}.xlsx?plate=粤").content))
            assert book[name].max_row == 121
        assert client.get("/passages.csv?plate=%25").text.count("\n") == 1
    exported = [entry.detail["path"] for entry in gate.reader.audit.entries(10, action=AuditAction.EXPORTED)]
    names = ["passages.csv", "passages.xlsx", "passages.csv", "sightings.xlsx", "sightings.csv"]
    assert exported == [f"/api/v1/{name}" for name in names]
    assert not list(gate.data_dir.glob(".export-*"))


@pytest.mark.errors_expected
def test_an_export_that_fails_in_the_middle_does_not_look_whole(
    gate: DrawnConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = gate.reader.sightings(limit=1)

    def some_then_none(**_: object) -> Iterator[SightingRow]:
        yield from [row] * 2000
        raise StorageFailed("The disk is gone.")

    monkeypatch.setattr(gate.reader, "each_sighting", some_then_none)
    with asking(gate) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/sightings.csv")
        problem(client.get("/sightings.xlsx"), 503)
        problem(client.get("/sightings.xlsx"), 503)
        problem(client.get("/sightings.xlsx"), 503)
        assert client.get("/passages.xlsx").status_code == 200, "a workbook that failed gives its place back"


def test_nothing_is_exported_that_the_audit_log_cannot_hold(
    gate: DrawnConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(_: object) -> None:
        raise StorageFailed("Another streamwatch holds the database.")

    monkeypatch.setattr(gate.backend, "write", held)
    with asking(gate) as client:
        assert "audit log" in problem(client.get("/passages.csv"), 503)["detail"]
        assert "audit log" in problem(client.get("/passages?plate=12345"), 503)["detail"]
        assert client.get("/passages").status_code == 200


def test_a_persons_search_for_a_plate_is_in_the_audit_log(gate: DrawnConsole) -> None:
    with asking(gate) as client:
        client.get("/passages?plate=1234&limit=1")
        client.get("/sightings?camera=entry")
    with asking(gate, Role.VIEWER) as client:
        client.get("/passages?plate=999")
    searched = gate.reader.audit.entries(10, action=AuditAction.PLATE_SEARCHED)
    assert [entry.object for entry in searched] == ["1234"]


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.VIEWER, "/passages", 200),
        (Role.VIEWER, "/calls", 403),
        (Role.VIEWER, "/passages.csv", 403),
        (Role.GUARD, "/passages.xlsx", 403),
        (Role.MANAGER, "/calls", 200),
        (Role.MANAGER, "/sightings.csv", 200),
    ],
)
def test_each_role_may_what_it_may(gate: DrawnConsole, role: Role, path: str, status: int) -> None:
    with asking(gate, role) as client:
        answer = client.get(path)
        assert answer.status_code == status
        if status == 403:
            problem(answer, 403)
        if path == "/passages":
            assert client.get("/passages/1").json()["calls"] is None, "costs are for managers"


def test_a_token_that_is_not_known_is_refused(gate: DrawnConsole) -> None:
    with asking(gate) as client:
        answer = client.get("/passages", headers={"Authorization": "Bearer swt_nonsense"})
    problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_who_may_see_one_camera_sees_nothing_of_the_others(gate: DrawnConsole) -> None:
    with asking(gate, Role.MANAGER, frozenset({"entry"})) as client:
        for name in ("sightings", "passages", "keyframes", "calls"):
            assert {item["camera"] for item in client.get(f"/{name}").json()["items"]} == {"entry"}
        assert {item["keyframe"] for item in client.get("/readings").json()["items"]} == {1}
        assert [camera["name"] for camera in client.get("/cameras").json()["items"]] == ["entry"]
        for path in ("/passages/2", "/sightings/2", "/keyframes/2", "/keyframes/2/picture", "/cameras/exit"):
            problem(client.get(path), 404)
        assert client.get("/passages?camera=exit").json()["items"] == []
        assert client.get("/passages.csv").text.count("exit") == 0
        problem(client.post("/passages/4/readings", json={"plate": "粤B11111"}), 404)


def test_masked_plates_cannot_be_found_out(gate: DrawnConsole) -> None:
    gate.backend.settings = gate.backend.settings.model_copy(
        update={"web": gate.backend.settings.web.model_copy(update={"mask_for": [Role.VIEWER, Role.MANAGER]})}
    )
    with asking(gate, Role.MANAGER) as client:
        for path in ("/sightings", "/passages", "/sightings/1", "/passages/1", "/readings", "/calls", "/passages.csv"):
            text = client.get(path).text
            assert "12345" not in text, path
            assert "008" not in text.replace("+00:00", "") or path not in ("/passages", "/readings"), path
        problem(client.get("/passages?plate=123"), 403)
        problem(client.get("/sightings.csv?plate=123"), 403)
        problem(client.get("/keyframes/1/picture?crop=plate"), 403)


def test_a_person_types_in_a_plate(gate: DrawnConsole) -> None:
    with asking(gate, Role.GUARD) as client:
        answer = client.post("/passages/3/readings", json={"plate": "浙C·77Q10"})
        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert (told["plate"], told["engine"], told["outcome"]) == ("浙C77Q10", "operator", "read")
        assert told["readings"][-1]["operator"].startswith("token ")
        problem(client.post("/passages/1/readings", json={"plate": "浙C77Q10"}), 403)
        problem(client.post("/passages/4/readings", json={"plate": "浙C77Q10", "keyframe": 1}), 409)
        problem(client.post("/passages/4/readings", json={"plate": "<script>"}), 422)
        problem(client.post("/passages/4/readings", json={}), 422)
        problem(client.post("/passages/4/readings", content=b"{"), 422)
        none = client.post("/passages/4/readings", json={"plate": ""}).json()
        assert (none["plate"], none["engine"], none["outcome"]) == (None, "operator", "unread")
    with asking(gate, Role.VIEWER) as client:
        problem(client.post("/passages/4/readings", json={"plate": "浙C77Q10"}), 403)
    with asking(gate, Role.MANAGER) as client:
        assert client.post("/passages/1/readings", json={"plate": "京A12346"}).json()["plate"] == "京A12346"
    entries = gate.reader.audit.entries(10)
    assert [(entry.action, entry.object) for entry in entries] == [
        (AuditAction.CORRECTED, "京A12346"),
        (AuditAction.PLATE_TYPED, ""),
        (AuditAction.PLATE_TYPED, "浙C77Q10"),
    ]


def test_an_admin_has_the_configuration_read_again(gate: DrawnConsole) -> None:
    with asking(gate, Role.ADMIN) as client:
        told = client.post("/reload").json()
        assert (told["restarted"], told["problems"]) == (["entry"], [])
    with asking(gate, Role.MANAGER) as client:
        problem(client.post("/reload"), 403)
    assert gate.backend.reloads == ["asked"]
    assert [entry.action for entry in gate.reader.audit.entries(1)] == [AuditAction.SETTINGS_RELOADED]


def test_cameras_and_health_without_a_daemon(gate: DrawnConsole) -> None:
    with asking(gate) as client:
        assert [camera["state"] for camera in client.get("/cameras").json()["items"]] == [None] * 3
        told = client.get("/health").json()
    assert (told["running"], told["healthy"]) == (False, False)
    assert told["reasons"] == ["No daemon watches the cameras of this database."]


@ONLY_SQLITE
def test_the_reference_is_a_page_that_needs_nothing_from_outside(console: DrawnConsole) -> None:
    page = httpx.get(f"{console.url}/api/docs").text
    for part in ("/api/v1/passages/{id}", "SightingObject", "openapi.json", "Last-Event-ID"):
        assert part in page
    assert not [line for line in page.splitlines() if "http://" in line or "https://" in line]
    document = httpx.get(f"{console.url}/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
