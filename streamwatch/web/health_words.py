"""Writes the remarks of `health/remarks.py` in the language of a page."""

from datetime import date, datetime, timedelta
from typing import Any

from babel import dates, units

from streamwatch.core.codes import CallOutcome
from streamwatch.core.text import PARTS_OF_DAY, size
from streamwatch.health import BreakerHealth
from streamwatch.health.remarks import EnglishFormatter, Remark
from streamwatch.web.catalogue import N_, SOURCE, Texts
from streamwatch.web.sentences import CALL_OUTCOMES
from streamwatch.web.templating import Wording

WINDOWS = {"hour": N_("calendar hour"), "day": N_("calendar day"), "month": N_("calendar month")}
PARTS = {"night": N_("night"), "morning": N_("morning"), "afternoon": N_("afternoon"), "evening": N_("evening")}
RUNAWAY = N_("many calls in a row without a plate")
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


class PageFormatter(EnglishFormatter):
    """Fills the fields of a text in one language. English days are called as the command line calls them."""

    def __init__(self, texts: Texts, now: datetime) -> None:
        super().__init__(now)
        self._texts, self._now, self._words = texts, now, Wording(texts)
        self.writers |= {
            "moment": self._words.moment,
            "age": self.age,
            "count": self._words.number,
            "percent": self._words.percent,
            "pictures": self.pictures,
            "breaker": self.breaker,
            "window": self.window,
        }
        if texts.language != SOURCE:
            self.writers |= {"day": self.day, "part_of_day": self.part_of_day}

    def text(self, remark: Remark) -> str:
        """Return a remark as a sentence."""
        return self.vformat(self._texts.gettext(remark.text), (), remark.values)

    def advice(self, remark: Remark) -> str:
        """Return what to do about it."""
        return self._texts.gettext(remark.advice)

    def age(self, seconds: float) -> str:
        """Return a duration by its largest unit and the next."""
        whole = max(0, round(seconds))
        at = next((n for n, (_, length) in enumerate(_UNITS) if whole >= length * (2 if n == 0 else 1)), 3)
        parts: list[str] = []
        for name, length in _UNITS[at : at + 2]:
            number, whole = divmod(whole, length)
            if number or not parts:
                parts.append(units.format_unit(number, f"duration-{name}", "short", locale=self._texts.locale))
        return " ".join(parts)

    def size(self, count: int) -> str:
        """Return bytes."""
        return size(count)

    def pictures(self, count: int) -> str:
        """Return a number of pictures."""
        return self._texts.ngettext("%(count)s picture", "%(count)s pictures", count) % {"count": count}

    def breaker(self, breaker: BreakerHealth) -> str:
        """Return why calls are held back, and for which camera."""
        try:
            reason = CALL_OUTCOMES[CallOutcome(breaker.name)]
        except ValueError:
            reason = RUNAWAY
        return f"{self._texts.gettext(reason)} {breaker.camera}".rstrip()

    def window(self, name: str) -> str:
        """Return the name of a budget's window."""
        return self._texts.gettext(WINDOWS[name])

    def day(self, at: datetime) -> str:
        """Return a day: a word, a weekday within a week, else the date."""
        local, today = at.astimezone().date(), self._now.astimezone().date()
        ago = (today - local).days
        if 0 <= ago < 2:
            return self._words.day_word(at)
        return self._date(local, "EEEE" if 0 <= ago < 7 else "MMMd" if local.year == today.year else "yMMMd")

    def part_of_day(self, at: datetime) -> str:
        """Return day and part of the day; the hours after midnight belong to the night of the day before."""
        local = at.astimezone()
        part = next(part for part, end in PARTS_OF_DAY if local.hour < end)
        day = self.day(at - timedelta(hours=6) if local.hour < 6 else at)
        return f"{day}{self._texts.gettext(PARTS[part])}"

    def _date(self, day: date, skeleton: str) -> str:
        if skeleton == "EEEE":
            return dates.format_date(day, skeleton, locale=self._texts.locale)
        written: Any = dates.format_skeleton(skeleton, day, locale=self._texts.locale)
        return str(written)
