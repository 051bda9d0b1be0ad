"""The page of health: how everything is, in sentences, with what to do, and what is unlike the weeks before."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from streamwatch.app.gate_history import GateHistory
from streamwatch.core.codes import CallOutcome, Role
from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.core.text import size
from streamwatch.health import (
    STATUS_FILE,
    BudgetUse,
    CameraFinding,
    CameraHealth,
    Snapshot,
    Status,
    notices,
    read_status,
    troubles,
)
from streamwatch.health.judgement import about
from streamwatch.health.remarks import Remark, Topic
from streamwatch.store import DatabaseReader
from streamwatch.store.lock import is_held
from streamwatch.web.accounts.principal import Principal, principal_of
from streamwatch.web.answers import render, render_part, texts_of
from streamwatch.web.catalogue import N_, Texts
from streamwatch.web.context import console_of
from streamwatch.web.health_words import WINDOWS, PageFormatter
from streamwatch.web.routing import page
from streamwatch.web.sentences import CALL_OUTCOMES, CAMERA_STATES

KEPT_FOR = 300.0
"""Seconds for which findings are kept that this page makes itself."""
FRESH = 5.0
"""Seconds up to which the age of a picture need not be told."""
TITLES = {
    Topic.CALLS: N_("Calls"),
    Topic.STORAGE: N_("Database"),
    Topic.DISK: N_("Disk"),
    Topic.CLOCK: N_("Clock"),
    Topic.PROGRAM: N_("Program"),
    Topic.BARRIER: N_("Barriers"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A remark as a page shows it. tone: bad or warn."""

    text: str
    advice: str
    tone: str


@dataclass(frozen=True, slots=True)
class Gauge:
    """A use of a limit. limit: None for no limit."""

    text: str
    used: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """One thing that is looked after. state, state_tone: words and tone of its badge. href: the page that says more."""

    name: str
    title: str
    state: str
    state_tone: str
    remarks: list[Said]
    facts: list[str]
    gauges: tuple[Gauge, ...] = ()
    href: str = ""


def health(request: Request) -> Response:
    """Show how everything is."""
    return render(request, "health.html", **_view(request))


def state(request: Request) -> Response:
    """Return what changes on the page."""
    return render_part(request, "parts/health_state.html", **_view(request))


def _view(request: Request) -> dict[str, Any]:
    principal, texts, now = principal_of(request), texts_of(request), datetime.now(UTC)
    snapshot, last = _latest(request)
    if snapshot is None:
        return {"snapshot": None, "last": None, "cameras": [], "others": [], "bad": 0, "warn": 0, "age": "", "read": ""}
    shown = _seen(snapshot, principal)
    writer = HealthSections(texts, shown.taken_at if last is None else now)
    cameras = [writer.camera(camera, shown, watched=last is None) for camera in shown.cameras]
    cameras.sort(key=_urgency)
    others = sorted(
        (
            writer.other(topic, shown)
            for topic in TITLES
            if topic is not Topic.BARRIER or shown.barriers or shown.killed
        ),
        key=_urgency,
    )
    remarks = [remark for section in (*cameras, *others) for remark in section.remarks]
    return {
        "snapshot": shown,
        "last": last,
        "cameras": cameras,
        "others": others,
        "bad": sum(remark.tone == "bad" for remark in remarks),
        "warn": sum(remark.tone == "warn" for remark in remarks),
        "age": writer.words.age((now - (shown.taken_at if last is None else last.written_at)).total_seconds()),
        "read": writer.words.age(shown.uptime),
    }


def _urgency(section: Section) -> int:
    """Return 0 for what needs help, 1 for what should be looked at, 2 for the rest."""
    tones = {said.tone for said in section.remarks}
    return 0 if "bad" in tones else 1 if tones else 2


def _latest(request: Request) -> tuple[Snapshot | None, Status | None]:
    """Return the snapshot to show, and the status that it is from if no daemon runs.

    Without a daemon, findings are made here.
    """
    console = console_of(request)
    settings = console.backend.settings
    snapshot = console.backend.snapshot()
    if snapshot is not None:
        return snapshot, None
    try:
        held = is_held(settings.database, settings.data_dir)
        last = read_status(settings.data_dir / STATUS_FILE, held)
    except StorageFailed:
        return None, None
    found = _past_findings(request, console.reader)
    return replace(last.snapshot, findings=found), last


