"""The people of `outward.notify` as receivers of events."""

from collections.abc import Callable
from datetime import datetime, timedelta

from streamwatch.config.notify_settings import NotifySettings
from streamwatch.core.clock import Span, window
from streamwatch.core.codes import EventType, Verdict
from streamwatch.core.errors import StoreError
from streamwatch.outward.apprise_post import ApprisePost
from streamwatch.outward.notices import Wishes
from streamwatch.outward.notifier import Figures, PeopleNotifier
from streamwatch.outward.webhook import PictureOf
from streamwatch.store import DatabaseReader, EventRow

PREFIX = "notify."
"""The beginning of the receivers' names."""
PICTURE_SIZE = 1280
"""Pixels of the longest side of a picture that is attached."""
_TOLD = {EventType.DECISION, EventType.OPENING, EventType.CAMERA, EventType.HEALTH, EventType.TEST}


def concerns_people(event: EventRow) -> bool:
    """Return True if an event may be worth a message."""
    return event.type in _TOLD


def make_notifier(
    name: str, settings: NotifySettings, reader: DatabaseReader, picture_of: PictureOf, has_lanes: bool
) -> PeopleNotifier:
    """Return the sender of one section. Raise ConfigError if Apprise is missing, or does not know an address."""
    posts = posts_of(name, settings)
    quiet = settings.quiet

    def picture(event: EventRow) -> bytes | None:
        found = picture_of(event) if settings.picture else None
        return None if found is None else found.jpeg

    return PeopleNotifier(
        name,
        posts,
        Wishes(
            frozenset(settings.kinds),
            frozenset(settings.cameras),
            settings.language,
            timedelta(seconds=settings.cool_down),
            None if quiet.begin is None or quiet.end is None else (quiet.begin, quiet.end),
            frozenset(settings.urgent),
        ),
        picture=picture,
        digest=settings.digest,
        figures=yesterday(reader, has_lanes),
    )


def posts_of(name: str, settings: NotifySettings) -> list[ApprisePost]:
    """Return what sends to each address. Raise ConfigError if Apprise is missing, or does not know one."""
    place = f"outward.notify.{name}"
    return [ApprisePost(one, f"Address {number} of {place}") for number, one in enumerate(settings.each, 1)]


def try_people(name: str, settings: NotifySettings) -> str:
    """Return what was found of the addresses of one section; nothing is sent. Raise ConfigError."""
    posts_of(name, settings)
    return "Apprise knows the form of each address; nothing was sent"


def yesterday(
    reader: DatabaseReader, has_lanes: bool, now: Callable[[], datetime] = lambda: datetime.now().astimezone()
) -> Callable[[], Figures | None]:
    """Return a function that returns yesterday's figures; None while the database is away."""

    def figures() -> Figures | None:
        today = window(Span.DAY, now())
        before = window(Span.DAY, today.begin - timedelta(hours=1))
        try:
            return Figures(before.begin.astimezone().date(), _numbers(reader, before.begin, today.begin, has_lanes))
        except StoreError:
            return None

    return figures


def _numbers(reader: DatabaseReader, since: datetime, until: datetime, has_lanes: bool) -> dict[str, int]:
    counts = [row.counts for row in reader.statistics.passages_by_hour(since, until)]
    numbers = {
        "vehicles": sum(one.opened for one in counts),
        "read": sum(one.read for one in counts),
        "calls": reader.calls_report(since, until).total.calls,
    }
    if has_lanes:
        verdicts = reader.decisions.verdicts(since, until)
        told = {"allowed": Verdict.ALLOW, "asked": Verdict.ASK, "denied": Verdict.DENY}
        numbers |= {name: verdicts[verdict] for name, verdict in told.items()}
        numbers["inside"] = reader.decisions.number_inside()
    return numbers
