"""The templates: Jinja2 with automatic escaping, one environment for each language."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from babel import dates, numbers
from jinja2 import Environment, PackageLoader, StrictUndefined

from streamwatch.web.catalogue import Texts
from streamwatch.web.static_files import StaticFiles


class Templates:
    """Renders templates. Filters beside Jinja2's own, all for local time and the language:

    `clock` 14:03:07 · `day` 27 Nov 2026 · `day_word` today, yesterday or the day · `moment` day and clock · `iso` for
    `<time datetime>` · `iso_utc` · `last_moment` · `percent` of a fraction · `number` with the language's separators.
    """

    def __init__(self, languages: Mapping[str, Texts], static: StaticFiles) -> None:
        self._environments = {language: _environment(texts, static) for language, texts in languages.items()}

    def render(self, template: str, language: str, values: Mapping[str, Any]) -> str:
        """Return a template as HTML."""
        return self._environments[language].get_template(template).render(values)


def _environment(texts: Texts, static: StaticFiles) -> Environment:
    environment = Environment(
        loader=PackageLoader("streamwatch.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    install: Any = environment
    install.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)
    environment.globals.update(static=static.url, language=texts.tag)
    words = Wording(texts)
    environment.filters.update(
        clock=words.clock,
        day=words.day,
        moment=words.moment,
        iso=iso,
        iso_utc=iso_utc,
        day_word=words.day_word,
        percent=words.percent,
        number=words.number,
        last_moment=words.last_moment,
    )
    return environment


class Wording:
    """Writes times and numbers in one language; times in the machine's local time."""

    def __init__(self, texts: Texts) -> None:
        self._texts, self._locale = texts, texts.locale

    def clock(self, at: datetime) -> str:
        """Return the time of day, to the second."""
        return f"{at.astimezone():%H:%M:%S}"

    def day(self, at: datetime | date) -> str:
        """Return the day, with the year."""
        return dates.format_date(_local(at), "medium", locale=self._locale)

    def short_day(self, at: date) -> str:
        """Return day and month as numbers, for the labels of charts."""
        return dates.format_skeleton("Md", at, locale=self._locale)

    def age(self, seconds: float) -> str:
        """Return a length of time in its largest unit, such as 3 minutes."""
        return dates.format_timedelta(timedelta(seconds=max(0.0, seconds)), threshold=1, locale=self._locale)

    def day_word(self, at: datetime) -> str:
        """Return the day, with a word for today and yesterday."""
        _ = self._texts.gettext
        word = {0: _("today"), 1: _("yesterday")}.get((datetime.now().date() - _local(at)).days)
        return word or self.day(at)

    def moment(self, at: datetime) -> str:
        """Return day and time of day, with a word for today and yesterday."""
        return f"{self.day_word(at)} {self.clock(at)}"

    def last_moment(self, at: datetime) -> str:
        """Return an end that is excluded as people name it: the last day, or day and time of day."""
        if at.astimezone().time() == time.min:
            return self.day(at - timedelta(microseconds=1))
        return f"{self.day(at)} {at.astimezone():%H:%M}"

    def percent(self, fraction: float | None, digits: int = 0) -> str:
        """Return a fraction as per cent; a dash for None."""
        if fraction is None:
            return "–"
        return numbers.format_percent(fraction, f"#,##0.{'0' * digits}%" if digits else "#,##0%", locale=self._locale)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with the separators of the language."""
        return numbers.format_decimal(round(value, digits), locale=self._locale)


def iso(at: datetime) -> str:
    """Return a time as ISO 8601 with the local offset, to the millisecond."""
    return at.astimezone().isoformat(timespec="milliseconds")


def iso_utc(at: datetime) -> str:
    """Return a time as ISO 8601 in UTC with microseconds: such texts are in the order of time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _local(at: datetime | date) -> date:
    return at.astimezone().date() if isinstance(at, datetime) else at
