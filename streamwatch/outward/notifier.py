"""Tells people what happens, by the services that they use: a `Sender` of events, and what the time alone brings."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Protocol

from streamwatch.core.errors import ReceiverAway
from streamwatch.outward.notice_texts import LANGUAGES
from streamwatch.outward.notices import NOTHING, Notice, NoticeMemory, Wishes, due, heard
from streamwatch.store import EventRow

log = logging.getLogger(__name__)

TRIES = 3
"""Tries after which an address that fails is passed over, if another one has taken the message."""
DIGEST_WITHIN = timedelta(hours=2)
"""The time after the hour of the digest in which it may still be sent."""
RETRY = timedelta(minutes=2)


class Post(Protocol):
    """Sends messages to one address."""

    def send(self, title: str, body: str, jpeg: bytes | None = None) -> bool:
        """Send a message; return True if the service has taken it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Yesterday in numbers, by the names of `Language.digest_lines`; what is not known is missing."""

    day: date
    numbers: Mapping[str, int]


@dataclass
class PeopleNotifier:
    """Tells the people of one section of config.yaml. For one thread.

    posts: one for each address. now: the aware local time. picture: returns the JPEG of an event, None if it has none.
    figures: returns yesterday's, None if they cannot be
    read now. digest: the local time at which they are told; None: never.
    """

    name: str
    posts: Sequence[Post]
    wishes: Wishes
    now: Callable[[], datetime] = lambda: datetime.now().astimezone()
    picture: Callable[[EventRow], bytes | None] = lambda event: None
    digest: time | None = None
    figures: Callable[[], Figures | None] = lambda: None
    most: int = field(default=1, init=False)
    _memory: NoticeMemory = field(default=NOTHING, init=False)
    _pending: "dict[str, _Pending]" = field(default_factory=dict, init=False)
    _digested: date | None = field(default=None, init=False)
    _again: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Take a digest whose hour has passed for sent: a restart must not send it again."""
        now = self.now()
        if self.digest is not None and now.time() >= self.digest:
            self._digested = now.date()

    def send(self, events: Sequence[EventRow]) -> str:
        """Tell of events what people want to know. Raise ReceiverAway if no address takes it."""
        for event in events:
            notice, memory = heard(event, self.wishes, self._memory, self.now())
            if notice is not None:
                self._post(notice, event.key)
            self._memory = memory
        return "It was handed over."

    def tick(self) -> None:
        """Tell what the time alone brings: the end of quiet hours and of cool-downs, and the digest."""
        now = self.now()
        if self._again is not None and timedelta() <= self._again - now <= RETRY:
            return
        self._again = None
        try:
            while (found := due(self.wishes, self._memory, now))[0] is not None:
                self._post(found[0], f"due {found[0].title}")
                self._memory = found[1]
            self._memory = found[1]
            self._tell_digest(now)
        except ReceiverAway as error:
            self._again = now + RETRY
            log.warning("%s It is tried again in a while.", error)

    def close(self) -> None:
        """Do nothing: each message has its own limit of time."""

    def _tell_digest(self, now: datetime) -> None:
        if self.digest is None or self._digested == now.date() or now.time() < self.digest:
            return
        begun = now.replace(hour=self.digest.hour, minute=self.digest.minute, second=0, microsecond=0)
        if now - begun <= DIGEST_WITHIN:
            if (figures := self.figures()) is None:
                return
            language = LANGUAGES[self.wishes.language]
            lines = (
                text.format(figures.numbers[key])
                for key, text in language.digest_lines.items()
                if key in figures.numbers
            )
            title = language.digest.format(day=figures.day.isoformat())
            self._post(Notice(None, title, "\n".join(lines)), f"digest {figures.day}")
        self._digested = now.date()

    def _post(self, notice: Notice, key: str) -> None:
        """Send a notice to all addresses that do not have it yet. Raise ReceiverAway if one fails that is tried on."""
        pending = self._pending.setdefault(key, _Pending())
        jpeg = None if notice.event is None else self.picture(notice.event)
        for number, post in enumerate(self.posts):
            if number not in pending.taken and post.send(notice.title, notice.body, jpeg):
                pending.taken.add(number)
        pending.tries += 1
        failed = ", ".join(str(number + 1) for number in range(len(self.posts)) if number not in pending.taken)
        if failed and (not pending.taken or pending.tries < TRIES):
            raise ReceiverAway(
                f"A message could not be sent to address {failed} of outward.notify.{self.name}.",
                "Check the address and the network.",
            )
        if failed:
            log.warning("outward.notify.%s: address %s has not taken a message", self.name, failed)
        del self._pending[key]


@dataclass(slots=True)
class _Pending:
    """A message that not every address has. taken: numbers of those that have it."""

    taken: set[int] = field(default_factory=set)
    tries: int = 0
