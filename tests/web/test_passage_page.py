"""The page of one passage."""

import re
from dataclasses import replace

import httpx
from browser import DESK, PHONE, Visitor, findings, too_wide
from consoles import DrawnConsole, as_somebody, drawn
from playwright.sync_api import expect
from records import ONLY_SQLITE, keyframe

from streamwatch.core.codes import Role
from streamwatch.store import KeyframeState, PassageOutcome, PassageRow, Search
from streamwatch.web.accounts.principal import Principal


def rows(console: DrawnConsole) -> list[PassageRow]:
    return list(console.reader.passages.find(Search()).rows)


def row_of(console: DrawnConsole, plate: str) -> PassageRow:
    return next(row for row in rows(console) if row.plate is not None and row.plate.text == plate)


def test_it_shows_picture_readings_calls_and_earlier_visits(console: DrawnConsole) -> None:
    row = row_of(console, "京A12345")
    text = httpx.get(f"{console.url}/passages/{row.id}").text
    assert f"/pictures/keyframes/{row.keyframe}?width=" in text
    assert re.search(r'<polygon points="[\d., ]+"/>', text)
    for word in (
        "its plate is large and sharp enough",
        "Paid for 1 call.",
        "99.0%",
        "99%",
        "2 earlier visits",
        "coming",
    ):
        assert word in text, word
    assert text.count('class="passage ') == 2


def test_every_outcome_has_a_page(console: DrawnConsole) -> None:
    told = {row.outcome: httpx.get(f"{console.url}/passages/{row.id}").text for row in rows(console)}
    assert "no plate read" in told[PassageOutcome.UNREAD]
    assert "<polygon" not in told[PassageOutcome.UNREAD]
    assert "could not be read: the service could not be reached" in told[PassageOutcome.FAILED]
    assert "Nothing was paid." in told[PassageOutcome.FAILED]
    assert "unsure, 41 %" in told[PassageOutcome.UNSURE]
    local = httpx.get(f"{console.url}/passages/{row_of(console, '粤BD12345').id}").text
    assert "Nothing was paid: the local engine read it." in local
    assert "the local engine was sure of it, which saved the call" in local


@ONLY_SQLITE
def test_only_the_picture_that_the_plate_was_read_from_stands_beside_it(console: DrawnConsole) -> None:
    """A better view of the vehicle is listed, but does not stand beside the plate."""
    row = row_of(console, "沪B8K219")
    passage = console.store.passages.load(row.key)
    better = replace(keyframe(passage, drawn("沪B8K219", "blue")[0]), score=99.0, captured_at=row.last_seen)
    console.store.keyframes.save(better, KeyframeState.KEPT)
    text = httpx.get(f"{console.url}/passages/{row.id}").text
    beside, views = text.split('id="views-title"')
    shown = re.findall(r"/pictures/keyframes/(\d+)", beside)
    assert set(shown) == {str(row.keyframe)}
    assert len(set(re.findall(r"/pictures/keyframes/(\d+)", views))) == 2
    assert "kept for people only" in views


@ONLY_SQLITE
def test_a_passage_that_is_not_there_or_not_for_this_person_is_not_found(console: DrawnConsole) -> None:
    entry = next(row for row in rows(console) if row.camera == "entry")
    for number in (0, 999, 2**31, 2**63 - 1, 2**63, 10**30):
        assert httpx.get(f"{console.url}/passages/{number}").status_code == 404
    with as_somebody(console, Principal("guard", Role.GUARD, cameras=frozenset({"exit"}))) as client:
        assert client.get(f"/passages/{entry.id}").status_code == 404
        exit_ = next(row for row in rows(console) if row.camera == "exit")
        text = client.get(f"/passages/{exit_.id}").text
        assert "Paid for" not in text
        assert "Charged" not in text


@ONLY_SQLITE
def test_a_deleted_picture_is_told(console: DrawnConsole) -> None:
    row = row_of(console, "京N7X8P2")
    for file in console.data_dir.rglob("*.jpg"):
        file.unlink()
    assert httpx.get(f"{console.url}/pictures/keyframes/{row.keyframe}").status_code == 410
    assert httpx.get(f"{console.url}/passages/{row.id}").status_code == 200


@ONLY_SQLITE
def test_pictures_have_few_sizes_and_are_kept_by_browsers(console: DrawnConsole) -> None:
    row = row_of(console, "京N7X8P2")
    address = f"{console.url}/pictures/keyframes/{row.keyframe}"
    whole = httpx.get(address)
    assert whole.content.startswith(b"\xff\xd8")
    assert whole.headers["cache-control"] == "private, max-age=604800, immutable"
    assert httpx.get(address, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    assert len(httpx.get(f"{address}?width=160").content) < len(whole.content) / 4
    for width in ("0", "-1", "161", "1e9", "x", "99999"):
        assert httpx.get(f"{address}?width={width}").status_code == 400
    unread = next(row for row in rows(console) if row.outcome is PassageOutcome.UNREAD)
    assert httpx.get(f"{console.url}/pictures/keyframes/{unread.keyframe}?crop=plate").status_code == 404
    for path in ("../../etc/passwd", "x", "-1", "1/../../x"):
        assert httpx.get(f"{console.url}/pictures/keyframes/{path}").status_code == 404


@ONLY_SQLITE
def test_it_is_usable_at_both_sizes(console: DrawnConsole, visitor: Visitor) -> None:
    row = row_of(console, "京A12345")
    for size, language, dark in ((DESK, "en", True), (PHONE, "zh-CN", False)):
        page = visitor.open(f"{console.url}/passages/{row.id}", size, language=language, dark=dark)
        expect(page.locator(".read-from .plate")).to_have_text("京A12345")
        assert not findings(page)
        assert not too_wide(page)
