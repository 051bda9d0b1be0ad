"""What the gate sees, as an event for a page: boxes to draw, and sentences in the language of the page."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamwatch.app.live_view import GateView
from streamwatch.app.meanings import MEANINGS
from streamwatch.gate import FollowedObject, Why
from streamwatch.http.server_sent_events import ServerSentEvent
from streamwatch.web.catalogue import N_
from streamwatch.web.plate_size import plate_size
from streamwatch.web.templating import Wording, iso

_TONES = {
    Why.SENT: "info",
    Why.ASKED: "info",
    Why.KNOWN: "good",
    Why.BETTERING: "info",
    Why.TOO_SHORT: "info",
}
"""Colours of objects by the reason; any other is `warn`."""
BEGINS = N_("The gate's next look is awaited.")


@dataclass(frozen=True, slots=True)
class LiveLook:
    """A look of a gate as something that changes. revision: its capture time in milliseconds since 1970."""

    view: GateView

    @property
    def revision(self) -> int:
        """Return the number of this look; later ones have larger numbers."""
        return revision_of(self.view)


def revision_of(view: GateView | None) -> int:
    """Return the number of a look; 0 for none."""
    return 0 if view is None else int(view.captured_at.timestamp() * 1000)


def event_of(look: LiveLook, words: Wording, _: Callable[[str], str]) -> ServerSentEvent:
    """Return a look as an event with JSON. words, _: of the language of the page."""
    return ServerSentEvent(json.dumps(told(look.view, words, _), ensure_ascii=False), "look", str(look.revision))


def told(view: GateView, words: Wording, _: Callable[[str], str]) -> dict[str, Any]:
    """Return a look in the types of JSON. Boxes and corners are in pixels of the frame, whose size is given."""
    report = view.report
    return {
        "at": iso(view.captured_at),
        "clock": words.clock(view.captured_at),
        "size": view.size,
        "sentence": _(BEGINS) if report is None else _(MEANINGS[report.why].long),
        "why": "" if report is None else report.why.value,
        "change": "" if report is None else words.percent(report.change, 1),
        "objects": [] if report is None else [_object(one, _) for one in report.followed],
    }


def _object(one: FollowedObject, _: Callable[[str], str]) -> dict[str, Any]:
    """Return one object that the gate follows."""
    meaning, width = MEANINGS[one.why], None
    if one.plate is not None:
        (ax, ay), (bx, by) = one.plate[:2]
        width = round(math.hypot(bx - ax, by - ay))
    return {
        "number": one.passage,
        "box": [one.box.x, one.box.y, one.box.width, one.box.height],
        "plate": one.plate and [[round(x, 1), round(y, 1)] for x, y in one.plate],
        "width": width,
        "size": "" if width is None else _(plate_size(width).meaning),
        "tone": _TONES.get(one.why, "warn"),
        "label": _(meaning.short),
        "sentence": _(meaning.long),
        "advice": _(meaning.advice) if meaning.advice else "",
    }
