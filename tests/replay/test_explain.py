"""`replay --explain` and `--dry-run`: what the page and the account say about recordings with known truth."""

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from clips import Person, Vehicle, render
from fakes import FakeLedger, FakeOcrCars, no_plate, plate
from paying import JPEG
from test_cli import SECRET, START, streamwatch, write_config

from streamwatch.app.meanings import SENTENCES
from streamwatch.config.settings import Settings
from streamwatch.core.codes import ViewReason
from streamwatch.core.events import KeyframeKept, KeyframeTaken, PassageClosed, PassageOpened, PlatesRead
from streamwatch.core.model import Box, Engine, Frame, JudgedPlate, Keyframe, Passage, PlateText
from streamwatch.core.plates import distance
from streamwatch.gate import FollowedObject, FrameReport, Why
from streamwatch.pipeline.intake import settles
from streamwatch.replay import replay_wiring
from streamwatch.replay.dry_run import AssumedRecognizer
from streamwatch.replay.explain import Answers, ReplaySettings, Trace, page_of, page_place, refuse_place
from streamwatch.replay.explain.album import ROOM, Thumbnail
from streamwatch.replay.explain.chart import POINTS, TimeSpan, clock, curve, thin
from streamwatch.replay.explain.objects import ObjectTrace, Sample
from streamwatch.replay.explain.savings import STANDS, savings_of
from streamwatch.store import PassageOutcome

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
NASTY = '<script>alert("京A")</script>'
VOID = {"meta", "img", "br", "link", "input"}


