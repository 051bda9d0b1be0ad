"""The API gateway's request signature (AppKey and AppSecret).

    string to sign = METHOD LF Accept LF Content-MD5 LF Content-Type LF Date LF
                     ("Name:value" LF for each signed header, sorted by name)
                     path["?" parameters of query and form together, raw, sorted by name]

Source: Alibaba Cloud API Gateway, "Request signatures". A line whose value is missing stays as an empty line.
"""

import base64
import hmac
from collections.abc import Iterable, Mapping

_ALGORITHMS = {"": "sha256", "HmacSHA256": "sha256", "HmacSHA1": "sha1"}
_OWN_LINE = ("Accept", "Content-MD5", "Content-Type", "Date")
_NEVER_IN_BLOCK = {"x-ca-signature", "x-ca-signature-headers", *(name.lower() for name in _OWN_LINE)}


def string_to_sign(
    method: str,
    path: str,
    headers: Mapping[str, str],
    signed: Iterable[str],
    query: Iterable[tuple[str, str]] = (),
    form: Iterable[tuple[str, str]] = (),
) -> str:
    """Return the text that both sides sign.

    headers: as they go over the wire. signed: names of the headers in the signed block, spelt as in
    `X-Ca-Signature-Headers`. query, form: decoded parameters; `form` is empty for a body that is not form-urlencoded.
    """
    values = {name.lower(): value for name, value in headers.items()}
    lines = [method.upper(), *(values.get(name.lower(), "") for name in _OWN_LINE)]
    block = sorted(name for name in signed if name.lower() not in _NEVER_IN_BLOCK)
    lines += [f"{name}:{values.get(name.lower(), '')}" for name in block]
    return "\n".join([*lines, path + _parameters(query, form)])


def _parameters(query: Iterable[tuple[str, str]], form: Iterable[tuple[str, str]]) -> str:
    """Return the parameters to sign: of each name the first value, and the form's value rather than the query's."""
    first: dict[str, str] = {}
    for name, value in (*form, *query):
        first.setdefault(name, value)
    pairs = [f"{name}={value}" if value else name for name, value in sorted(first.items())]
    return "?" + "&".join(pairs) if pairs else ""


def sign(secret: str, text: str, method: str = "HmacSHA256") -> str:
    """Return the HMAC of the string to sign, in Base64. method: the value of `X-Ca-Signature-Method`."""
    digest = hmac.new(secret.encode(), text.encode(), _ALGORITHMS[method]).digest()
    return base64.b64encode(digest).decode("ascii")
