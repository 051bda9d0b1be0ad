"""Which events a person is told of, and when: kinds, quiet hours, cool-down. Pure: times come in, notices go out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from streamwatch.core.codes import DecisionReason, EventType, NoticeKind, OpeningState, Verdict
from streamwatch.core.text import printable
from streamwatch.outward.notice_texts import LANGUAGES, Language
from streamwatch.store import EventRow

WAITS_FOR = timedelta(minutes=3)
"""The age after which "a vehicle waits" is no news: it has gone, or somebody has come."""
MOST_LINES = 10
"""Lines of the message after the quiet hours; the others are counted."""
MOST_HELD_BACK = 1000
"""Messages that the quiet hours hold back at most; older ones are forgotten."""
_LONGEST = 300  # characters of a text from outside
_SEEN_OTHERWISE = ("camera_frozen", "camera_failed", "camera_away", "camera_sent_nothing")
"""Troubles of cameras, which come as events of the cameras, too."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. about: what repeats. event: the one whose picture belongs to it; None if none does."""

    kind: NoticeKind | None
    title: str
    body: str
    about: str = ""
    event: EventRow | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person wants to be told.

    cameras: only of these; empty: of all. cool_down: within it, the same is told once. quiet: begin and end by local
    time; None: never. urgent: kinds that are told then, too.
    """

    kinds: frozenset[NoticeKind]
    cameras: frozenset[str] = frozenset()
    language: str = "en"
    cool_down: timedelta = timedelta(minutes=5)
    quiet: tuple[time, time] | None = None
    urgent: frozenset[NoticeKind] = frozenset()

    def is_quiet(self, local: datetime) -> bool:
        """Return True within the quiet hours. local: local time."""
        if self.quiet is None:
            return False
        (begin, end), clock = self.quiet, local.time()
        return begin <= clock < end if begin < end else clock >= begin or clock < end


@dataclass(frozen=True, slots=True)
class LastTold:
    """When something was told last, and what has become of it since; None: nothing. times: how often since."""

    at: datetime
    latest: Notice | None = None
    times: int = 0


@dataclass(frozen=True, slots=True)
class NoticeMemory:
    """What was told lately, by what it is about, and the titles that the quiet hours hold back."""

    told: Mapping[str, LastTold]
    held_back: tuple[str, ...] = ()


NOTHING = NoticeMemory({})


def heard(event: EventRow, wishes: Wishes, memory: NoticeMemory, now: datetime) -> tuple[Notice | None, NoticeMemory]:
    """Return what to tell at once of an event, if anything, and what to remember if that succeeds.

    now: aware local time.
    """
    notice = notice_of(event, wishes, now)
    if notice is None or notice.kind is None:
        return notice, memory
    if notice.kind not in wishes.kinds or (wishes.cameras and event.camera and event.camera not in wishes.cameras):
        return None, memory
    if notice.kind not in wishes.urgent and wishes.is_quiet(now):
        return None, replace(memory, held_back=(*memory.held_back, notice.title)[-MOST_HELD_BACK:])
    before = memory.told.get(notice.about)
    if before is not None and timedelta() <= now - before.at < wishes.cool_down:
        return None, _with(memory, notice.about, replace(before, latest=notice, times=before.times + 1))
    return notice, _with(memory, notice.about, LastTold(now))


def due(wishes: Wishes, memory: NoticeMemory, now: datetime) -> tuple[Notice | None, NoticeMemory]:
    """Return what time alone makes worth telling, if anything, and what to remember if that succeeds.

    That is the summary after the quiet hours, and what something has become by the end of its cool-down.
    """
    if wishes.is_quiet(now):
        return None, memory
    language = LANGUAGES[wishes.language]
    if memory.held_back:
        return _summary(memory.held_back, language), replace(memory, held_back=())
    for about, told in memory.told.items():
        if now - told.at >= wishes.cool_down or now < told.at:
            rest = replace(memory, told={key: one for key, one in memory.told.items() if key != about})
            if told.latest is None or told.latest.kind is NoticeKind.WAITING:
                memory = rest
                continue
            again = language.again.format(count=told.times, time=f"{told.at:%H:%M}")
            latest = replace(told.latest, body=f"{told.latest.body}\n{again}" if told.times > 1 else told.latest.body)
            return latest, _with(rest, about, LastTold(now))
    return None, memory


def notice_of(event: EventRow, wishes: Wishes, now: datetime) -> Notice | None:
    """Return what an event would tell a person; None if nothing."""
    language, data = LANGUAGES[wishes.language], {key: _short(value) for key, value in event.data.items()}
    at = language.seen.format(time=f"{event.occurred_at.astimezone(now.tzinfo):%Y-%m-%d %H:%M:%S}")
    match event.type:
        case EventType.DECISION:
            return _of_decision(event, data, language, at, now)
        case EventType.OPENING:
            return _of_opening(data, language, at)
        case EventType.CAMERA:
            what = "back" if event.data.get("online") is True else "lost"
            return Notice(
                NoticeKind.CAMERA,
                language.title(what, data),
                _lines(data["error"] if what == "lost" else "", at),
                f"camera {data['camera']}",
            )
        case EventType.HEALTH:
            return _of_health(data, language, at, event.data.get("active") is not False)
        case EventType.TEST:
            return Notice(None, language.title("test", data), _lines(data["text"], at))
    return None


def _of_decision(event: EventRow, data: Mapping[str, Any], language: Language, at: str, now: datetime) -> Notice | None:
    if data.get("answer"):
        return None
    reason, verdict = data["reason"], data["verdict"]
    about = f"{data['plate']} {data['lane']}"
    body = _lines(language.reason(reason) if verdict == Verdict.ASK else "", data["holder"], at)
    if verdict == Verdict.DENY and reason in (DecisionReason.BLOCKED, DecisionReason.HELD):
        return Notice(NoticeKind.BLOCKED, language.title(reason, data), body, f"blocked {about}", event)
    if verdict == Verdict.ASK and now - event.occurred_at < WAITS_FOR:
        return Notice(NoticeKind.WAITING, language.title("waiting", data), body, f"waiting {about}", event)
    return None


def _of_opening(data: Mapping[str, Any], language: Language, at: str) -> Notice | None:
    if data["state"] not in (OpeningState.FAILED, OpeningState.UNKNOWN):
        return None
    return Notice(
        NoticeKind.BARRIER,
        language.title("opening", data),
        _lines(data["detail"], data["plate"], at),
        f"opening {data['barrier']}",
    )


def _of_health(data: Mapping[str, Any], language: Language, at: str, active: bool) -> Notice | None:
    code, camera, subject = data["code"], data["camera"], data.get("subject", "")
    if code in _SEEN_OTHERWISE:
        return None
    known = language.health.get(code)
    text = data["text"] if known is None else known.format(camera=camera, subject=subject)
    title = language.title("begun" if active else "over", {"text": text})
    more = data["text"] if text != data["text"] else ""
    body = _lines(more, data["advice"] if active else "", at)
    return Notice(_kind_of(code, data["topic"]), title, body, f"health {code} {camera} {subject}")


def _kind_of(code: str, topic: str) -> NoticeKind:
    if "budget" in code:
        return NoticeKind.BUDGET
    if topic in ("disk", "barrier", "camera"):
        return NoticeKind(topic)
    return NoticeKind.OTHER


def _summary(titles: Sequence[str], language: Language) -> Notice:
    counts: dict[str, int] = {}
    for title in titles:
        counts[title] = counts.get(title, 0) + 1
    lines = [title if count == 1 else f"{title} ({count}×)" for title, count in list(counts.items())[:MOST_LINES]]
    if len(counts) > MOST_LINES:
        lines.append(language.more.format(count=len(counts) - MOST_LINES))
    return Notice(None, language.held_back.format(count=len(titles)), "\n".join(lines))


def _with(memory: NoticeMemory, about: str, told: LastTold) -> NoticeMemory:
    return replace(memory, told={**memory.told, about: told})


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text)


def _short(value: object) -> str:
    """Return a value from outside as a text that can stand in a message."""
    return printable(str("" if value is None else value))[:_LONGEST]