@dataclass
class Page(HTMLParser):
    """The content of a page. texts: by the id of the nearest element that has one."""

    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    pictures: list[dict[str, str]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    open: list[tuple[str, str]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    classes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.classes.update(found.get("class", "").split())
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.sources += [found[name] for name in ("src", "srcset", "data", "action", "poster") if name in found]
        if tag == "img":
            self.pictures.append(found)
        if tag not in VOID:
            self.open.append((tag, found.get("id", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        depth = len(self.open)
        self.handle_starttag(tag, attrs)
        del self.open[depth:]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop()[0] == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        for _, name in self.open:
            if name:
                self.texts[name] = self.texts.get(name, "") + " " + data


def parsed(text: str) -> Page:
    """Return the page after checks: all tags closed, each id once, each link has a target, nothing from outside."""
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    assert all(picture.get("alt") for picture in page.pictures)
    return page


def frames_by_reason(text: str) -> dict[str, int]:
    rows = re.findall(
        r'<tr><th scope="row"><i class="w-(\w+)"></i>[^<]*</th><td class="n">(\d+)</td><td class="n">', text
    )
    return {name: int(count) for name, count in rows}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "gate & yard.mp4"
    actors = [
        Vehicle("京AF0236", enter=0.8, approach=1.5, stop=1.5),
        Vehicle("苏EK3P82", "yellow", 6.0, 1.5, 1.5),
        Person(enter=11.0, cross=3.0),
    ]
    render(path, actors, 15, fps=10, size=(640, 360), preset="ultrafast")
    return path


def config_of(folder: Path, service: FakeOcrCars) -> None:
    ocrcars = f"{{endpoint: '{service.endpoint}', appcode: {SECRET}}}"
    zone = "zone: [[0.02, 0.1], [0.98, 0.1], [1, 1], [0, 1]]"
    write_config(
        folder,
        f"cameras: {{gate: {{source: sample, {zone}}}}}\ncalls: {{price: 0.5}}\n"
        f"recognizer: {{engine: ocrcars, ocrcars: {ocrcars}}}\n",
    )


@dataclass(frozen=True)
class Explained:
    """Return a paid replay with a page, made once for all tests that only read it."""

    text: str
    page: Page
    path: Path
    calls: int


@pytest.fixture(scope="module")
def explained(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Explained:
    folder = tmp_path_factory.mktemp("explained")
    with FakeOcrCars(
        plate("京AF0236", range=[]), plate("苏EK3P82", 0.4, range=[]), no_plate(), appcode=SECRET
    ) as service:
        config_of(folder, service)
        done = streamwatch("replay", "--camera", "gate", "--start", START, "--explain", "why.html", clip, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [line.split()[2:4] for line in done.stdout.splitlines()] == [["gate", "京AF0236"], ["gate", "苏EK3P82"]]
    text = (folder / "why.html").read_text(encoding="utf-8")
    return Explained(text, parsed(text), folder / "why.html", len(service.calls))


def test_of_the_local_engine_nothing_is_a_call(explained: Explained) -> None:
    trace = Trace(min_confidence=0.95, pictures=False, frame_of=lambda _: None)
    a_stay(trace, (PlateText("京AF0236", 0.99, None),), Engine.LOCAL)
    trace.finish(lambda _: (PassageOutcome.READ, ("京AF0236",)))
    local = used(answers=Answers.LOCAL, min_confidence=0.95, settled_by="recognizer.pay_below")
    text = page_of(trace, local)
    assert "Why readings were made, and why not" in text
    assert "<b>1</b><span>reading</span>" in text
    assert "cost" not in text[text.index("tiles") : text.index("<nav")]
    assert "recognizer.pay_below" in text
    assert "sightings.min_confidence" not in text
    mixed = page_of(trace, used())
    assert "<b>0</b><span>calls</span>" in mixed, "the local engine read it, and nothing was paid"
    assert "<b>1</b><span>read free, by the local engine</span>" in mixed
    assert f"<b>{explained.calls}</b><span>calls</span>" in explained.text


def test_views_are_numbered_within_their_vehicle(explained: Explained) -> None:
    first, second = explained.page.texts["k1"], explained.page.texts["k2"]
    assert first.split()[:2] == second.split()[:2] == ["View", "1"]
    assert 'title="Vehicle 2, view 1, ' in explained.text


def test_every_frame_has_one_counted_reason(explained: Explained) -> None:
    counts = frames_by_reason(explained.text)
    assert sum(counts.values()) == 150
    assert counts["QUIET"] > 0
    assert counts["BETTERING"] > 0
    assert "all 150" in " ".join(explained.page.texts["reasons"].split())


def test_every_call_stands_there_with_its_picture_its_reason_and_what_came_of_it(explained: Explained) -> None:
    assert explained.calls >= 2
    assert [name for name in explained.page.ids if re.fullmatch(r"k\d+", name)] == [
        f"k{n + 1}" for n in range(explained.calls)
    ]
    first, second = explained.page.texts["k1"], explained.page.texts["k2"]
    assert "Its view stopped getting better" in first
    assert re.search(r"plate \d{2,3} px wide", " ".join(first.split()))
    assert "京AF0236, 100% sure" in first
    assert "苏EK3P82, 40% sure: not enough" in second
    sent = [picture for picture in explained.page.pictures if "as it was sent" in picture["alt"]]
    framed = [picture for picture in explained.page.pictures if "a box marks the part that was sent" in picture["alt"]]
    assert len(sent) == len(framed) == explained.calls


def test_each_vehicle_says_why_no_further_call_was_made(explained: Explained) -> None:
    assert "it is settled" in explained.page.texts["p1"]
    assert "known plate" in explained.page.texts["p1"]
    assert "Nothing sure was read" in explained.page.texts["p2"] or "max_calls" in explained.page.texts["p2"]


def test_each_picture_shows_the_plate_and_its_way_and_each_curve_the_state_of_its_track(explained: Explained) -> None:
    cards = re.findall(r'<article class="card".*?</article>', explained.text, re.DOTALL)
    paid = [card for card in cards if "What was sent" in card]
    assert len(paid) == explained.calls
    for card in paid:
        shown = parsed_part(card)
        assert shown["quad"] >= 1
        assert shown["path"] >= 1
        assert shown["s-waiting"] >= 1
        assert "width of the plate" in card
        assert "rule that decided each frame" in card
    assert "s-settled" in paid[0]
    (person,) = [card for card in cards if card not in paid]
    assert "no plate could be seen in any view" in person
    assert "best-shot score" not in person


def test_the_page_has_no_word_of_what_the_gate_does_not_do(explained: Explained) -> None:
    text = re.sub(r"data:image/jpeg;base64,[\w+/=]+", "", explained.text).lower()
    for word in ("fragment", "whole picture", "came nearer", "scene jump", "cannot"):
        assert word not in text


def test_the_timeline_shows_every_call_and_reading(explained: Explained) -> None:
    timeline = re.search(r'<section id="timeline".*?</section>', explained.text, re.DOTALL)
    assert timeline
    shown = parsed_part(timeline[0])
    assert shown["call"] == shown["taken-at"] == explained.calls
    assert shown["good"] >= 1
    assert shown["strip"] == 1


def parsed_part(text: str) -> Counter[str]:
    page = Page()
    page.feed(text)
    return page.classes


def test_zone_and_thresholds_are_told(explained: Explained) -> None:
    told = " ".join(explained.page.texts["tuning"].split())
    for words in ("gate.threshold 22", "gate.min_area 0.015", "gate.patience 0.6 s", "gate.max_calls 3", "0.85"):
        assert words in told
    assert "zone: [[0.02, 0.1], [0.98, 0.1], [1, 1], [0, 1]]" in told


def test_no_secret_and_no_place_of_this_machine_is_on_the_page(explained: Explained) -> None:
    assert SECRET not in explained.text
    assert str(explained.path.parent) not in explained.text


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
@pytest.mark.parametrize("size", ["500,900", "1400,900"])
def test_a_browser_shows_the_page_without_errors_and_without_scrolling_sideways(
    explained: Explained, size: str, tmp_path: Path
) -> None:
    probe = (
        "<script>addEventListener('load', () => { const root = document.documentElement;"
        "root.dataset.wide = root.scrollWidth > innerWidth; document.getElementById('zone-new').click();"
        "root.dataset.broken = [...document.images].filter((i) => i.loading !== 'lazy' && !i.naturalWidth).length;"
        "const map = document.querySelector('.zoned'), box = map.getBoundingClientRect();"
        "for (const [x, y] of [[.25, .5], [.75, .5], [.5, 1]]) map.dispatchEvent(new MouseEvent('click',"
        "{clientX: box.left + x * box.width, clientY: box.top + y * box.height}));"
        "root.dataset.zone = document.getElementById('zone').value;"
        "root.dataset.says = document.getElementById('zone-says').textContent; }); </script>"
    )
    copy = tmp_path / "copy.html"
    eager = explained.text.replace(' loading="lazy" decoding="async"', "")
    copy.write_text(eager.replace("<head>", f"<head>{probe}", 1), encoding="utf-8")
    assert BROWSER is not None
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--window-size={size}"]
    options += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    done = subprocess.run(
        [BROWSER, *options, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", copy.as_uri()],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert 'data-wide="false"' in done.stdout, done.stderr[-1000:]
    assert 'data-broken="0"' in done.stdout
    assert 'data-zone="zone: [[0.25, 0.5], [0.75, 0.5], [0.5, 1]]"' in done.stdout
    assert 'data-says="13 % of the picture is watched."' in done.stdout
    assert "CONSOLE" not in done.stderr


def test_a_dry_run_pays_nothing_and_writes_nothing(clip: Path, tmp_path: Path) -> None:
    with FakeOcrCars(appcode=SECRET) as service:
        config_of(tmp_path, service)
        before = sorted(tmp_path.rglob("*"))
        done = streamwatch("replay", "--camera", "gate", "--dry-run", clip, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert service.calls == []
    assert sorted(tmp_path.rglob("*")) == before
    assert "nothing was paid, nothing was written" in done.stdout
    assert re.search(r"these settings +(\d+) calls?  cost (\d+\.\d\d)  for", done.stdout)


def test_a_dry_run_leaves_a_database_as_it_is_and_tells_its_assumption(clip: Path, tmp_path: Path) -> None:
    with FakeOcrCars(plate("京AF0236"), plate("苏EK3P82"), appcode=SECRET) as service:
        config_of(tmp_path, service)
        streamwatch("replay", "--camera", "gate", "--start", START, clip, cwd=tmp_path)
        paid = len(service.calls)
        kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        done = streamwatch("replay", "--camera", "gate", "--dry-run", "--explain", "why.html", clip, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(service.calls) == paid
    text = (tmp_path / "why.html").read_text(encoding="utf-8")
    (tmp_path / "why.html").unlink()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept
    assert "dry run: nothing was paid" in text
    assert "instead of ocrCars, which may read more or less" in done.stdout
    saved = [int(row[0]) for row in re.findall(r"^ +(\d+) +(\d+)  \w", done.stdout, re.MULTILINE)]
    naive = re.search(r"a naive watcher +(\d+) calls", done.stdout)
    assert naive
    assert 0 < sum(saved) < int(naive[1])


@pytest.mark.parametrize("place", ["absent/why.html", "."])
def test_a_page_that_cannot_be_written_is_said_before_anything_is_paid(place: str, clip: Path, tmp_path: Path) -> None:
    with FakeOcrCars(appcode=SECRET) as service:
        config_of(tmp_path, service)
        done = streamwatch("replay", "--camera", "gate", "--explain", place, clip, cwd=tmp_path)
    assert done.returncode == 1
    assert service.calls == []
    assert len([line for line in done.stderr.splitlines() if line.startswith("streamwatch: The page ")]) == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("place", "videos", "said"),
    [
        ("rec1.mp4", ["rec2.mp4"], "The page would overwrite rec1.mp4, which is not such a page."),
        ("rec2.mp4", ["rec1.mp4", "rec2.mp4"], "The page would overwrite rec2.mp4, which is to be read."),
        ("link.html", ["rec1.mp4"], "The page would overwrite link.html, which is to be read."),
        ("config.yaml", ["rec1.mp4"], "The page would overwrite config.yaml, which is to be read."),
        ("notes.html", ["rec1.mp4"], "The page would overwrite notes.html, which is not such a page."),
    ],
)
def test_a_page_takes_the_place_of_nothing_but_a_page(
    place: str, videos: list[str], said: str, clip: Path, tmp_path: Path
) -> None:
    write_config(tmp_path, "cameras: {gate: {source: sample}}\nrecognizer: {engine: local}\n")
    for name in ("rec1.mp4", "rec2.mp4"):
        shutil.copy(clip, tmp_path / name)
    (tmp_path / "link.html").symlink_to("rec1.mp4")
    (tmp_path / "notes.html").write_text("<!doctype html><p>mine")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = streamwatch("replay", "--camera", "gate", "--dry-run", "--explain", place, *videos, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"streamwatch: {said} Name another place with --explain.\n"
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_page_of_an_earlier_replay_and_an_empty_file_are_replaced(explained: Explained, tmp_path: Path) -> None:
    (tmp_path / "why.html").write_text(explained.text, encoding="utf-8")
    (tmp_path / "empty.html").touch()
    for name in ("why.html", "empty.html", "absent.html"):
        refuse_place(tmp_path / name, [tmp_path / "absent.mp4"])


def test_a_name_that_is_not_utf8_costs_no_page(tmp_path: Path) -> None:
    with page_place(tmp_path / "why.html") as place:
        assert place is not None
        place.write("<p>\udcb3\udcb5.mp4</p>")
    assert (tmp_path / "why.html").read_text(encoding="utf-8") == "<p>??.mp4</p>"


def test_a_replay_that_fails_leaves_no_empty_page(tmp_path: Path) -> None:
    with FakeOcrCars(appcode=SECRET) as service:
        config_of(tmp_path, service)
        done = streamwatch("replay", "--camera", "gate", "--explain", "why.html", "absent.mp4", cwd=tmp_path)
    assert done.returncode == 1
    assert not (tmp_path / "why.html").exists()


def frame(at: float) -> Frame:
    luma = np.full((90, 160), 100, np.uint8)
    return Frame("gate", BEGIN + timedelta(seconds=at), luma, lambda: np.full((90, 160, 3), 100, np.uint8))


def report(at: float, why: Why, change: float = 0.1, number: int = 1, best: float | None = None) -> FrameReport:
    plate = ((25.0, 35.0), (55.0, 35.0), (55.0, 45.0), (25.0, 45.0))
    obj = FollowedObject(number, Box(20, 20, 40, 30), None, best, why, plate, "waiting")
    followed = () if why in (Why.QUIET, Why.TOO_SMALL) else (obj,)
    return FrameReport(BEGIN + timedelta(seconds=at), change, why, followed)


def used(**more: object) -> ReplaySettings:
    settings: dict[str, object] = {
        "camera": "gate",
        "videos": ("v.mp4",),
        "zone": None,
        "threshold": 22,
        "min_area": 0.015,
        "patience": 0.6,
        "close_after": 1.0,
        "max_calls": 3,
        "min_confidence": 0.85,
        "price": 0.5,
        "answers": Answers.SERVICE,
        "dry": False,
    }
    return ReplaySettings(**{**settings, **more})  # type: ignore[arg-type]


def keyframe(at: float, number: int = 1, passage: str = "p") -> Keyframe:
    taken = BEGIN + timedelta(seconds=at)
    return Keyframe(
        f"k{number}", passage, "gate", taken, JPEG, 320, 240, Box(10, 10, 60, 50), 1.0, 100.0, ViewReason.BEST_VIEW
    )


def a_stay(trace: Trace, plates: tuple[PlateText, ...], engine: Engine = Engine.OCRCARS) -> None:
    """Fill a trace with a vehicle that stands for ten seconds and is sent once, between quiet seconds; 10 fps."""
    passage = Passage("p", "gate", BEGIN + timedelta(seconds=1), BEGIN + timedelta(seconds=12))
    for n in range(130):
        at = n / 10
        why = Why.QUIET if at < 1 or at >= 12 else Why.BETTERING if at < 2 else Why.SENT if n == 20 else Why.KNOWN
        trace.looked(frame(at), report(at, why, 0.0 if why is Why.QUIET else 0.2, best=50 + n if at < 2 else None))
        if n == 20:
            trace.happened(PassageOpened(passage, 1))
            trace.happened(KeyframeTaken(keyframe(1.9)))
            trace.happened(PlatesRead(keyframe(1.9), engine, plates, "c" if engine is Engine.OCRCARS else None))
    trace.happened(PassageClosed(passage))


def finished(
    plates: tuple[PlateText, ...], outcome: PassageOutcome, found: tuple[str, ...] = (), assumed: bool = False
) -> Trace:
    trace = Trace(min_confidence=0.85, pictures=True, frame_of=lambda _: None, assumed=assumed)
    a_stay(trace, plates)
    trace.finish(lambda _: (outcome, found))
    return trace


def test_savings_add_up_and_tell_parked_from_moving() -> None:
    trace = finished((PlateText("京AF0236", 0.99, None),), PassageOutcome.READ, ("京AF0236",))
    savings = savings_of(trace, 0.015)
    assert savings.calls == 1
    assert savings.naive == 11
    by_rule = {rule.rule: (rule.frames, rule.naive) for rule in savings.rules}
    assert sum(frames for frames, _ in by_rule.values()) == 130
    assert by_rule[SENTENCES[Why.BETTERING]] == (10, 1)
    assert by_rule[SENTENCES[Why.SENT]] == (1, 1)
    assert by_rule[STANDS] == (90, 9) or by_rule[STANDS][1] + by_rule.get(SENTENCES[Why.KNOWN], (0, 0))[1] == 9


def test_the_naive_watcher_sends_nothing_for_less_than_min_area() -> None:
    trace = Trace(min_confidence=0.85, pictures=False, frame_of=lambda _: None)
    for n in range(50):
        trace.looked(frame(n / 10), report(n / 10, Why.TOO_SMALL, 0.01))
    assert savings_of(trace, 0.015).naive == 0
    assert savings_of(trace, 0.005).naive == 5


def test_texts_from_outside_are_escaped() -> None:
    trace = finished((PlateText(NASTY, 0.2, None),), PassageOutcome.UNSURE, (NASTY,))
    text = page_of(trace, used(camera=NASTY, videos=(f"{NASTY}.mp4",)))
    parsed(text)
    assert "<script>alert" not in text
    assert text.count("<script>") == 1


@pytest.mark.parametrize(
    ("plates", "outcome", "words"),
    [
        ((PlateText("京AF0236", 0.99, None),), PassageOutcome.READ, "it is settled"),
        (
            (),
            PassageOutcome.UNREAD,
            "from a score of 130 on: 1.3 times that of the one that was sent. None came later.",
        ),
        ((PlateText("京AF0236", 0.3, None),), PassageOutcome.UNSURE, "Nothing sure was read"),
    ],
)
def test_why_no_further_call_was_made(plates: tuple[PlateText, ...], outcome: PassageOutcome, words: str) -> None:
    page = parsed(page_of(finished(plates, outcome), used()))
    assert words in page.texts["p1"]
    assert "99 frames afterwards: 99 × known plate" in page.texts["p1"]


def test_what_was_never_sent_is_shown_with_its_reason() -> None:
    trace = Trace(min_confidence=0.85, pictures=True, frame_of=lambda _: None)
    for n in range(60):
        why = Why.QUIET if not 10 <= n < 40 else Why.BETTERING if n < 20 else Why.NO_PLATE
        trace.looked(frame(n / 10), report(n / 10, why, 0.1, best=70.0 if why is not Why.QUIET else None))
    trace.finish(lambda _: (PassageOutcome.READ, ()))
    page = parsed(page_of(trace, used()))
    told = " ".join(page.texts["unsent"].split())
    assert "the plate detector sees no plate on it" in told
    assert "30 frames: 20 × no plate, 10 × getting better" in told
    assert [p["alt"] for p in page.pictures if "followed and not sent" in p["alt"]]
    assert "No vehicle was sent" in page.texts["vehicles"]


def test_a_passage_without_a_call_shows_its_best_picture_and_the_rule_that_decided() -> None:
    trace = Trace(min_confidence=0.85, pictures=True, frame_of=lambda _: None)
    passage = Passage("p", "gate", BEGIN + timedelta(seconds=1), BEGIN + timedelta(seconds=3))
    for n in range(60):
        why = Why.FAR if 10 <= n < 30 else Why.QUIET
        trace.looked(frame(n / 10), report(n / 10, why, 0.1, best=70.0 if why is Why.FAR else None))
        if n == 40:
            trace.happened(PassageOpened(passage, 1))
            trace.happened(PassageClosed(passage))
    trace.finish(lambda _: (PassageOutcome.UNREAD, ()))
    page = parsed(page_of(trace, used()))
    assert "A plate is followed that is too small to be read. Its 20 frames: 20 × plate too small." in page.texts["p1"]
    assert [picture["alt"] for picture in page.pictures if "what was recorded" in picture["alt"]]
    assert page.classes["quad"] == page.classes["path"] == 1


@pytest.mark.parametrize("seen", [True, False])
def test_a_view_that_was_kept_stands_there_as_not_paid(seen: bool) -> None:
    trace = Trace(min_confidence=0.85, pictures=True, frame_of=lambda _: None)
    passage = Passage("p", "gate", BEGIN + timedelta(seconds=1), BEGIN + timedelta(seconds=3))
    for n in range(60):
        why = Why.NO_PLATE if seen and 10 <= n < 30 else Why.QUIET
        trace.looked(frame(n / 10), report(n / 10, why, 0.1))
        if n == 40:
            trace.happened(PassageOpened(passage, 1))
            trace.happened(KeyframeKept(keyframe(1.9)))
            trace.happened(PassageClosed(passage))
    trace.finish(lambda _: (PassageOutcome.UNREAD, ()))
    page = parsed(page_of(trace, used()))
    assert "kept, not paid" in page.texts["p1"]
    assert "Kept, not paid, at 0:01.9: its view stopped getting better" in page.texts["p1"]
    assert [picture["alt"] for picture in page.pictures if "as it was kept" in picture["alt"]]
    assert trace.sent == []
    assert savings_of(trace, 0.015).calls == 0


def test_what_came_too_shortly_to_be_looked_at_is_only_counted() -> None:
    trace = Trace(min_confidence=0.85, pictures=True, frame_of=lambda _: None)
    for n in range(5):
        trace.looked(frame(n / 10), report(n / 10, Why.TOO_SHORT, 0.1, number=n))
    trace.finish(lambda _: (PassageOutcome.READ, ()))
    page = parsed(page_of(trace, used()))
    assert "5 more came too shortly" in page.texts["unsent"]
    assert page.classes["obj"] == 0


def test_a_passage_that_no_frame_shows_has_a_card_without_curves() -> None:
    trace = Trace(min_confidence=0.85, pictures=True, frame_of=lambda _: frame(0.0))
    passage = Passage("p", "gate", BEGIN, BEGIN + timedelta(seconds=3))
    for n in range(30):
        trace.looked(frame(n / 10), report(n / 10, Why.QUIET, 0.0))
        if n == 14:
            trace.happened(PassageOpened(passage, 7))
            trace.happened(KeyframeTaken(keyframe(1.4)))
    trace.happened(PassageClosed(passage))
    trace.finish(lambda _: (PassageOutcome.PENDING, ()))
    page = parsed(page_of(trace, used()))
    assert page.classes["plot"] == 3, "those of the whole recording"
    assert "no answer yet" in page.texts["k1"]


def test_what_was_never_sent_is_told_by_the_reason_that_decided_most_of_its_frames() -> None:
    obj = ObjectTrace(1, Box(0, 0, 100, 50), (640, 360))
    whys = [Why.TOO_SHORT, *3 * [Why.CUT_OFF], *5 * [Why.BETTERING], Why.FAR]
    obj.samples = [Sample(n / 10, None, why) for n, why in enumerate(whys)]
    assert obj.verdict is Why.CUT_OFF


def test_a_curve_of_one_point_can_be_seen() -> None:
    assert 'd="M' in (dot := curve([(1.0, 5.0)], TimeSpan(0, 2, 10), lambda value: value / 10, "best"))
    assert dot.endswith('h4"/>')


def test_recordings_of_different_days_stand_beside_each_other() -> None:
    trace = Trace(min_confidence=0.85, pictures=True, frame_of=lambda _: None)
    for begin in (0.0, 86400.0):
        for n in range(20):
            trace.looked(frame(begin + n / 10), report(n / 10, Why.QUIET, 0.0))
    trace.finish(lambda _: (PassageOutcome.READ, ()))
    assert trace.length < 6
    assert trace.time.position(BEGIN + timedelta(days=1, seconds=1)) == pytest.approx(trace.time.parts[1][0] + 1)
    assert "between the recordings is left out" in page_of(trace, used())


def test_nothing_at_all_makes_a_page_too() -> None:
    trace = Trace(min_confidence=0.85, pictures=True, frame_of=lambda _: None)
    trace.finish(lambda _: (PassageOutcome.READ, ()))
    page = parsed(page_of(trace, used()))
    assert "There was no frame" in page.texts["timeline"]


def test_a_long_recording_makes_no_long_page() -> None:
    """The page of ten minutes at 25 frames a second stays small, with a call every four seconds and large pictures."""
    trace = Trace(min_confidence=0.85, pictures=False, frame_of=lambda _: None)
    rng = np.random.default_rng(1)
    whys = (Why.BETTERING, Why.KNOWN, Why.TOO_SMALL, Why.QUIET)
    for n in range(15_000):
        at, number = n / 25, n // 100
        seen = report(at, whys[n // 20 % 4], float(rng.random()), number, 100 + float(rng.random()))
        trace.looked(frame(at), seen)
        if n % 100 == 0:
            passage = Passage(f"p{n}", "gate", BEGIN + timedelta(seconds=at), BEGIN + timedelta(seconds=at + 3))
            trace.happened(PassageOpened(passage, number))
            trace.happened(KeyframeTaken(keyframe(at, n, passage.key)))
            trace.happened(PassageClosed(passage))
    for sent in trace.sent:
        sent.part, sent.whole = (Thumbnail(rng.bytes(30_000), 400, 300) for _ in range(2))
    trace.finish(lambda _: (PassageOutcome.UNREAD, ()))
    text = page_of(trace, used())
    page = parsed(text)
    assert len(trace.sent) == 150
    assert len(text) < 5_000_000
    assert ROOM * 0.9 < len(page.pictures) * 30_000 <= ROOM
    assert "Picture left out" in text


def test_curves_keep_their_peaks() -> None:
    points = [(n / 100, 1.0 if n == 5003 else 0.0) for n in range(10_000)]
    few = thin(points, TimeSpan(0, 100))
    assert len(few) <= POINTS
    assert (50.03, 1.0) in few


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.96, "1:00"), (61.26, "1:01"), (3600, "1:00:00"), (3723.4, "1:02:03")]
)
def test_times_are_readable(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_tenths_are_rounded_before_minutes_are_split() -> None:
    assert clock(59.96, tenths=True) == "1:00.0"
    assert clock(7.44, tenths=True) == "0:07.4"


@pytest.mark.parametrize("length", [0.4, 3, 42, 600, 7200, 86400])
def test_an_axis_has_some_round_times_and_not_too_many(length: float) -> None:
    window = TimeSpan(0, length)
    assert 1 <= len(window.ticks()) <= window.marks + 1
    assert all(0 <= at <= length for at in window.ticks())


def test_where_nobody_can_read_every_picture_counts_as_another_plate() -> None:
    stranger = AssumedRecognizer()
    plates = [stranger.read(b"", FakeLedger())[0] for _ in range(300)]
    assert len({plate.text for plate in plates}) == 300
    assert all(settles(JudgedPlate(plate), 0.99) for plate in plates)
    assert all(distance(one.text, other.text) > 1.5 for one, other in pairwise(plates))


def test_a_dry_run_without_the_local_engine_says_what_it_assumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_wiring, "local_is_installed", lambda: False)
    recognizer, answers = replay_wiring.make_replay_reader(Settings(), dry=True)
    assert isinstance(recognizer, AssumedRecognizer)
    assert answers is Answers.ASSUMED
    trace = finished(tuple(recognizer.read(b"", FakeLedger())), PassageOutcome.READ, ("京A48271",), assumed=True)
    text = page_of(trace, used(answers=answers, dry=True))
    assert "assumed: a plate, surely read" in parsed(text).texts["k1"]
    assert "京A48271" not in text
