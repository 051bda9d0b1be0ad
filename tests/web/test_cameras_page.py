"""The cameras: pictures, the gate's live view, the zone drawn on the picture, and reading it now."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from browser import DESK, PHONE, Visitor, findings, too_wide
from consoles import DrawnConsole, drawn
from playwright.sync_api import Page
from records import ONLY_SQLITE

from streamwatch.app.live_view import LiveCameras
from streamwatch.app.read_now import ReadNow
from streamwatch.config.loading import load
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import Role
from streamwatch.core.model import Box, Engine, Frame, JpegCorners, Ledger, PlateText
from streamwatch.gate import FollowedObject, FrameReport, Why
from streamwatch.imaging.jpeg import decode_picture
from streamwatch.pipeline import Budget, CallLimits, CircuitBreaker, PaidCalls
from streamwatch.web.principal import Principal

pytestmark = ONLY_SQLITE

CONFIG = """\
# the gate of the yard
cameras:
  entry:            # faces the street
    source: entry.mp4
    zone: [[0.1, 0.3], [0.9, 0.3], [0.9, 0.9], [0.1, 0.9]]   # without the road behind
  exit:
    source: exit.mp4
  后门:
    source: 后门.mp4
data_dir: data
"""
ZONE = [(0.1, 0.3), (0.9, 0.3), (0.9, 0.9), (0.1, 0.9)]


class Reader:
    """An engine that reads one plate. asked: what it was asked to read."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.asked = engine, list[bytes]()

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        self.asked.append(jpeg)
        return [PlateText("京A12345", 0.97, JpegCorners(((100.0, 50.0), (155.0, 50.0), (155.0, 70.0), (100.0, 70.0))))]

    def close(self) -> None: ...


@dataclass
class Watched:
    """A console over cameras that show drawn pictures."""

    console: DrawnConsole
    live: LiveCameras
    free: Reader
    paid: Reader
    config: Path

    def show(self, camera: str = "entry", why: Why = Why.FAR) -> None:
        """Have a camera show a car, as its gate sees it."""
        jpeg, (x, y, w, h) = drawn("京A12345", "blue")
        bgr = decode_picture(jpeg)
        assert bgr is not None
        plate = (x, y), (x + w, y), (x + w, y + h), (x, y + h)
        seen = FollowedObject(7, Box(300, 100, 500, 500), 1.0, 1.0, why, plate, "waiting")
        now = datetime.now(UTC)
        frame = Frame(camera, now, bgr[:, :, 1].copy(), lambda: bgr)
        self.live.show(frame, lambda: FrameReport(now, 0.21, why, (seen,)))


@pytest.fixture
def watched(console: DrawnConsole, tmp_path: Path) -> Watched:
    clock, free, paid = SystemClock(), Reader(Engine.LOCAL), Reader(Engine.OCRCARS)
    budget = Budget(CallLimits(), {}, lambda since, camera: 0, clock.now(), clock.monotonic())
    calls = PaidCalls(CircuitBreaker(20), budget, clock)
    reader = ReadNow(lambda: console.backend.settings, lambda: paid, lambda: free, calls, lambda event: None, clock)
    live = LiveCameras(clock, reader)
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    settings = console.backend.settings
    entry = settings.cameras["entry"].model_copy(update={"zone": ZONE})
    console.backend.settings = settings.model_copy(update={"cameras": {**settings.cameras, "entry": entry}})
    console.backend.live = live
    console.backend.config_file = config
    made = Watched(console, live, free, paid, config)
    for camera in console.backend.settings.cameras:
        made.show(camera)
    return made


@pytest.fixture
def client(watched: Watched) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=watched.console.url, follow_redirects=True, timeout=60) as one:
        yield one


def as_principal(monkeypatch: pytest.MonkeyPatch, principal: Principal) -> None:
    monkeypatch.setattr("streamwatch.web.authentication.LOCAL", principal)


# ---- pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/cameras", "/cameras/entry", "/cameras/%E5%90%8E%E9%97%A8"])
@pytest.mark.parametrize(("size", "language", "dark"), [(DESK, "en", False), (PHONE, "zh-CN", True)])
def test_the_pages_are_accessible(
    watched: Watched, visitor: Visitor, path: str, size: tuple[int, int], language: str, dark: bool
) -> None:
    page = visitor.open(watched.console.url + path, size, language=language, dark=dark)
    for tool in page.locator("details.tool > summary").all():
        tool.click()
    assert not findings(page)
    assert not too_wide(page)


