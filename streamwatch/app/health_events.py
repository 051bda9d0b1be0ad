"""What the outside is told of the daemon's health: once when something begins, and once when it is over.

    ──seen twice in a row──▶ told as begun ──absent for a minute──▶ told as over
A remark that comes and goes is told once: its end counts only after a minute without it. A restart goes on with
what was told before.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from streamwatch.core.codes import EventType
from streamwatch.core.errors import StoreError
from streamwatch.core.event_data import CameraData, HealthData
from streamwatch.health import Snapshot, notices, troubles
from streamwatch.health.remarks import Remark, RemarkCode, Topic, in_english
from streamwatch.store import EventRow, Store

log = logging.getLogger(__name__)

LOOKS = 2
"""Looks in a row after which something has begun."""
OVER_AFTER = 60.0
"""Seconds without it after which something is over."""
_CAMERA = (RemarkCode.CAMERA_AWAY, RemarkCode.CAMERA_SENT_NOTHING, RemarkCode.CAMERA_FROZEN, RemarkCode.CAMERA_FAILED)
_SAME = {RemarkCode.CAMERA_SENT_NOTHING: RemarkCode.CAMERA_AWAY, RemarkCode.HELD_BACK_UNTIL: RemarkCode.HELD_BACK}
"""Codes that say the same in other words."""

Key = tuple[str, str, str]
"""Code, camera and what else tells remarks of the same code apart."""
Write = Callable[[Callable[[Store], object]], object]
"""Has the writer do something with the store, and waits for it. It raises StoreError."""


@dataclass
class _Seen:
    """A remark that was seen. looks: in a row. told: True once the outside knows of it. absent: since when it is not
    seen any more, in monotonic seconds; None while it is.
    """

    remark: Remark | None
    text: str
    since: datetime
    looks: int = 0
    told: bool = False
    absent: float | None = None


@dataclass
class HealthEvents:
    """Compares each snapshot with what was told before. For one thread."""

    write: Write
    recent: Callable[[], Iterable[EventRow]]
    monotonic: Callable[[], float]
    _seen: dict[Key, _Seen] | None = field(default=None, init=False)

    def look(self, snapshot: Snapshot) -> None:
        """Tell what has begun or is over. What cannot be written now is told by a later look."""
        try:
            if self._seen is None:
                self._seen = _told_before(self.recent())
            self._look(self._seen, snapshot)
        except StoreError as error:
            log.debug("health is not told now: %s", error)

    def _look(self, seen: dict[Key, _Seen], snapshot: Snapshot) -> None:
        now = self.monotonic()
        present = {_key(remark): remark for remark in (*troubles(snapshot), *notices(snapshot))}
        for key, remark in present.items():
            text = in_english(remark, snapshot.taken_at)
            one = seen.setdefault(key, _Seen(remark, text, snapshot.taken_at))
            one.remark, one.text, one.absent, one.looks = remark, text, None, one.looks + 1
            if one.looks >= LOOKS and not one.told:
                self._tell(snapshot, key, one, active=True)
                one.told = True
        for key in [key for key in seen if key not in present]:
            one = seen[key]
            one.looks = 0
            if one.absent is None:
                one.absent = now
            if not one.told:
                del seen[key]
            elif now - one.absent >= OVER_AFTER:
                self._tell(snapshot, key, one, active=False)
                del seen[key]

    def _tell(self, snapshot: Snapshot, key: Key, one: _Seen, active: bool) -> None:
        code, camera, _ = key
        at = one.since if active else snapshot.taken_at
        if code == "camera":
            status = next((found for found in snapshot.cameras if found.name == camera), None)
            state, since = ("", at) if status is None else (status.state, status.since)
            data = CameraData(camera, not active, state, since, one.text if active else "")
            self.write(lambda store: store.events.add(EventType.CAMERA, camera, data, camera, at))
            return
        remark = one.remark
        told = HealthData(
            code=code,
            topic=remark.topic.value if remark else Topic.PROGRAM.value,
            camera=camera,
            subject=key[2],
            active=active,
            since=one.since,
            text=one.text,
            advice=remark.advice if remark and active else "",
        )
        subject = camera or key[2] or code
        self.write(lambda store: store.events.add(EventType.HEALTH, subject, told, camera or None, at))


def _key(remark: Remark) -> Key:
    code = _SAME.get(remark.code, remark.code) if isinstance(remark.code, RemarkCode) else remark.code
    if code in _CAMERA:
        return "camera", remark.camera, ""
    values: Mapping[str, Any] = remark.values
    camera = remark.camera or str(values.get("camera", ""))
    names = (values.get(name) for name in ("thread", "receiver", "barrier", "window"))
    breaker = getattr(values.get("breaker"), "name", "")
    return code.value, camera, next((str(name) for name in names if name), breaker)


def _told_before(events: Iterable[EventRow]) -> dict[Key, _Seen]:
    """Return what was told as begun and not as over. events: the newest first."""
    last: dict[Key, EventRow] = {}
    for event in events:
        data = event.data
        key = (
            ("camera", str(data.get("camera", "")), "")
            if event.type is EventType.CAMERA
            else (str(data.get("code", "")), str(data.get("camera", "")), str(data.get("subject", "")))
        )
        last.setdefault(key, event)
    return {
        key: _Seen(None, str(event.data.get("text", "")), event.occurred_at, told=True)
        for key, event in last.items()
        if event.data.get("active", event.data.get("online") is False)
    }
