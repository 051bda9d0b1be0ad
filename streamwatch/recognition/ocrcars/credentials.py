"""The two kinds of credentials of the service: an AppCode, or an AppKey with its AppSecret."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from streamwatch.core.errors import ConfigError
from streamwatch.core.redact import SecretText, hide_secret
from streamwatch.recognition.ocrcars.signature import sign, string_to_sign

ACCEPT = "application/json"
CONTENT_TYPE = "application/x-www-form-urlencoded; charset=UTF-8"
_SIGNED = ("X-Ca-Key", "X-Ca-Nonce", "X-Ca-Timestamp")
_ONE_WORD = re.compile(r"\s*[!-~]+\s*")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The part of a request that is signed beside the headers: path, query and form. Values are decoded."""

    path: str
    query: Sequence[tuple[str, str]]
    form: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AppCode:
    """One word that is sent with each call. Blanks around it are ignored. Raise ConfigError if it is not one word."""

    code: SecretText

    signs = False

    def __post_init__(self) -> None:
        _refuse_unless_one_word(self.code, "AppCode", "STREAMWATCH_APPCODE")

    def headers(self, parameters: Parameters, now: float) -> dict[str, str]:
        """Return the header that holds the AppCode; parameters and time are not needed."""
        return {"Authorization": f"APPCODE {_word(self.code)}"}

    def hide(self, text: str) -> str:
        """Return the text without the AppCode."""
        return hide_secret(text, _word(self.code))


@dataclass(frozen=True, slots=True)
class AppKey:
    """Key and secret. The secret signs and is never sent. Raise ConfigError if one of them is not one word."""

    key: SecretText
    secret: SecretText

    signs = True

    def __post_init__(self) -> None:
        _refuse_unless_one_word(self.key, "AppKey", "STREAMWATCH_APP_KEY")
        _refuse_unless_one_word(self.secret, "AppSecret", "STREAMWATCH_APP_SECRET")

    def headers(self, parameters: Parameters, now: float) -> dict[str, str]:
        """Return the signed headers of one attempt, with a new nonce. now: seconds since 1970."""
        own = {
            "Accept": ACCEPT,
            "Content-Type": CONTENT_TYPE,
            "X-Ca-Key": _word(self.key),
            "X-Ca-Nonce": str(uuid.uuid4()),
            "X-Ca-Timestamp": str(round(now * 1000)),
        }
        text = string_to_sign("POST", parameters.path, own, _SIGNED, parameters.query, parameters.form)
        own["X-Ca-Signature-Headers"] = ",".join(_SIGNED)
        own["X-Ca-Signature"] = sign(_word(self.secret), text)
        return own

    def hide(self, text: str) -> str:
        """Return the text without key and secret."""
        return hide_secret(hide_secret(text, _word(self.secret)), _word(self.key))


Credentials = AppCode | AppKey


def _word(secret: SecretText) -> str:
    return secret.get_secret_value().strip()


def _refuse_unless_one_word(secret: SecretText, name: str, variable: str) -> None:
    if not _ONE_WORD.fullmatch(secret.get_secret_value()):
        raise ConfigError(
            f"The {name} is empty, or holds a blank or a character that no {name} has.",
            f"Copy it again from the Market console into {variable}.",
        )
