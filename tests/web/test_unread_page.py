"""The page on which a person types plates, by keyboard alone in a real browser, and without scripts."""

from datetime import UTC, datetime

import httpx
import pytest
from browser import DESK, PHONE, Visitor, findings, too_wide
from consoles import DrawnConsole, Visit
from playwright.sync_api import expect
from records import ONLY_SQLITE
from sqlalchemy import text
from test_gate_page import as_somebody

from streamwatch.core.codes import Role
from streamwatch.core.model import Engine
from streamwatch.store import PassageDetail, PassageOutcome, Search
from streamwatch.web.accounts.principal import Principal

QUEUE = ("后门", "entry", "exit", "entry")
"""The cameras of the four vehicles that are still to be read, the newest first."""


def newest(console: DrawnConsole, **more: object) -> PassageDetail:
    """Return the newest passage that is found."""
    found = console.reader.passages.detail(console.reader.passages.find(Search(**more)).rows[0].id)  # type: ignore[arg-type]
    assert found is not None
    return found


def left(console: DrawnConsole) -> int:
    return console.reader.passages.count(Search(unread=True))


def test_the_queue_is_typed_by_keyboard_alone(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{console.url}/unread")
    field = page.locator("#text")
    expect(field).to_be_focused()
    first = page.url
    page.keyboard.type("渝g20031")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != first)
    second = page.url
    expect(field).to_be_focused()
    page.keyboard.press("Escape")  # skip the second one
    page.wait_for_url(lambda url: url not in (first, second))
    third = page.url
    expect(field).to_be_focused()
    expect(page.locator(".hint-plate")).to_contain_text("苏E00802")
    page.keyboard.press("ArrowRight")  # take what the engine read, and mend it
    expect(field).to_have_value("苏E00802")
    for _ in range(2):
        page.keyboard.press("Backspace")
    page.keyboard.type("Q2")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != third)
    expect(field).to_be_focused()
    page.keyboard.press("-")  # the fourth one shows no plate
    expect(page.locator(".empty-title")).to_have_text("That was the last one")
    assert left(console) == 1
    typed = console.reader.passages.find(Search(engines=frozenset({Engine.OPERATOR}))).rows
    assert [row.plate.text if row.plate else "" for row in typed] == ["渝G20031", "苏E008Q2", ""]
    page.get_by_role("link", name="Begin with the newest").press("Enter")
    page.wait_for_url(second.partition("?")[0] + "*")


@ONLY_SQLITE
def test_back_leads_to_what_was_just_typed_and_a_person_may_change_it(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{console.url}/unread")
    first = page.url
    page.locator("#text").fill("渝G20031")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != first)
    page.keyboard.press("ArrowUp")
    page.wait_for_url(first + "*")
    expect(page.locator("form .note")).to_have_text("local typed 渝G20031.")
    page.keyboard.type("渝G20032")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.startswith(first))
    found = newest(console, engines=frozenset({Engine.OPERATOR}))
    assert [(one.plate, one.operator) for one in found.readings] == [("渝G20031", "local"), ("渝G20032", "local")]


