"""The search: its address, its conditions, its list, with and without scripts."""

import html
import re
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from browser import Visitor, findings
from consoles import DrawnConsole, Visit, as_somebody
from playwright.sync_api import expect
from records import ONLY_SQLITE
from starlette.datastructures import QueryParams

from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.model import Engine
from streamwatch.store import PassageOutcome
from streamwatch.store.search import Search
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.api.parameters import address_of
from streamwatch.web.pages.search import Asked, asked_by

NOW = datetime(2026, 11, 26, 12, 0).astimezone(UTC)  # a Thursday


def asks(query: str) -> Asked:
    return asked_by(QueryParams(query), lambda text: text, NOW)


def local(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute).astimezone(UTC)


def end_of(day: int) -> datetime:
    return datetime.combine(date(2026, 11, day), time.max).astimezone(UTC)


@pytest.mark.parametrize(
    ("query", "search"),
    [
        ("", Search()),
        ("plate=a12", Search(plate="*A12*")),
        ("plate=京?12*&like=1", Search(plate="京?12*", like=True)),
        ("like=1", Search()),
        ("camera=entry&camera=exit", Search(cameras=frozenset({"entry", "exit"}))),
        ("from=yesterday&to=today", Search(since=local(25), until=end_of(26))),
        ("from=昨天", Search(since=local(25))),
        ("from=last week&to=last week", Search(since=local(16), until=end_of(22))),
        ("from=本周", Search(since=local(23))),
        ("from=2026-11-20 08:00&to=2026-11-21", Search(since=local(20, 8), until=end_of(21))),
        ("from=Tuesday&to=Tuesday&begin=08:00", Search(since=local(24), until=end_of(24), begin=time(8))),
        ("from=last thursday&to=thursday", Search(since=local(19), until=end_of(26))),
        ("from=上周二&to=周日", Search(since=local(17), until=end_of(22))),
        ("from=2h", Search(since=NOW - timedelta(hours=2))),
        ("begin=08:00&end=10:30", Search(begin=time(8), end=time(10, 30))),
        ("outcome=unread&outcome=failed", Search(outcomes=frozenset({PassageOutcome.UNREAD, PassageOutcome.FAILED}))),
        ("engine=local&least=50&most=90", Search(engines=frozenset({Engine.LOCAL}), least=0.5, most=0.9)),
        ("unread=1", Search(unread=True)),
    ],
)
def test_an_address_is_a_search(query: str, search: Search) -> None:
    asked = asks(query)
    assert not asked.errors
    assert asked.search == search


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("plate=A!1", "plate"),
        ("from=nonsense", "from"),
        ("from=99999-01-01", "from"),
        ("to=32.13.2026", "to"),
        ("from=today&to=yesterday", "to"),
        ("begin=25:00", "begin"),
        ("end=8", "end"),
        ("outcome=good", "outcome"),
        ("engine=me", "engine"),
        ("least=x", "least"),
        ("least=nan", "least"),
        ("most=101", "most"),
    ],
)
def test_a_wrong_field_gets_one_sentence_and_finds_nothing(query: str, field: str) -> None:
    asked = asks(query)
    assert list(asked.errors) == [field]
    assert asked.errors[field].endswith(".")
    assert asked.search == Search()


def test_a_search_is_the_same_for_the_export() -> None:
    asked = asks("plate=a12&like=1&camera=entry&from=yesterday&begin=08:00&outcome=read&engine=local&least=50&unread=1")
    assert parse_qs(address_of(asked.search)) == {
        "plate": ["*A12*"],
        "like": ["true"],
        "camera": ["entry"],
        "since": [local(25).isoformat()],
        "begin": ["08:00"],
        "outcome": ["read"],
        "engine": ["local"],
        "min_confidence": ["0.5"],
        "unread": ["true"],
    }


def found(console: DrawnConsole, query: str) -> list[str]:
    """Return the plates that a search finds, in order; "" for a passage without one."""
    text = httpx.get(f"{console.url}/search?{query}").text
    shown = re.findall(r'<span class="plate (\w+) ?\w*">(.*?)</span>', text)
    return ["" if look == "none" else re.sub("<.*?>", "", plate) for look, plate in shown]


def test_people_find_what_they_look_for(console: DrawnConsole) -> None:
    assert found(console, "plate=a123") == ["京A12345"] * 3
    assert found(console, "plate=F9B765&like=1") == ["粤BF98765"]
    assert found(console, "camera=后门") == ["", "川A9P431"]
    assert found(console, "engine=local") == ["粤BD12345"]
    assert found(console, "outcome=unsure") == ["苏E00802"]
    assert found(console, "unread=1&from=today") != []
    assert found(console, "most=70&outcome=read") == ["琼A3M778"]
    assert found(console, "plate=nothing") == []