class PastFindings:
    """Findings that are made here and kept for a while; threads may share it."""

    def __init__(self, reader: DatabaseReader) -> None:
        self._history = GateHistory(reader.statistics)
        self._lock = threading.Lock()
        self._found: tuple[CameraFinding, ...] = ()
        self._made: float | None = None

    def get(self, cameras: Iterable[str], now: datetime) -> tuple[CameraFinding, ...]:
        """Return the findings of now or some minutes ago. Raise StoreError."""
        with self._lock:
            if self._made is None or time.monotonic() - self._made > KEPT_FOR:
                names = list(cameras)
                while not self._history.advance(names, now):
                    pass
                self._found, self._made = tuple(self._history.past_findings(now)), time.monotonic()
            return self._found


def _past_findings(request: Request, reader: DatabaseReader) -> tuple[CameraFinding, ...]:
    state = request.app.state
    if not hasattr(state, "past_findings"):
        state.past_findings = PastFindings(reader)
    past: PastFindings = state.past_findings
    try:
        return past.get(console_of(request).backend.settings.cameras, datetime.now(UTC))
    except StoreError:
        return ()


def _seen(snapshot: Snapshot, principal: Principal | None) -> Snapshot:
    """Return the part of a snapshot that this person may see."""

    def sees(camera: str) -> bool:
        return principal is not None and (not camera or principal.sees(camera))

    return replace(
        snapshot,
        cameras=tuple(camera for camera in snapshot.cameras if sees(camera.name)),
        findings=tuple(finding for finding in snapshot.findings if sees(finding.camera)),
        budget=tuple(use for use in snapshot.budget if sees(use.camera)),
        breakers=tuple(breaker for breaker in snapshot.breakers if sees(breaker.camera)),
        # The pages of lanes show those of one camera.
        barriers=() if principal is None or principal.cameras is not None else snapshot.barriers,
        # Threads are named after their camera.
        stalled=tuple(name for name in snapshot.stalled if "camera" not in name or sees(name.removeprefix("camera "))),
    )