def test_each_camera_tells_its_figures_without_a_script(client: httpx.Client) -> None:
    listed = client.get("/cameras").text
    assert all(f'href="/cameras/{name}"' in listed for name in ("entry", "exit", "%E5%90%8E%E9%97%A8"))
    page = client.get("/cameras/entry").text
    assert "Read rate by hour of the day" in page
    assert "about " in page
    assert "10, 30\n90, 30\n90, 90\n10, 90" in page
    assert client.get("/cameras/nowhere").status_code == 404


def test_a_picture_has_a_width_of_a_few(client: httpx.Client, watched: Watched) -> None:
    widths = {}
    for asked in ("320", "960", "1920", "77", "x", "٣"):
        answer = client.get("/cameras/entry/picture", params={"width": asked})
        picture = decode_picture(answer.content)
        assert picture is not None
        assert answer.headers["cache-control"] == "no-store"
        widths[asked] = picture.shape[1]
    assert widths == {"320": 320, "960": 960, "1920": 1280, "77": 640, "x": 640, "٣": 640}
    watched.live.forget("exit")
    assert client.get("/cameras/exit/picture").status_code == 404


def test_without_cameras_the_page_says_so(console: DrawnConsole) -> None:
    with httpx.Client(base_url=console.url) as client:
        assert "watches no cameras" in client.get("/cameras").text
        page = client.get("/cameras/entry").text
        assert "watches no cameras" in page
        assert "zone-form" not in page
        assert client.get("/cameras/entry/picture").status_code == 404
        answer = client.post("/cameras/entry/zone", data={"points": ""})
        assert (answer.status_code, "nothing can be changed" in answer.text) == (409, True)


@pytest.mark.parametrize(
    ("principal", "free", "paid", "zone"),
    [
        (Principal("v", Role.VIEWER), False, False, False),
        (Principal("g", Role.GUARD), True, False, False),
        (Principal("m", Role.MANAGER), True, True, False),
        (Principal("a", Role.ADMIN), True, True, True),
    ],
    ids=lambda value: value.name if isinstance(value, Principal) else "",
)
def test_who_may_read_and_draw(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, principal: Principal, free: bool, paid: bool, zone: bool
) -> None:
    as_principal(monkeypatch, principal)
    page = client.get("/cameras/entry").text
    assert ('value="local"' in page, 'value="ocrcars"' in page, 'id="zone-form"' in page) == (free, paid, zone)
    assert (client.post("/cameras/entry/read", data={"engine": "local"}).status_code == 200) is free
    assert (client.post("/cameras/entry/read", data={"engine": "ocrcars"}).status_code == 200) is paid
    assert (client.post("/cameras/entry/zone", data={"points": "1"}).status_code == 422) is zone


