"""Every text of the pages has a translation in every language, and no translation is left over."""

import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import streamwatch.web
from streamwatch.app.costs import BECAME, READ_LOCALLY
from streamwatch.app.meanings import MEANINGS
from streamwatch.app.permit_file import TEXTS as TEXTS_OF_LISTS
from streamwatch.app.permit_import import TEXTS as TEXTS_OF_IMPORTS
from streamwatch.app.permit_words import FAULTS as PERMIT_FAULTS
from streamwatch.app.permit_words import REMARKS as PERMIT_REMARKS
from streamwatch.app.read_now import REFUSALS
from streamwatch.core.codes import StateReason, ViewReason
from streamwatch.core.sentences import sentence
from streamwatch.health.remarks import ADVICE
from streamwatch.health.remarks import TEXTS as TEXTS_OF_REMARKS
from streamwatch.web.catalogue import load_catalogues

Text: TypeAlias = str | tuple[str, ...]

WEB = Path(streamwatch.web.__file__).parent
LANGUAGES = sorted(folder.name for folder in (WEB / "locales").iterdir() if folder.is_dir())
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "extensions": "jinja2.ext.i18n", "silent": "false"}}
CODES = [
    *(text for code in (*ViewReason, *StateReason) if (text := sentence(code))),
    *(text for meaning in MEANINGS.values() for text in (meaning.short, meaning.long, meaning.advice) if text),
    *TEXTS_OF_REMARKS.values(),
    *ADVICE.values(),
    *BECAME.values(),
    READ_LOCALLY,
    *REFUSALS,
    *PERMIT_FAULTS.values(),
    *PERMIT_REMARKS.values(),
    *TEXTS_OF_LISTS,
    *TEXTS_OF_IMPORTS,
]
"""Texts of rooms that know nothing of catalogues."""


def texts() -> Iterator[Text]:
    """Yield every text of templates and code that is meant to be translated."""
    found = extract_from_dir(str(WEB), METHODS, OPTIONS, KEYWORDS)
    yield from (text if isinstance(text, str) else tuple(text) for _, _, text, _, _ in found)
    yield from CODES


def translations(language: str) -> Iterator[tuple[str, Text, Text, bool]]:
    """Yield file, text, translation, and True if it is fuzzy."""
    for file in sorted((WEB / "locales" / language).glob("*.po")):
        for message in read_po(BytesIO(file.read_bytes()), locale=language, abort_invalid=True):
            if message.id:
                yield file.name, message.id, message.string, message.fuzzy


def placeholders(text: Text) -> Counter[str]:
    return Counter(re.findall(r"%\(\w+\)[sd]|\{\w*(?::\w+)?\}", text if isinstance(text, str) else text[-1]))


TEXTS = set(texts())


def test_texts_are_found() -> None:
    assert "Skip to the content" in TEXTS
    assert len(TEXTS) > 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_has_a_translation(language: str) -> None:
    told = {text for _, text, translated, _ in translations(language) if translated and all(translated)}
    missing = sorted(map(str, TEXTS - told))
    assert not missing, "\n".join(["These texts lack a translation:", *missing])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_left_over(language: str) -> None:
    assert not [f"{file}: {text}" for file, text, _, _ in translations(language) if text not in TEXTS]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_means_the_same_on_all_pages(language: str) -> None:
    """A text may stand in the file of several pages; all of them are one catalogue."""
    meant: dict[Text, set[Text]] = {}
    for _, text, translated, _ in translations(language):
        meant.setdefault(text, set()).add(translated)
    assert not [text for text, different in meant.items() if len(different) > 1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_placeholders_and_are_final(language: str) -> None:
    for file, text, translated, fuzzy in translations(language):
        assert not fuzzy, f"{file}: {text}"
        assert placeholders(text).keys() == placeholders(translated).keys(), f"{file}: {text}"


def test_the_program_knows_each_language() -> None:
    catalogues = load_catalogues()
    assert list(catalogues) == ["en", *LANGUAGES]
    assert catalogues["zh_Hans"].gettext("Skip to the content") == "跳到正文"
    assert catalogues["en"].gettext("Skip to the content") == "Skip to the content"
    assert catalogues["zh_Hans"].name == "中文"
