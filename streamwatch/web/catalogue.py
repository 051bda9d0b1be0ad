"""The texts of the pages in each language, read from `locales/LANG/*.po`.

English is the source language: its texts stand in templates and in the code. A text that is only translated later, such
as one of a table, is marked with `N_`.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.messages.pofile import read_po
from starlette.requests import HTTPConnection

SOURCE = "en"
COOKIE = "language"
_RANGES = {"en": SOURCE, "zh": "zh_Hans"}
"""The language for the first part of a language range; whoever reads traditional characters reads simplified, too."""
_LONGEST_HEADER = 1000


class Texts:
    """The texts of one language. Templates and pages get one through `texts_of`."""

    def __init__(self, language: str, translated: Mapping[str | tuple[str, str], str | tuple[str, ...]]) -> None:
        """translated: by source text, or by singular and plural."""
        self.language = language
        self.locale = Locale.parse(language)
        self._translated = translated

    @property
    def tag(self) -> str:
        """Return the language tag for HTML, such as `zh-Hans`."""
        return self.language.replace("_", "-")

    @property
    def name(self) -> str:
        """Return the language's own name, without its script."""
        return (Locale(self.locale.language).get_display_name() or self.language).capitalize()

    def gettext(self, text: str) -> str:
        """Return a text in this language; the text itself if it has no translation."""
        found = self._translated.get(text)
        return found if isinstance(found, str) else text

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """Return the text for a number of things."""
        found = self._translated.get((singular, plural))
        if isinstance(found, tuple):
            return found[min(len(found) - 1, 0 if count == 1 else 1)]
        return singular if count == 1 else plural


def N_(text: str) -> str:
    """Mark a text for the catalogue, and return it as it is."""
    return text


def load_catalogues() -> dict[str, Texts]:
    """Return the texts of all languages by language, the source language first. Raise ValueError for a broken file."""
    languages = {SOURCE: Texts(SOURCE, {})}
    for folder in sorted(files("streamwatch.web").joinpath("locales").iterdir(), key=lambda entry: entry.name):
        if folder.is_dir():
            texts = dict(_translations(folder.name))
            languages[folder.name] = Texts(folder.name, texts)
    return languages


def _translations(language: str) -> Iterator[tuple[str | tuple[str, str], str | tuple[str, ...]]]:
    folder = files("streamwatch.web").joinpath("locales", language)
    for file in sorted((file for file in folder.iterdir() if file.name.endswith(".po")), key=lambda file: file.name):
        for message in read_po(BytesIO(file.read_bytes()), locale=language, abort_invalid=True):
            text, translated = message.id, message.string
            if isinstance(text, str) and isinstance(translated, str):
                if text and translated:
                    yield text, translated
            elif text and translated:
                yield (text[0], text[1]), tuple(translated)


def language_of(request: HTTPConnection, known: Mapping[str, Texts]) -> str:
    """Return the language for a request: the one that was chosen, else the browser's first that is known."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in known:
        return chosen
    wanted = _ranges(request.headers.get("accept-language", "")[:_LONGEST_HEADER])
    return next((found for part in wanted if (found := _RANGES.get(part, "")) in known), SOURCE)


def _ranges(header: str) -> list[str]:
    """Return the first parts of the language ranges of Accept-Language, the most wanted first (RFC 9110, 12.5.4)."""
    weighed: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            quality = 0.0
        weighed.append((quality, tag.strip().lower().partition("-")[0]))
    return [tag for quality, tag in sorted(weighed, key=lambda found: -found[0]) if quality > 0]