class HealthSections:
    """Writes the sections in one language."""

    def __init__(self, texts: Texts, now: datetime) -> None:
        self.words, self._texts = PageFormatter(texts, now), texts

    def camera(self, camera: CameraHealth, snapshot: Snapshot, watched: bool) -> Section:
        """Return the section of a camera. watched: False if no daemon runs now."""
        remarks = self._remarks(snapshot, lambda remark: remark.camera == camera.name, watched)
        word, tone = CAMERA_STATES[camera.state] if watched else (N_("not watched now"), "")
        facts = list(self._camera_facts(camera, snapshot.taken_at)) if watched else []
        href = f"/cameras/{camera.name}"
        return Section(camera.name, camera.name, self._texts.gettext(word), tone, remarks, facts, href=href)

    def other(self, topic: Topic, snapshot: Snapshot) -> Section:
        """Return the section of anything but a camera."""
        remarks = self._remarks(snapshot, lambda remark: remark.topic is topic and not remark.camera, True)
        tone = "bad" if any(said.tone == "bad" for said in remarks) else "warn" if remarks else "good"
        _ = self._texts.gettext
        word = {"bad": _("needs help"), "warn": _("look at it"), "good": _("OK")}[tone]
        facts: dict[Topic, Callable[[Snapshot], Iterator[str]]] = {
            Topic.CALLS: self._calls,
            Topic.STORAGE: self._storage,
            Topic.DISK: self._disk,
            Topic.CLOCK: self._clock,
            Topic.PROGRAM: self._program,
            Topic.BARRIER: self._barriers,
        }
        gauges = tuple(map(self._gauge, snapshot.budget)) if topic is Topic.CALLS else ()
        return Section(topic.value, _(TITLES[topic]), word, tone, remarks, list(facts[topic](snapshot)), gauges)

    def _remarks(self, snapshot: Snapshot, mine: Callable[[Remark], bool], watched: bool) -> list[Said]:
        """Return the troubles and notices of a section. watched: if False, only what the database says."""
        if not watched:
            found = [(about(finding, snapshot.taken_at), "warn") for finding in snapshot.findings]
        else:
            found = [(trouble, "bad") for trouble in troubles(snapshot)]
            found += [(notice, "warn") for notice in notices(snapshot)]
        words = self.words
        return [Said(words.text(remark), words.advice(remark), tone) for remark, tone in found if mine(remark)]

    def _camera_facts(self, camera: CameraHealth, now: datetime) -> Iterator[str]:
        _, words = self._texts.gettext, self.words
        told = {
            "since": words.age((now - camera.since).total_seconds()),
            "fps": words.writers["count"](camera.fps) if camera.fps >= 10 else f"{camera.fps:.1f}",
        }
        if camera.last_frame_age is None:
            yield _("No picture has come yet.")
        elif camera.last_frame_age < FRESH:
            yield _("In this state for %(since)s; %(fps)s pictures a second.") % told
        else:
            told["age"] = words.age(camera.last_frame_age)
            yield _("In this state for %(since)s; the last picture is %(age)s old.") % told
        if camera.passages:
            yield _(
                "%(passages)s passages since the start: %(read)s read, %(unsure)s unsure, "
                "%(unread)s without a plate that could be read."
            ) % {"passages": camera.passages, "unsure": camera.unsure, "unread": camera.unread, "read": camera.read}
        if camera.failed:
            yield _("%(count)s passages could not be read because no engine answered.") % {"count": camera.failed}

    def _calls(self, snapshot: Snapshot) -> Iterator[str]:
        _, words, outbox = self._texts.gettext, self.words, snapshot.outbox
        if outbox.items:
            told = {"pictures": words.pictures(outbox.items), "age": words.age(outbox.oldest_age)}
            yield _("Waiting to be read: %(pictures)s, the oldest for %(age)s.") % told
        else:
            yield _("No picture waits to be read.")
        if outbox.dropped:
            yield _("Given up without being read since the start: %(pictures)s.") % {
                "pictures": words.pictures(outbox.dropped)
            }
        if snapshot.in_flight.calls:
            age = words.age(snapshot.in_flight.oldest_age)
            yield _("Calls under way: %(calls)s, the oldest for %(age)s.") % {
                "calls": snapshot.in_flight.calls,
                "age": age,
            }
        if snapshot.calls:
            outcomes = ((CallOutcome(code), count) for code, count in sorted(snapshot.calls.items()))
            counts = (f"{_(CALL_OUTCOMES[outcome])} {count}" for outcome, count in outcomes)
            yield _("Calls since the start: %(counts)s.") % {"counts": ", ".join(counts)}

    def _storage(self, snapshot: Snapshot) -> Iterator[str]:
        if snapshot.database.ok:
            yield self._texts.gettext("The database can be written.")

    def _disk(self, snapshot: Snapshot) -> Iterator[str]:
        disk, _ = snapshot.disk, self._texts.gettext
        told = {"free": size(disk.free), "floor": size(disk.floor), "evidence": size(disk.evidence)}
        yield _("%(free)s are free, %(floor)s must stay free. Pictures take %(evidence)s.") % told

    def _clock(self, snapshot: Snapshot) -> Iterator[str]:
        if snapshot.clock_trusted:
            yield self._texts.gettext("The clock is right as far as this machine can know.")

    def _program(self, snapshot: Snapshot) -> Iterator[str]:
        _ = self._texts.gettext
        told = {"version": snapshot.version, "age": self.words.age(snapshot.uptime)}
        yield _("streamwatch %(version)s has been running for %(age)s.") % told
        if snapshot.console.address:
            yield _("These pages are at %(address)s.") % {"address": snapshot.console.address}

    def _barriers(self, snapshot: Snapshot) -> Iterator[str]:
        _ = self._texts.gettext
        for barrier in snapshot.barriers:
            if barrier.held_until is not None:
                told = {"barrier": barrier.name, "until": self.words.writers["moment"](barrier.held_until)}
                yield _("%(barrier)s is held open until %(until)s.") % told
            elif not barrier.fault:
                yield _("%(barrier)s has no fault.") % {"barrier": barrier.name}

    def _gauge(self, use: BudgetUse) -> Gauge:
        _ = self._texts.gettext
        told = {"window": _(WINDOWS[use.window]), "camera": use.camera, "used": use.used, "limit": use.limit}
        if use.camera:
            text = _("Budget of %(camera)s for this %(window)s: %(used)s of %(limit)s calls") % told
        else:
            text = _("Budget for this %(window)s: %(used)s of %(limit)s calls") % told
        return Gauge(text, use.used, use.limit)


ROUTES = [page("/health", health, role=Role.VIEWER), page("/health/state", state, role=Role.VIEWER)]
