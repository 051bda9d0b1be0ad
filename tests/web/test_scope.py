"""Everything that the console can be asked for, asked for by people who may see only a part."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import quote

import httpx
import pytest
from browser import Visitor
from consoles import CAMERAS, DrawnConsole
from drawn_lanes import add_permit, decide, with_lanes
from people import add_token, add_user, logged_in, set_web
from records import ONLY_SQLITE
from snapshots import ILL, NOW, camera
from starlette.routing import BaseRoute, Mount

from streamwatch.core.barrier_state import BarrierState
from streamwatch.core.codes import FindingCode, OpeningCause, Role
from streamwatch.health import BudgetUse, CameraFinding
from streamwatch.http.server_sent_events import MOST_OF_ONE
from streamwatch.web.api.application import PATH, document
from streamwatch.web.console import make_console
from streamwatch.web.routing import Page

OWN, FOREIGN = "entry", ("exit", "后门")
FOREIGN_PLATES = ("鲁F6T301", "苏E00802", "川A9P431", "琼A3M778")
"""What was read at the other cameras only."""
PLATES = (*FOREIGN_PLATES, "京A12345", "沪B8K219", "粤BD12345", "粤BF98765", "京N7X8P2")
ENDLESS = ("/events", "/live")
NUMBERS = range(1, 19)


def set_state(console: DrawnConsole) -> None:
    """Have a daemon that says something of every camera."""
    console.backend.state = replace(
        ILL,
        cameras=tuple(camera(name, "failed", last_error="There is no picture.") for name in CAMERAS),
        budget=tuple(BudgetUse("day", name, 5, 5) for name in CAMERAS),
        findings=tuple(CameraFinding(FindingCode.NO_VEHICLE, name, NOW, 40.0, 0.0) for name in CAMERAS),
        stalled=tuple(f"camera {name}" for name in CAMERAS),
    )


def set_lanes(console: DrawnConsole) -> None:
    """Have a lane of the same name at each camera, with a decision, a barrier with a fault, and one opened by hand."""
    lanes = {name: {"cameras": [name], "barrier": f"barrier-{number}"} for number, name in enumerate(CAMERAS)}
    barriers = with_lanes(console, lanes)
    barriers.standing = {
        lane["barrier"]: BarrierState(lane["barrier"], (name,), fault=f"{name} hangs.")  # type: ignore[index]
        for name, lane in lanes.items()
    }
    permit = add_permit(console, "沪B8K219", holder="Herr Lin")
    for name, plate in zip(CAMERAS, ("京N7X8P2", "鲁F6T301", "川A9P431"), strict=True):
        decide(console, plate, lane=name, permit=permit, near=(("沪B8K219", permit),))
        barriers.request(name, OpeningCause.BY_HAND, who="ann", note=f"for {name}")


def addresses(console: DrawnConsole) -> Iterator[tuple[str, Role | None]]:
    """Yield every address that can be asked for with GET, with the role that it declares."""
    routes: list[BaseRoute] = list(make_console(console.backend, console.reader).routes)
    pages = [route for route in routes if isinstance(route, Page) and "GET" in (route.methods or ())]
    assert [route for route in routes if not isinstance(route, Page | Mount)] == []
    for route in pages:
        if not route.path.startswith("/static/"):
            for path in filled(route.path):
                yield path, route.role
    for template, does in document()["paths"].items():
        if "get" in does:
            for path in filled(PATH + template):
                yield path, None


def filled(template: str) -> Iterator[str]:
    """Yield the addresses of a template: for each number or camera that it could mean."""
    if "{" not in template:
        yield template
        return
    words = [quote(name) for name in CAMERAS] if "{name" in template else [str(number) for number in NUMBERS]
    for word in words:
        yield re.sub(r"\{[^}]+\}", word, template)


def answers(console: DrawnConsole, client: httpx.Client, role: Role) -> Iterator[tuple[str, httpx.Response]]:
    """Yield each address with its answer; of a stream only the beginning."""
    for path, asked in addresses(console):
        if path.endswith(ENDLESS):
            with client.stream("GET", path, params={"after": "0"}, headers={"Last-Event-ID": "0"}) as stream:
                if stream.status_code == 200:
                    pieces = stream.iter_bytes()
                    told = b"".join(next(pieces, b"") for _ in range(2))
                    yield path, httpx.Response(200, headers={"content-type": "text/plain"}, content=told)
                    continue
            yield path, httpx.Response(stream.status_code)
            continue
        answer = client.get(path)
        if asked is not None and not role.at_least(asked):
            assert answer.status_code == 403, path
        assert answer.status_code < 500, f"{path}: {answer.text[:300]}"
        yield path, answer


def text_of(answer: httpx.Response) -> str:
    """Return what can be read in an answer, with the escapes of JSON resolved."""
    if answer.headers.get("content-type", "").startswith(("image/", "application/vnd")):
        return ""
    if answer.headers.get("content-type", "").startswith(("application/json", "application/problem+json")):
        return json.dumps(answer.json(), ensure_ascii=False)
    return answer.text


@ONLY_SQLITE
def test_nobody_who_has_not_logged_in_sees_anything(console: DrawnConsole) -> None:
    add_user(console, "boss")
    open_to_all = {"/login", "/language", "/logout"}
    with httpx.Client(base_url=console.url, headers={"Accept": "text/html", "Sec-Fetch-Dest": "document"}) as client:
        asked = 0
        for path, _ in addresses(console):
            answer = client.get(path)
            if path in open_to_all:
                continue
            asked += 1
            assert answer.status_code in (303, 401), f"{path}: {answer.status_code}"
            if answer.status_code == 303:
                assert answer.headers["location"].startswith("/login")
            assert not [plate for plate in PLATES if plate in text_of(answer)], path
        assert asked > 50


@ONLY_SQLITE
@pytest.mark.parametrize("role", [Role.VIEWER, Role.MANAGER])
def test_who_sees_one_camera_learns_nothing_of_the_others(console: DrawnConsole, role: Role) -> None:
    add_user(console, "boss")
    add_user(console, "lily", role, [OWN])
    set_lanes(console)
    set_state(console)
    seen = ""
    with logged_in(console, "lily") as client:
        for path, answer in answers(console, client, role):
            text = text_of(answer)
            assert not [plate for plate in FOREIGN_PLATES if plate in text], path
            if answer.status_code == 200 and not path.startswith("/api/docs"):
                named = [name for name in FOREIGN if re.search(rf"(?<![\w-]){name}(?![\w-])", text)]
                assert not named, f"{path} names {named}"
            seen += text
        assert "京N7X8P2" in seen, "the own camera is shown"
        for path in ("/search", "/api/v1/passages", "/api/v1/sightings"):
            answer = client.get(path, params={"camera": "exit"})
            assert not [plate for plate in FOREIGN_PLATES if plate in text_of(answer)], path


@ONLY_SQLITE
def test_a_token_of_one_camera_learns_nothing_of_the_others(console: DrawnConsole) -> None:
    secret = add_token(console, "barrier", Role.MANAGER, [OWN])
    set_lanes(console)
    set_state(console)
    asked = 0
    with httpx.Client(base_url=console.url, headers={"Authorization": f"Bearer {secret}"}) as client:
        for template, does in document()["paths"].items():
            for path in filled(PATH + template):
                if "get" in does and not path.endswith(ENDLESS):
                    answer = client.get(path)
                    asked += answer.status_code == 200
                    assert not [word for word in (*FOREIGN_PLATES, *FOREIGN) if word in text_of(answer)], path
    assert asked > 5


@ONLY_SQLITE
@pytest.mark.parametrize("role", [Role.VIEWER, Role.MANAGER])
def test_who_sees_plates_masked_finds_none_anywhere(console: DrawnConsole, role: Role) -> None:
    set_web(console, mask_for=[role.value])
    add_user(console, "boss")
    add_user(console, "lily", role)
    set_lanes(console)
    seen = ""
    with logged_in(console, "lily") as client:
        for path, answer in answers(console, client, role):
            found = [plate for plate in PLATES if plate in text_of(answer)]
            assert not found, f"{path} shows {found}"
            seen += text_of(answer)
            if path.startswith("/pictures/"):
                assert client.get(path, params={"crop": "plate"}).status_code in (403, 404)
    assert "京N•••P2" in seen or "京N" in seen


@ONLY_SQLITE
def test_log_in_page_log_out_in_a_browser(console: DrawnConsole, visitor: Visitor) -> None:
    add_user(console, "Lily", Role.MANAGER)
    page = visitor.open(console.url + "/search?plate=A1", scripts=False)
    assert page.url.startswith(console.url + "/login")
    page.keyboard.type("lily")
    page.keyboard.press("Tab")
    page.keyboard.type("four cars at the gate")
    page.keyboard.press("Enter")
    page.wait_for_url(console.url + "/search?plate=A1")
    assert page.get_by_role("link", name="Lily").count() == 1
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(console.url + "/login")
    assert "You are logged out." in page.content()
    page.goto(console.url + "/")
    assert page.url == console.url + "/login"


@ONLY_SQLITE
@pytest.mark.parametrize("digits", [19, 20, 5000])
def test_a_number_that_no_row_can_have_is_not_found(console: DrawnConsole, digits: int) -> None:
    """Neither a database nor Python accepts it as a number."""
    for path in ("/passages/%s", "/unread/%s", "/pictures/keyframes/%s", "/api/v1/passages/%s"):
        assert httpx.get(console.url + path % ("9" * digits)).status_code == 404, path


@ONLY_SQLITE
def test_a_form_without_some_of_its_fields_is_told_what_is_wrong(console: DrawnConsole) -> None:
    for form in ({"do": "add_user", "name": "<b>"}, {"do": "add_token", "name": "<b>"}):
        answer = httpx.post(console.url + "/people", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 422
        assert "A name has at most 64 letters" in answer.text


@ONLY_SQLITE
def test_who_opens_streams_without_end_locks_nobody_out(console: DrawnConsole) -> None:
    for name in ("boss", "lily"):
        add_user(console, name)
    with ExitStack() as streams, logged_in(console, "boss") as boss, logged_in(console, "lily") as lily:
        answers = [streams.enter_context(boss.stream("GET", "/gate/events")) for _ in range(MOST_OF_ONE)]
        assert {answer.status_code for answer in answers} == {200}
        more = boss.get("/gate/events")
        assert (more.status_code, more.headers["retry-after"]) == (503, "5")
        assert boss.get("/search").status_code == 200
        assert streams.enter_context(lily.stream("GET", "/gate/events")).status_code == 200
