"""The pages of permits, as a manager, a guard and others use them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from browser import DESK, PHONE, Visitor, findings, too_wide
from consoles import DrawnConsole, as_somebody, console_over
from listening import running
from people import add_user, logged_in
from records import ONLY_SQLITE, Database

from streamwatch.config.access_settings import LaneSettings
from streamwatch.core.codes import AuditAction, PermitKind, PermitState, Role
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.http.pages import LARGEST_LIST, serve_pages
from streamwatch.store import PermitRow
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.console import make_console

DAY = timedelta(days=1)
LANES = {"in": LaneSettings(cameras=["entry"]), "out": LaneSettings(cameras=["exit"])}
HOME = {"kind": "resident", "plates": "京A12345\r\n京a·12346", "holder": "Lily <b>王</b>", "when_full": "ask"}
MANAGER, GUARD = Principal("max", Role.MANAGER), Principal("otto", Role.GUARD)


@pytest.fixture
def console(database: Database, tmp_path: Path) -> Iterator[DrawnConsole]:
    with console_over(database.url, tmp_path, visits=[]) as drawn:
        drawn.backend.settings = drawn.backend.settings.model_copy(update={"lanes": LANES})
        yield drawn


def rows(console: DrawnConsole) -> list[PermitRow]:
    return console.reader.permits.load_all()


def sent(client: httpx.Client, path: str, **fields: str | list[str]) -> httpx.Response:
    return client.post(path, data=fields)


def test_a_manager_adds_changes_and_ends_a_permit(console: DrawnConsole) -> None:
    with as_somebody(console, MANAGER) as client:
        until = f"{datetime.now() + 30 * DAY:%Y-%m-%d}"
        answer = sent(
            client, "/permits/new", **HOME, valid_until=until, lanes=["in", "out"], hours="mon-fri 07:00-19:00"
        )
        assert answer.status_code == 303
        (row,) = rows(console)
        assert (row.plates, row.lanes, row.created_by) == (("京A12345", "京A12346"), {"in", "out"}, "max")
        assert answer.headers["location"] == f"/permits/{row.key}"
        page = client.get(f"/permits/{row.key}").text
        assert "Lily &lt;b&gt;王" in page
        assert "Lily <b>" not in page
        assert f'value="{until}"' in page
        assert sent(client, f"/permits/{row.key}", **HOME, valid_until=until, spaces="1").status_code == 303
        (changed,) = rows(console)
        assert (changed.lanes, changed.hours, changed.spaces) == (None, (), 1)
        assert changed.valid_until == row.valid_until
        assert sent(client, f"/permits/{row.key}", do="end").status_code == 422
        assert rows(console) == [changed]
        assert sent(client, f"/permits/{row.key}", do="end", sure="yes").status_code == 303
        assert rows(console)[0].state(datetime.now(UTC)) is PermitState.ENDED
        assert client.get("/permits/nothing").status_code == 404
    done = [entry.action for entry in reversed(console.reader.audit.entries(9, who="max"))]
    assert done == [AuditAction.PERMIT_ADDED, AuditAction.PERMIT_CHANGED, AuditAction.PERMIT_ENDED]


@ONLY_SQLITE
def test_a_form_that_is_saved_unchanged_changes_nothing(console: DrawnConsole) -> None:
    exact = datetime(2026, 1, 31, 12, 30, 15, 77, UTC)
    terms = PermitTerms(kind=PermitKind.STAFF, plates=("京A12345",), valid_until=exact, lanes=frozenset({"gone"}))
    row = console.store.permits.add(terms, "", datetime.now(UTC))
    with as_somebody(console, MANAGER) as client:
        page = client.get(f"/permits/{row.key}").text
        found = dict(re.findall(r'<input id="field-\w+" name="(\w+)"[^>]* value="([^"]*)"', page))
        answer = sent(
            client, f"/permits/{row.key}", **found, plates="京A12345", kind="staff", lanes=["gone"], when_full="ask"
        )
        assert answer.status_code == 303, answer.text
    assert console.reader.permits.one(row.key) == replace(row, changed_at=rows(console)[0].changed_at)


@ONLY_SQLITE
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_saved(console: DrawnConsole) -> None:
    with as_somebody(console, MANAGER) as client:
        client.headers["Accept-Language"] = "zh-CN"
        answer = sent(
            client,
            "/permits/new",
            kind="resident",
            plates="<script>",
            valid_from="2026-03-01",
            hours="always",
            spaces="x",
            lanes=["nowhere"],
        )
        assert answer.status_code == 422
        for words in ("不是车牌号", "不是时段", "不是车位数", "不是车道", "&lt;script&gt;"):
            assert words in answer.text
        assert "<script>" not in answer.text
        answer = sent(client, "/permits/new", **HOME, valid_from="2026-03-01", valid_until="2026-02-01")
        assert "结束早于开始" in answer.text
        numbered = {"reference": "7", "source": "house"}
        assert sent(client, "/permits/new", **HOME, **numbered).status_code == 303
        assert "另一个授权已使用此编号" in sent(client, "/permits/new", **HOME, **numbered).text
    assert len(rows(console)) == 1


@ONLY_SQLITE
def test_a_guard_reads_and_adds_visitors_only(console: DrawnConsole) -> None:
    row = console.store.permits.add(PermitTerms(kind=PermitKind.STAFF, plates=("沪B8K219",)), "", datetime.now(UTC))
    with as_somebody(console, GUARD) as client:
        assert "沪B8K219" in client.get("/permits").text
        page = client.get(f"/permits/{row.key}").text
        assert "<textarea" not in page
        assert 'value="end"' not in page
        assert client.get("/permits/new").headers["location"] == "/permits/visitor"
        for path in ("/permits/new", f"/permits/{row.key}", "/permits/import"):
            assert sent(client, path, **HOME).status_code == 403
        assert client.get("/permits/import").status_code == 403
        answer = sent(client, "/permits/visitor", plates="", holder="Plumber", note="flat 7", valid_until="")
        assert answer.status_code == 303
        page = client.get(answer.headers["location"]).text
        (code,) = re.findall(r'<p class="code">(\w+)</p>', page)
        assert "<svg" in page
        visitor = console.reader.permits.by_code(code)
        assert visitor is not None
        assert (visitor.kind, visitor.plates, visitor.holder, visitor.created_by) == (
            PermitKind.VISITOR,
            (),
            "Plumber",
            "otto",
        )
        assert sent(client, "/permits/visitor", plates="x", holder="", note="", valid_until="").status_code == 422
        # a code is shown only while it is of use
        console.store.permits.used(visitor.key)
        assert "<svg" not in client.get(answer.headers["location"]).text.split("<main")[1]
    for other in (Principal("v", Role.VIEWER), replace(GUARD, masks_plates=True)):
        with as_somebody(console, other) as client:
            for path in ("/permits", f"/permits/{row.key}", "/permits/visitor"):
                assert client.get(path).status_code == 403


@ONLY_SQLITE
def test_one_who_is_limited_to_cameras_has_to_do_with_their_lanes_only(console: DrawnConsole) -> None:
    now = datetime.now(UTC)
    plates = ("京A00001", "京A00002", "京A00003")
    lanes = (frozenset({"in"}), frozenset({"out"}), None)
    own, other, all_ = (
        console.store.permits.add(PermitTerms(kind=PermitKind.STAFF, plates=(plate,), lanes=some), "", now)
        for plate, some in zip(plates, lanes, strict=True)
    )
    with as_somebody(console, replace(MANAGER, cameras=frozenset({"entry"}))) as client:
        page = client.get("/permits").text
        assert [plate in page for plate in plates] == [True, False, True]
        assert client.get(f"/permits/{other.key}").status_code == 404
        assert sent(client, f"/permits/{other.key}", do="end", sure="yes").status_code == 404
        assert sent(client, f"/permits/{all_.key}", do="end", sure="yes").status_code == 422
        assert sent(client, "/permits/new", **HOME).status_code == 422, "it would be for all lanes"
        assert sent(client, "/permits/new", **HOME, lanes=["in", "out"]).status_code == 422
        assert sent(client, "/permits/new", **HOME, lanes=["in"]).status_code == 303
        assert sent(client, f"/permits/{own.key}", **HOME, lanes=["out"]).status_code == 422
        assert sent(client, f"/permits/{own.key}", do="end", sure="yes").status_code == 303
        assert client.get("/permits/import").status_code == 403
        answer = sent(client, "/permits/visitor", plates="京A00009", holder="", note="", valid_until="")
        assert answer.status_code == 303
    assert [row.lanes for row in rows(console) if row.kind is PermitKind.VISITOR] == [{"in"}]


def test_a_list_is_shown_before_it_is_written(console: DrawnConsole) -> None:
    content = "编号,车牌,电话\n1,京A12345,1\n2,=cmd(),2\n".encode("gbk")
    with as_somebody(console, MANAGER) as client:
        assert client.post("/permits/import", files={"other": b"x"}).status_code == 422
        answer = client.post("/permits/import", files={"file": ("list.csv", content)}, data={"source": "house"})
        assert answer.status_code == 200
        assert "“=cmd()” cannot be a plate" in answer.text
        assert "These columns are not read: 电话." in answer.text
        assert rows(console) == []
        (name,) = re.findall(r'name="name" value="(\w+)"', answer.text)
        assert sent(client, "/permits/import", do="confirm", name=name).status_code == 422
        assert rows(console) == []
        answer = sent(client, "/permits/import", do="confirm", name=name, leave_out_bad="yes")
        assert answer.status_code == 303
        assert [(row.reference, row.source, row.created_by) for row in rows(console)] == [("1", "house", "max")]
        assert sent(client, "/permits/import", do="confirm", name=name, leave_out_bad="yes").status_code == 422
        text = client.get("/api/v1/permits.csv").content
        again = client.post("/permits/import", files={"file": ("list.csv", text)}, data={"source": "house"}).text
        assert "The permits are as the list says already." in again
        assert client.post("/permits/import", files={"file": ("list.csv", b"\xff\xff")}).status_code == 422
        too_many = [("file", ("a.csv", content)), ("file", ("b.csv", content))]
        assert client.post("/permits/import", files=too_many).status_code == 400
    (entry,) = console.reader.audit.entries(9, action=AuditAction.PERMITS_IMPORTED)
    assert (entry.who, entry.object, entry.detail["added"]) == ("max", "house", 1)


@ONLY_SQLITE
def test_a_list_may_be_larger_than_other_bodies_but_not_huge(console: DrawnConsole) -> None:
    lines = "plate,note\n" + "".join(f"京A{number:05},{'x' * 999}\n" for number in range(1200))
    server = serve_pages(lambda: make_console(console.backend, console.reader), "127.0.0.1", 0)
    with running(server), httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=120) as client:
        answer = client.post("/permits/import", files={"file": ("list.csv", lines.encode())})
        assert answer.status_code == 200
        assert "1,200" in answer.text
        answer = client.post("/api/v1/permit-imports", content=lines.encode(), headers={"Content-Type": "text/csv"})
        assert answer.json()["added"] == 1200
        for path in ("/permits/import", "/api/v1/permit-imports"):
            assert client.post(path, content=b"x" * (LARGEST_LIST + 1)).status_code == 413
        assert client.post("/permits/new", content=b"x" * 1_100_000).status_code == 413


@ONLY_SQLITE
def test_the_list_of_permits_is_searched_and_says_what_ends_soon(console: DrawnConsole) -> None:
    now = datetime.now(UTC)
    for number in range(55):
        plates = (f"京A{number:05}",)
        console.store.permits.add(PermitTerms(kind=PermitKind.STAFF, plates=plates, group="Office"), "", now)
    soon = PermitTerms(kind=PermitKind.RESIDENT, plates=("沪B8K219",), holder="Max", valid_until=now + DAY)
    console.store.permits.add(soon, "", now)
    with as_somebody(console, GUARD) as client:
        page = client.get("/permits").text
        assert "56 permits" in page
        assert "1 ends within two weeks" in page
        (older,) = re.findall(r'href="([^"]+)" rel="next"', page)
        rest = client.get(older.replace("&amp;", "&")).text
        assert rest.count('class="plates"') == 6
        for query in ("text=b8k", "text=max", "soon=1", "kind=resident"):
            page = client.get(f"/permits?{query}").text
            assert page.count('class="plates"') == 1
            assert "沪B8K219" in page
        assert "No permit fits" in client.get("/permits?state=ended&group=Office").text
        assert client.get("/permits?after=nonsense").status_code == 404
        assert client.get("/permits?kind=nonsense&state=x").status_code == 200


@ONLY_SQLITE
@pytest.mark.parametrize(("size", "language", "dark"), [(DESK, "en", False), (PHONE, "zh-CN", True)])
def test_the_pages_are_accessible(
    console: DrawnConsole, visitor: Visitor, size: tuple[int, int], language: str, dark: bool
) -> None:
    now = datetime.now(UTC)
    home = PermitTerms(kind=PermitKind.RESIDENT, plates=("京A12345", "京A12346"), holder="王", valid_until=now + DAY)
    guest = replace(home, kind=PermitKind.VISITOR, plates=())
    keys = [console.store.permits.add(terms, "", now).key for terms in (home, guest)]
    page = visitor.open("about:blank", size, language=language, dark=dark)
    for path in ("", "/new", "/visitor", "/import", *(f"/{key}" for key in keys)):
        page.goto(f"{console.url}/permits{path}")
        assert page.locator("h1").count() == 1, path
        assert not findings(page), path
        assert not too_wide(page), path


@ONLY_SQLITE
def test_a_permit_is_made_by_hand_without_scripts(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{console.url}/permits", scripts=False)
    page.get_by_role("link", name="Add a permit").first.click()
    page.get_by_label("Plates").fill("京A12345")
    page.get_by_label("Kind").select_option("blocked")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/permits/*")
    assert [row.kind for row in rows(console)] == [PermitKind.BLOCKED]
    page.get_by_label("I am sure").check()
    page.get_by_role("button", name="End it now").click()
    page.get_by_text("The permit has ended.").wait_for()


@ONLY_SQLITE
def test_there_are_no_pages_of_permits_in_the_navigation_without_lanes(console: DrawnConsole) -> None:
    add_user(console, "boss")
    with logged_in(console, "boss") as client:
        assert 'href="/permits"' in client.get("/").text
        console.backend.settings = console.backend.settings.model_copy(update={"lanes": {}})
        assert 'href="/permits"' not in client.get("/").text