def test_one_who_sees_one_camera_sees_no_other(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    as_principal(monkeypatch, Principal("one", Role.ADMIN, frozenset({"exit"})))
    assert "entry" not in client.get("/cameras").text
    for path in ("/cameras/entry", "/cameras/entry/picture", "/cameras/entry/live"):
        assert client.get(path).status_code == 404
    assert client.post("/cameras/entry/zone", data={"points": ""}).status_code == 404
    assert client.get("/cameras/exit").status_code == 200


def test_one_who_may_see_no_plate_sees_no_present_picture(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_principal(monkeypatch, Principal("masked", Role.GUARD, masks_plates=True))
    assert "/picture" not in client.get("/cameras").text
    assert "/picture" not in client.get("/cameras/entry").text
    assert client.get("/cameras/entry/picture").status_code == 403
    assert client.post("/cameras/entry/read", data={"engine": "local"}).status_code == 403


# ---- the gate's live view -------------------------------------------------------------------------------------------


def test_the_gate_tells_what_it_sees_to_who_listens(client: httpx.Client, watched: Watched) -> None:
    headers = {"Accept-Language": "zh-CN"}
    with client.stream("GET", "/cameras/entry/live", headers=headers) as stream:
        looks = (json.loads(line[5:]) for line in stream.iter_lines() if line.startswith("data:"))
        first = next(looks)
        assert first["objects"] == []  # nobody watched when this picture came
        watched.show()
        second = next(looks)
    (seen,) = second["objects"]
    assert (second["size"], second["why"], second["change"]) == ([1280, 720], "far", "21.0%")
    assert (seen["number"], seen["box"], seen["tone"]) == (7, [300, 100, 500, 500], "warn")
    assert seen["label"] == "车牌太小"
    assert seen["width"] == round(seen["plate"][1][0] - seen["plate"][0][0])


def test_the_live_view_is_drawn_over_the_picture(watched: Watched, visitor: Visitor) -> None:
    page = visitor.open(f"{watched.console.url}/cameras/entry")
    page.wait_for_selector("#live-clock:not(:empty)")
    watched.show()
    page.wait_for_selector("#gate-overlay .seen.warn polygon")
    assert "A plate is followed that is too small to be read." in (page.text_content("#gate-objects") or "")
    page.uncheck("#gate-shown")
    assert not page.is_visible("#gate-overlay")
    assert not page.is_visible("#gate-objects")


# ---- reading now ----------------------------------------------------------------------------------------------------


def test_the_present_picture_is_read_without_leaving_the_page(watched: Watched, visitor: Visitor) -> None:
    page = visitor.open(f"{watched.console.url}/cameras/entry")
    page.click("text=With the local engine (free)")
    page.wait_for_selector("#reading .plate")
    assert page.text_content("#reading .plate") == "京A12345"
    assert "55 px wide. Too small: never sent." in (page.text_content("#reading") or "")
    assert page.locator("#reading .read-plate").count() == 1
    assert (len(watched.free.asked), len(watched.paid.asked)) == (1, 0)
    assert page.url.endswith("/cameras/entry")


def test_a_paid_reading_asks_first_and_names_the_price(watched: Watched, visitor: Visitor) -> None:
    backend = watched.console.backend
    calls = backend.settings.calls.model_copy(update={"price": 0.035})
    backend.settings = backend.settings.model_copy(update={"calls": calls})
    page = visitor.open(f"{watched.console.url}/cameras/entry", scripts=False)
    assert not page.is_visible("text=Pay for one call")
    page.click("text=With the paid service")
    assert "costs 0.035" in (page.text_content("details.paid") or "")
    assert watched.paid.asked == []
    page.click("text=Pay for one call")
    assert page.text_content("#reading .plate") == "京A12345"
    assert len(watched.paid.asked) == 1


# ---- the zone -------------------------------------------------------------------------------------------------------


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return a place of the picture, given in fractions, on the screen."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def points(page: Page) -> list[tuple[float, float]]:
    """Return the points of the zone that is being drawn, in whole per cents."""
    lines = page.input_value("#zone-points").splitlines()
    return [tuple(round(float(part)) for part in line.split(",")) for line in lines]  # type: ignore[misc]


@pytest.fixture
def editor(watched: Watched, visitor: Visitor) -> Page:
    page = visitor.open(f"{watched.console.url}/cameras/entry", (1400, 1600))
    page.click("#zone-tool > summary")
    page.wait_for_selector(".handle")
    return page


def test_points_are_added_moved_and_removed_with_the_pointer(editor: Page) -> None:
    assert points(editor) == [(10, 30), (90, 30), (90, 90), (10, 90)]
    editor.mouse.click(*at(editor, 0.5, 0.2))
    assert points(editor) == [(10, 30), (50, 20), (90, 30), (90, 90), (10, 90)]
    editor.mouse.move(*at(editor, 0.9, 0.3))
    editor.mouse.down()
    editor.mouse.move(*at(editor, 0.8, 0.4), steps=3)
    editor.mouse.up()
    assert points(editor)[2] == (80, 40)
    assert "80" in (editor.evaluate("document.activeElement.getAttribute('aria-label')"))
    editor.click("#zone-undo")
    editor.click("#zone-undo")
    assert points(editor) == [(10, 30), (90, 30), (90, 90), (10, 90)]
    editor.click("#zone-clear")
    assert points(editor) == []
    editor.click("#zone-reset")
    assert points(editor) == [(10, 30), (90, 30), (90, 90), (10, 90)]


def test_the_keyboard_does_all_of_it(editor: Page) -> None:
    editor.locator(".handle").nth(1).focus()
    for key in ("ArrowLeft", "ArrowDown", "Shift+ArrowDown"):
        editor.keyboard.press(key)
    assert editor.input_value("#zone-points").splitlines()[1] == "89, 31.1"
    editor.keyboard.press("Insert")
    assert points(editor)[2] == (90, 61)
    editor.keyboard.press("Delete")
    editor.keyboard.press("Delete")
    assert points(editor) == [(10, 30), (89, 31), (10, 90)]
    editor.keyboard.press("Control+z")
    assert len(points(editor)) == 4
    for _ in range(4):
        editor.locator(".handle").first.focus()
        editor.keyboard.press("Delete")
    for _ in range(3):
        editor.click("#zone-add")
    assert len(points(editor)) == 3


def test_a_line_that_crosses_itself_is_refused_by_the_page_and_by_the_server(
    editor: Page, client: httpx.Client, watched: Watched
) -> None:
    editor.mouse.move(*at(editor, 0.1, 0.3))
    editor.mouse.down()
    editor.mouse.move(*at(editor, 0.95, 0.6), steps=3)
    editor.mouse.up()
    assert "crosses itself" in (editor.text_content("#zone-error") or "")
    assert editor.is_disabled("#zone-save")
    answer = client.post("/cameras/entry/zone", data={"points": "95, 60\n90, 30\n90, 90\n10, 90"})
    assert (answer.status_code, "crosses itself" in answer.text) == (422, True)
    assert "95, 60" in answer.text, "what was written is not lost"
    assert watched.config.read_text(encoding="utf-8") == CONFIG


def test_the_ruler_tells_pixels_and_what_they_mean(watched: Watched, visitor: Visitor) -> None:
    page = visitor.open(f"{watched.console.url}/cameras/entry", (1400, 1600))
    page.click("#ruler-tool > summary")
    page.wait_for_selector(".handle.end")
    page.mouse.move(*at(page, 0.4, 0.6))
    page.mouse.down()
    page.mouse.move(*at(page, 0.4625, 0.6), steps=4)
    page.mouse.up()
    width = int((page.text_content("#ruler-result") or "").removesuffix(" px"))
    assert abs(width - 80) <= 3
    assert "often misread" in (page.text_content("#plate-sizes .fits") or "")
    page.keyboard.press("ArrowRight")
    assert abs(int((page.text_content("#ruler-result") or "").removesuffix(" px")) - width - 13) <= 1


# ---- other settings -------------------------------------------------------------------------------------------------


def test_what_is_set_is_written_with_the_comments_kept_and_nothing_else(watched: Watched, client: httpx.Client) -> None:
    answer = client.post("/cameras/entry/settings", data={"rotate": "90", "hour": "", "day": "40", "month": ""})
    assert "The settings were saved in config.yaml. This camera was restarted" in answer.text
    assert watched.console.backend.reloads == ["asked"]
    written = watched.config.read_text(encoding="utf-8")
    assert load(watched.config).cameras["entry"].rotate == 90
    assert load(watched.config).cameras["entry"].budget.day == 40
    assert [line for line in written.splitlines() if line in CONFIG.splitlines()] == CONFIG.splitlines()


def test_settings_that_are_none_are_refused_in_a_sentence(watched: Watched, client: httpx.Client) -> None:
    typed = {"rotate": "0", "hour": "many", "day": "", "month": ""}
    answer = client.post("/cameras/entry/settings", data=typed)
    assert (answer.status_code, "this is not: many" in answer.text, 'value="many"' in answer.text) == (422, True, True)
    assert client.post("/cameras/entry/settings", data={**typed, "rotate": "45"}).status_code == 400
    assert "Nothing was changed" in client.post("/cameras/entry/settings", data={**typed, "hour": ""}).text
    assert watched.config.read_text(encoding="utf-8") == CONFIG


def test_a_file_that_somebody_broke_meanwhile_is_not_written(watched: Watched, client: httpx.Client) -> None:
    broken = CONFIG + "nonsense: 1\n"
    watched.config.write_text(broken, encoding="utf-8")
    answer = client.post("/cameras/entry/zone", data={"points": "10, 10\n90, 10\n50, 90"})
    assert (answer.status_code, "nonsense" in answer.text) == (422, True)
    assert watched.config.read_text(encoding="utf-8") == broken
