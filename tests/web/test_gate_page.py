"""The page that the booth leaves open, in a real browser over a real server."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from browser import PHONE, Visitor
from consoles import CAMERAS, DrawnConsole, Visit, as_somebody, console_over
from playwright.sync_api import Page, expect
from records import ONLY_SQLITE, Database, new_key
from snapshots import WELL, camera

from streamwatch.core.codes import Role
from streamwatch.core.model import Corners, Engine, FrameCorners, Reading
from streamwatch.imaging.jpeg import decode_picture
from streamwatch.imaging.pictures import measure
from streamwatch.store import PassageOutcome, Search
from streamwatch.web.accounts.principal import Principal


def now() -> datetime:
    return datetime.now(UTC)


def plates(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#passages .plate").all_inner_texts()]


def test_the_newest_passages_come_first_each_with_picture_and_plate(console: DrawnConsole) -> None:
    text = httpx.get(console.url).text
    order = [text.index(plate) for plate in ("京N7X8P2", "粤BF98765", "琼A3M778", "沪B8K219")]
    assert order == sorted(order)
    assert text.count('class="passage ') == 14
    assert text.count("?width=480") == 14
    assert text.count("?crop=plate&amp;") == 11
    for word in ("no plate read", "could not be read", "unsure, 41 %", "97 % sure", "local engine"):
        assert word in text


def test_a_new_row_appears_by_itself_and_is_updated_in_its_place(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(console.url)
    expect(page.locator("#link-state")).to_have_text("live")
    key = console.add(Visit("桂K55555", "entry", now(), outcome=PassageOutcome.PENDING, closed=False))
    first = page.locator("#passages > li").first
    expect(first.locator(".plate")).to_have_text("being read …")
    assert page.locator("#passages > li").count() == 15
    console.add(Visit("辽P66666", "exit", now() - timedelta(minutes=3)))
    expect(page.locator("#passages").get_by_text("辽P66666")).to_be_visible()
    assert "辽P66666" not in plates(page)[0]
    expect(page.locator("#spoken")).to_have_text("辽P66666 exit · coming")
    console.store.passages.set_outcome(key, PassageOutcome.UNREAD)
    expect(first.locator(".plate")).to_have_text("no plate")
    expect(page.locator("#spoken")).to_have_text("no plate entry")
    assert page.locator("#passages > li").count() == 16


@ONLY_SQLITE
def test_a_page_that_lost_its_server_shows_what_it_missed(database: Database, tmp_path: Path, visitor: Visitor) -> None:
    with console_over(database.url, tmp_path) as first:
        page = visitor.open(first.url)
        expect(page.locator("#link-state")).to_have_text("live")
        port = int(first.url.rpartition(":")[2])
    expect(page.locator("#link-state")).to_have_class("link-state lost")
    with console_over(database.url, tmp_path, [Visit("桂K55555", "entry", now())], port=port):
        expect(page.locator("#passages").get_by_text("桂K55555")).to_be_visible()
        expect(page.locator("#link-state")).to_have_text("live")
        assert page.locator("#passages > li").count() == 15
        visitor.close()
    visitor.problems = [told for told in visitor.problems if "ERR_" not in told]


@ONLY_SQLITE
def test_a_page_that_stays_open_does_not_grow(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(console.url)
    expect(page.locator("#link-state")).to_have_text("live")
    for number in range(50):
        console.add(Visit("京A12345", "entry", now(), read=f"京B{number:05d}"))
    expect(page.locator("#passages > li").first.locator(".plate")).to_have_text("京B00049")
    assert page.locator("#passages > li").count() == 60


@ONLY_SQLITE
def test_without_scripts_it_is_a_list_with_a_link_to_reload(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(console.url, PHONE, scripts=False)
    assert page.locator("#passages > li").count() == 14
    assert not page.locator("#sound").is_visible()
    console.add(Visit("桂K55555", "entry", now()))
    page.get_by_role("link", name="Reload").click()
    expect(page.locator("#passages").get_by_text("桂K55555")).to_be_visible()


@ONLY_SQLITE
def test_sound_and_full_screen_are_wanted_and_remembered(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(console.url)
    sound = page.get_by_role("button", name="Sound")
    expect(sound).to_have_attribute("aria-pressed", "false")
    sound.click()
    expect(sound).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(sound).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Full screen").press("Enter")
    expect(page.locator("html")).to_have_class("booth")
    expect(page.locator("header.top")).to_be_hidden()


@ONLY_SQLITE
def test_the_tiles_say_how_the_cameras_are(console: DrawnConsole, visitor: Visitor) -> None:
    states = [camera("entry"), camera("exit", "reconnecting"), camera("后门", "frozen")]
    console.backend.state = replace(WELL, cameras=tuple(states))
    page = visitor.open(console.url)
    tiles = page.locator(".tile")
    expect(tiles.nth(0)).to_contain_text("online")
    expect(tiles.nth(1)).to_contain_text("no picture, trying again")
    console.backend.state = replace(WELL, cameras=(camera("entry", "failed"), *states[1:]))
    expect(tiles.nth(0)).to_contain_text("cannot be opened")


@ONLY_SQLITE
def test_a_person_sees_only_the_own_cameras(console: DrawnConsole) -> None:
    guard = Principal("guard", Role.GUARD, cameras=frozenset({"exit"}))
    with as_somebody(console, guard) as client:
        text = client.get("/").text
        assert "entry" not in text
        assert text.count('class="passage ') == 4
        for row in console.reader.passages.find(Search()).rows:
            allowed = row.camera == "exit"
            assert client.get(f"/pictures/keyframes/{row.keyframe}").status_code == (200 if allowed else 404)
        console.add(Visit("桂K55555", "entry", now()))
        console.add(Visit("辽P66666", "exit", now()))
        with client.stream("GET", "/gate/events?after=0", timeout=60) as stream:
            told = ""
            for line in stream.iter_lines():
                told += line
                if "辽P66666" in line:
                    break
        assert "entry" not in told


@ONLY_SQLITE
def test_who_may_type_in_plates_is_led_there(console: DrawnConsole) -> None:
    waiting = re.findall(r'href="(/unread/\d+)"', httpx.get(console.url).text)
    assert len(waiting) == 4
    assert httpx.get(console.url + waiting[0]).status_code == 200
    with as_somebody(console, Principal("viewer", Role.VIEWER)) as client:
        assert "/unread" not in client.get("/").text
        assert client.get(waiting[0]).status_code == 403
    with as_somebody(console, Principal("guard", Role.GUARD)) as client:
        read = next(row for row in console.reader.passages.find(Search(plate="*A12345*")).rows)
        assert "/unread/" not in client.get(f"/passages/{read.id}").text
    assert f'href="/unread/{read.id}"' in httpx.get(f"{console.url}/passages/{read.id}").text


@ONLY_SQLITE
def test_a_viewer_for_whom_plates_are_masked_reads_none(console: DrawnConsole) -> None:
    viewer = Principal("viewer", Role.VIEWER, masks_plates=True)
    rows = console.reader.passages.find(Search()).rows
    read = next(row for row in rows if row.plate is not None and row.plate.text == "京N7X8P2")
    unread = next(row for row in rows if row.outcome is PassageOutcome.UNREAD)
    with as_somebody(console, viewer) as client:
        text = client.get("/").text
        assert "京N•••P2" in text
        assert not [row.plate.text for row in rows if row.plate is not None and row.plate.text in text]
        assert client.get(f"/pictures/keyframes/{read.keyframe}?crop=plate").status_code == 403
        hidden = client.get(f"/pictures/keyframes/{read.keyframe}?width=640")
        plain = httpx.get(f"{console.url}/pictures/keyframes/{read.keyframe}?width=640")
        assert hidden.content != plain.content
        assert hidden.headers["etag"] != plain.headers["etag"]
        assert measure(client.get(f"/pictures/keyframes/{unread.keyframe}?width=1280").content).width == 32


@ONLY_SQLITE
@pytest.mark.parametrize("place", [None, ((900.0, 80.0), (1100.0, 80.0), (1100.0, 140.0), (900.0, 140.0))])
def test_a_second_plate_in_a_picture_is_masked_too(
    console: DrawnConsole, database: Database, place: Corners | None
) -> None:
    """Wherever it is; if nobody knows where, the whole picture is too small to be read."""
    key = console.add(Visit("京A70001", "entry", now()))
    found = next(
        row for row in console.reader.passages.find(Search()).rows if row.plate and row.plate.text == "京A70001"
    )
    address = f"/pictures/keyframes/{found.keyframe}?width=1280"
    corners = None if place is None else FrameCorners(place)
    with as_somebody(console, Principal("viewer", Role.VIEWER, masks_plates=True)) as client:
        before = decode_picture(client.get(address).content)
        view = database.rows("SELECT key FROM keyframes ORDER BY id DESC LIMIT 1")[0]["key"]
        other = Reading(
            key=new_key(),
            keyframe=view,
            passage=key,
            camera="entry",
            captured_at=now(),
            engine=Engine.LOCAL,
            raw="沪C12345",
            plate="沪C12345",
            kind="",
            repaired=False,
            confidence=0.3,
            corners=corners,
        )
        console.store.keyframes.answered(view, [other])
        after = decode_picture(client.get(address).content)
    assert before is not None
    assert after is not None
    if place is None:
        assert after.shape[1] == 32
    else:
        assert after.shape == before.shape
        assert len(np.unique(after[100:120, 950:970].reshape(-1, 3), axis=0)) < len(
            np.unique(before[100:120, 950:970].reshape(-1, 3), axis=0)
        )


@ONLY_SQLITE
def test_a_page_is_small(console: DrawnConsole, visitor: Visitor) -> None:
    """150 kB without pictures, with all that it loads."""
    for number in range(30):
        console.add(Visit("京A12345", CAMERAS[number % 3], now()))
    page = visitor.open("about:blank")
    sizes: dict[str, int] = {}
    page.on("response", lambda got: sizes.update({got.url: int(got.headers.get("content-length", 0))}))
    page.goto(console.url)
    expect(page.locator("#link-state")).to_have_text("live")
    texts = {url: size for url, size in sizes.items() if "/pictures/" not in url and "/picture" not in url}
    assert console.url + "/" in texts
    assert sum(texts.values()) < 150_000, json.dumps(texts, indent=1)