@ONLY_SQLITE
def test_conditions_are_chips_that_can_be_removed(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{console.url}/search")
    page.get_by_label("Part of the plate").fill("a123")
    page.get_by_label("Camera", exact=True).select_option("entry")
    page.get_by_label("Part of the plate").press("Enter")
    expect(page.locator(".found")).to_have_text("2 passages")
    assert page.url == f"{console.url}/search?plate=a123&camera=entry"
    page.get_by_role("link", name="Remove camera entry").click()
    expect(page.locator(".found")).to_have_text("3 passages")
    assert page.url == f"{console.url}/search?plate=a123"
    page.get_by_role("link", name="Yesterday", exact=True).click()
    expect(page.locator(".chip", has_text="from yesterday")).to_be_visible()
    assert not findings(page)


@ONLY_SQLITE
def test_a_wrong_time_is_told_beside_its_field(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{console.url}/search?from=nonsense", language="zh-CN")
    expect(page.locator("#note-from")).to_contain_text("“nonsense”不是时间")
    expect(page.locator("#field-from")).to_have_attribute("aria-invalid", "true")
    assert not findings(page)


@ONLY_SQLITE
@pytest.mark.parametrize("scripts", [True, False])
def test_the_list_goes_on_to_its_end(console: DrawnConsole, visitor: Visitor, scripts: bool) -> None:
    begin = datetime.now(UTC) - timedelta(days=1)
    for number in range(101):
        console.add(Visit("京A12345", "entry", begin - timedelta(minutes=number), read=f"桂K{number:05d}"))
    page = visitor.open(f"{console.url}/search?plate=桂K", scripts=scripts)
    expect(page.locator(".found")).to_have_text("101 passages")
    plates: list[str] = []
    for number in (50, 100, 101):
        if scripts:
            expect(page.locator(".passage")).to_have_count(number)
            page.locator(".passage").last.scroll_into_view_if_needed()
            page.locator(".more").last.scroll_into_view_if_needed() if number < 101 else None
            plates = page.locator(".passage .plate").all_inner_texts()
        else:
            plates += page.locator(".passage .plate").all_inner_texts()
            if number < 101:
                page.get_by_role("link", name="Older").click()
    assert plates == [f"桂K{number:05d}" for number in range(101)]
    assert page.locator(".more").count() == 0


@ONLY_SQLITE
def test_empty_fields_leave_the_address(console: DrawnConsole) -> None:
    answer = httpx.get(f"{console.url}/search?plate=&from=today&to=&camera=")
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?from=today")
    assert httpx.get(f"{console.url}/search?after=nonsense").status_code == 400


@ONLY_SQLITE
def test_what_comes_from_an_address_is_escaped_and_bounded(console: DrawnConsole) -> None:
    nasty = "<script>alert(1)</script>"
    for name in ("plate", "from", "camera", "begin", "outcome", "engine", "least"):
        answer = httpx.get(f"{console.url}/search", params={name: nasty})
        assert answer.status_code == 200
        assert nasty not in answer.text
    many = "&".join(f"camera={number}" for number in range(300))
    answer = httpx.get(f"{console.url}/search?{many}")
    assert answer.status_code == 200
    assert answer.text.count('class="chip"') == 50


@ONLY_SQLITE
def test_next_and_previous_stay_within_the_search(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{console.url}/search?plate=A12345&from=2w")
    page.locator(".passage").first.click()
    page.wait_for_url("**/passages/*")
    seen = [urlsplit(page.url).path]
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
        page.wait_for_url(lambda url: urlsplit(url).path not in seen)
        seen.append(urlsplit(page.url).path)
        assert page.locator(".read-from .plate").inner_text() == "京A12345"
    assert len(set(seen)) == 3
    assert page.locator("#older").count() == 0
    page.get_by_role("link", name="Back to the search").click()
    page.wait_for_url(f"{console.url}/search?plate=A12345&from=2w")


@ONLY_SQLITE
def test_a_search_of_a_plate_by_a_person_is_in_the_audit_log(console: DrawnConsole) -> None:
    with as_somebody(console, Principal("chen", Role.GUARD)) as client:
        assert "导出" not in client.get("/search?plate=A12345", headers={"Accept-Language": "zh"}).text
        client.get("/search?camera=entry")
    written = console.reader.audit.entries(10)
    assert [(entry.who, entry.action, entry.object) for entry in written] == [
        ("chen", AuditAction.PLATE_SEARCHED, "A12345")
    ]


@ONLY_SQLITE
def test_who_sees_plates_only_in_part_cannot_look_for_one(console: DrawnConsole) -> None:
    with as_somebody(console, Principal("viewer", Role.VIEWER, masks_plates=True)) as client:
        text = client.get("/search?plate=A12345").text
        assert "Plates are masked for you" in text
        assert 'class="passage ' not in text
        assert 'class="passage ' in client.get("/search?camera=entry").text


@ONLY_SQLITE
def test_the_export_is_what_is_shown(console: DrawnConsole) -> None:
    page = httpx.get(f"{console.url}/search?plate=a123&from=2w&camera=entry").text
    address = html.unescape(re.findall(r'href="(/api/v1/passages\.csv.*?)"', page)[0])
    lines = httpx.get(console.url + address).text.splitlines()
    assert len(lines) == 1 + 2
    assert all("京A12345" in line and "entry" in line for line in lines[1:])
