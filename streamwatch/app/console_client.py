"""Asks the console of the daemon that runs on this machine, for verbs that need what only the daemon can do."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from streamwatch.config.settings import Settings, WebSettings
from streamwatch.core.errors import ConfigError, StorageFailed, StreamwatchError
from streamwatch.core.text import printable

LONGEST = 20.0
"""Seconds that an answer may take."""
LARGEST = 1_000_000
"""Bytes of an answer that are read."""
TOKEN = "STREAMWATCH_TOKEN"
"""The environment variable that holds the token by which a verb asks."""
MAKE_TOKEN = f"Make one with `streamwatch user token add`, and put it into {TOKEN}."


class Refused(StreamwatchError):
    """The daemon did not do what was asked, and said why."""


def ask_console(settings: Settings, method: str, path: str, body: object, token: str) -> Any:
    """Return the answer to a request at the console of this machine's daemon.

    path: below /api. token: empty if nobody needs to log in. Raise Refused with the daemon's own sentence, ConfigError
    if there is no console, or StorageFailed if it does not answer.
    """
    web = settings.web
    if not web.enabled:
        raise ConfigError("Only the daemon can do that, and it serves no console.", "Set web.enabled to true.")
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    asked = urllib.request.Request(f"{_address(web)}/api{path}", json.dumps(body).encode(), headers, method=method)
    handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_trusting(web))]
    try:
        with urllib.request.build_opener(*handlers).open(asked, timeout=LONGEST) as answer:
            return json.loads(answer.read(LARGEST))
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error.code, error.read(LARGEST)) from None
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        told = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
        raise StorageFailed(
            f"The daemon does not answer at {_address(web)}: {told}.",
            "Start it with `streamwatch run`, or run this where it runs.",
        ) from None


def _refusal(status: int, answer: bytes) -> Refused:
    try:
        said = str(json.loads(answer)["detail"])
    except (ValueError, KeyError, TypeError):
        said = f"It answered with status {status}."
    return Refused(printable(said)[:500], MAKE_TOKEN if status == 401 else "")


def _address(web: WebSettings) -> str:
    """Return the address at which this machine itself reaches the console."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)
    scheme = "http" if web.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{web.port}"


def _trusting(web: WebSettings) -> ssl.SSLContext:
    """Return a context that believes the console's own certificate alone, whatever name it has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if web.tls_certificate is not None:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_verify_locations(web.tls_certificate)
        except OSError as error:
            raise ConfigError(f"web.tls_certificate cannot be used: {error.strerror or error}.") from None
    return context