@ONLY_SQLITE
def test_without_scripts_it_is_a_form(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{console.url}/unread", PHONE, scripts=False)
    page.locator("#text").fill("渝G20031")
    page.get_by_role("button", name="Save").click()
    page.locator("#skip").click()
    page.get_by_role("button", name="No plate, no vehicle").click()
    page.locator("#text").fill("-")
    page.locator("#text").press("Enter")
    expect(page.locator(".empty-title")).to_have_text("That was the last one")
    assert left(console) == 1


@ONLY_SQLITE
def test_what_is_no_plate_is_said_and_kept_in_the_field(console: DrawnConsole) -> None:
    with httpx.Client(base_url=console.url, follow_redirects=True) as client:
        at = client.get("/unread").url.path
        view = str(newest(console, unread=True).row.keyframe)
        for typed, sentence in (("<b>", "at most 24 letters"), ("1" * 25, "at most 24"), ("  ", "Type the plate")):
            answer = client.post(at, data={"text": typed, "keyframe": view})
            assert answer.status_code == 422
            assert sentence in answer.text
            assert "<b>" not in answer.text.partition("<form class")[2]
        assert client.post(at, data={"text": "京A12345"}).status_code == 400
        assert client.post(at, data={"text": "京A12345", "keyframe": "999999"}).status_code == 400
        assert client.post("/unread/999999", data={"text": "京A12345", "keyframe": view}).status_code == 404
        assert left(console) == len(QUEUE)
        answer = client.post(at, data={"text": "taxi 7", "keyframe": view})
        assert "TAXI7 was kept, though no plate here has this form." in answer.text
    assert left(console) == len(QUEUE) - 1


@ONLY_SQLITE
def test_what_was_typed_is_in_the_audit_log(console: DrawnConsole) -> None:
    row = newest(console, unread=True).row
    httpx.post(f"{console.url}/unread/{row.id}", data={"text": "渝G20031", "keyframe": str(row.keyframe)})
    with console.store.transaction() as session:
        found = session.execute(text("SELECT who, action, object, detail FROM audit_log")).all()
    assert [tuple(entry)[:3] for entry in found] == [("local", "plate_typed", "渝G20031")]
    assert f'"passage": {row.id}' in str(found[0][3]).replace("'", '"')


@ONLY_SQLITE
def test_the_queue_of_one_camera(console: DrawnConsole) -> None:
    with httpx.Client(base_url=console.url, follow_redirects=True) as client:
        page = client.get("/unread", params={"camera": "entry"})
        assert "2 to be typed in" in page.text
        assert page.url.params["camera"] == "entry"
        assert "Every vehicle has been read" in client.get("/unread", params={"camera": "nowhere"}).text


@ONLY_SQLITE
def test_who_may_type(console: DrawnConsole) -> None:
    unread, read = newest(console, unread=True).row, newest(console, outcomes=frozenset({PassageOutcome.READ})).row

    def answers(principal: Principal) -> tuple[int, int, int]:
        with as_somebody(console, principal) as client:
            queue = client.get("/unread").status_code
            found = [
                client.post(f"/unread/{row.id}", data={"text": "京A99999", "keyframe": str(row.keyframe)}).status_code
                for row in (unread, read)
            ]
            return queue, found[0], found[1]

    assert answers(Principal("v", Role.VIEWER)) == (403, 403, 403)
    assert answers(Principal("m", Role.GUARD, masks_plates=True)) == (403, 403, 403)
    assert answers(Principal("n", Role.GUARD, frozenset({"nowhere"}))) == (200, 404, 404)
    assert left(console) == len(QUEUE)
    assert answers(Principal("g", Role.GUARD)) == (303, 303, 403)
    assert answers(Principal("boss", Role.MANAGER)) == (303, 303, 303)
    typed = newest(console, engines=frozenset({Engine.OPERATOR}))
    assert typed.row.id == read.id
    assert [one.operator for one in typed.readings] == ["", "boss"]


@ONLY_SQLITE
@pytest.mark.parametrize(("size", "language", "dark"), [(DESK, "en", False), (PHONE, "zh-CN", True)])
def test_the_page_is_accessible(
    console: DrawnConsole, visitor: Visitor, size: tuple[int, int], language: str, dark: bool
) -> None:
    console.add(
        Visit("苏E0D8Q2", "exit", datetime.now(UTC), outcome=PassageOutcome.UNSURE, confidence=0.41, read="苏E00802")
    )
    page = visitor.open(f"{console.url}/unread", size, language=language, dark=dark)
    expect(page.locator("#text")).to_be_focused()
    assert findings(page) == []
    assert not too_wide(page)
    assert page.locator(".zoomed").is_visible()


@ONLY_SQLITE
def test_a_correction_leads_back_to_its_passage(console: DrawnConsole) -> None:
    """Not into the queue, which it did not come from."""
    row = next(row for row in console.reader.passages.find(Search()).rows if row.plate and row.plate.text == "沪B8K219")
    form = {"keyframe": str(row.keyframe), "text": "沪B8K218", "answer": "save"}
    page = httpx.get(f"{console.url}/unread/{row.id}").text
    assert "Correct the plate</h1>" in page
    assert "shows the next one" not in page
    answer = httpx.post(f"{console.url}/unread/{row.id}", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.headers["location"].partition("?")[0] == f"/passages/{row.id}"
