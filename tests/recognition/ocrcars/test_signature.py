"""The gateway's signature against vectors that were computed with the vendors' own demos."""

import base64
import hashlib
import itertools
import uuid
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from streamwatch.core.errors import ConfigError
from streamwatch.recognition.ocrcars.credentials import AppCode, AppKey, Parameters
from streamwatch.recognition.ocrcars.signature import sign, string_to_sign

KEY = "204000001"
SECRET = "streamwatch-test-secret-0001"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
URL = "https://img.example.com/gate/cam-01/2026-02-03T04:05:06Z.jpg?e=1767225600&sig=a+b/c=="
THREE = ("X-Ca-Key", "X-Ca-Nonce", "X-Ca-Timestamp")


def stream(tag: str, length: int) -> bytes:
    blocks = (hashlib.sha256(f"{tag}:{i}".encode()).digest() for i in itertools.count())
    return b"".join(itertools.islice(blocks, length // 32 + 1))[:length]


def sha256(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def headers(nonce: str, timestamp: int, **more: str) -> dict[str, str]:
    own = {"Accept": "application/json", "Content-Type": FORM, "X-Ca-Key": KEY, "X-Ca-Nonce": nonce}
    return own | {"X-Ca-Timestamp": str(timestamp)} | more


V2_VALUE = base64.b64encode(stream("streamwatch-v2", 301)).decode()
V2_HEADERS = headers("0b9d2a6c-7a51-4c1e-8a55-7d1e2f3a4b5c", 1767225601234)
V3_VALUE = base64.b64encode(stream("streamwatch-v3", 60001)).decode()


def test_the_generated_values_are_the_vectors() -> None:
    assert sha256(V2_VALUE) == "b3f8bb17bdcfe515a166f4478c472d9c951a805a576920f4e44f69db586d6271"
    assert sha256(V3_VALUE) == "0d876646d7cc731b1bef09f87e45502d353fc389dd025b34928cd6e22c9c9970"
    assert [V3_VALUE.count(c) for c in "+/="] == [1274, 1215, 2]


@pytest.mark.parametrize(
    ("nonce", "timestamp", "form", "size", "digest", "signature", "body_size", "body_digest"),
    [
        pytest.param(
            "5f0c6a2e-3d0b-4b6a-9f0e-1c2d3e4f5a6b",
            1767225600000,
            ("img_url", URL),
            271,
            "c9f00ec91d63de5fd1d041665e882af3bdc661685a6006690fcbec4630aa9bb2",
            "0fp1ry/RC2wLatUCTDIE1+g2abwIKqSLfj7r1c9gTmM=",
            125,
            None,
            id="V1",
        ),
        pytest.param(
            "0b9d2a6c-7a51-4c1e-8a55-7d1e2f3a4b5c",
            1767225601234,
            ("img_base64", V2_VALUE),
            593,
            "7a6118e9ca2367c3223f90e42ea92a688aaa26baa8817fc645aa3371e59972e2",
            "5CSQ2BXTyKDLYxZHPBlH6Z8IQCl9y2rAnOWMrFimz/E=",
            439,
            "3b461d64a3126c3e30e58ca39bc72c41ce769823989b8699c5f735772f082873",
            id="V2",
        ),
        pytest.param(
            "c3d1f0a2-1111-4222-8333-944455566677",
            1767225602999,
            ("img_base64", V3_VALUE),
            80193,
            "642674e6341188947eeda50f64ca238d37308591ef2e03766f7a279391d6fc38",
            "lxBba2GLga+pakoeFkDND3rtM0uiCvRedWZMy8+zj48=",
            84997,
            "cb64fb842481282726d221196112da1128137084ed7d41b264058291ca1e6450",
            id="V3",
        ),
    ],
)
def test_vectors_of_the_form_post(
    monkeypatch: pytest.MonkeyPatch,
    nonce: str,
    timestamp: int,
    form: tuple[str, str],
    size: int,
    digest: str,
    signature: str,
    body_size: int,
    body_digest: str | None,
) -> None:
    text = string_to_sign("POST", "/ocrCars", headers(nonce, timestamp), THREE, form=[form])
    assert len(text) == size
    assert sha256(text) == digest
    assert sign(SECRET, text) == signature
    body = urlencode([form]).encode()
    assert len(body) == body_size
    assert body_digest in (None, sha256(body))

    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(nonce))
    made = AppKey(SecretStr(KEY), SecretStr(SECRET)).headers(Parameters("/ocrCars", (), [form]), timestamp / 1000)
    assert made == headers(nonce, timestamp) | {
        "X-Ca-Signature-Headers": "X-Ca-Key,X-Ca-Nonce,X-Ca-Timestamp",
        "X-Ca-Signature": signature,
    }


def test_v1_on_the_wire() -> None:
    assert urlencode([("img_url", URL)]) == (
        "img_url=https%3A%2F%2Fimg.example.com%2Fgate%2Fcam-01%2F2026-02-03T04%3A05%3A06Z.jpg"
        "%3Fe%3D1767225600%26sig%3Da%2Bb%2Fc%3D%3D"
    )


def test_v2_mistakes_are_told_apart_from_the_right_signature() -> None:
    def signature(form: list[tuple[str, str]], end: str = "", **changed: str) -> str:
        return sign(SECRET, string_to_sign("POST", "/ocrCars", V2_HEADERS | changed, THREE, form=form) + end)

    right = [("img_base64", V2_VALUE)]
    mistakes = {
        "value percent-encoded": signature([("img_base64", urlencode({"": V2_VALUE})[1:])]),
        "form left out": signature([]),
        "Accept */*": signature(right, Accept="*/*"),
        "Content-Type without charset": signature(right, **{"Content-Type": FORM.partition(";")[0]}),
        "Content-MD5 of the form": signature(right, **{"Content-MD5": "kvuoY8/KlgT3VaEppF093Q=="}),
        "line feed at the end": signature(right, end="\n"),
    }
    assert mistakes == {
        # The page of these vectors prints "21Tx" here: two letters are swapped, as two implementations show.
        "value percent-encoded": "mHQ8Mr8rsLrqWs/3WWYAQP+s82RyabT21xTiTt7JLsc=",
        "form left out": "TsPSpKqGytlN3/cfWEVDafF9mQefJpqRsuZg6rLkMJE=",
        "Accept */*": "Xm8sMgiX+MUT7qJMo03ZP88ZCMCkDSVWvvuBemgDpsM=",
        "Content-Type without charset": "mAwnBFSwlFhDnRUrMUg19QH8+smbAs3ZQO6aQEzL/1o=",
        "Content-MD5 of the form": "MkZb8qZvUiVB5IDQRfC+CEtykpnA0XctN/1wXambQHM=",
        "line feed at the end": "2HVr7/tmxA3jR3h7gHolN5WEaNr1+vR6HvXbdEwZrS4=",
    }


def test_v4_sorting_empty_value_non_ascii_and_query() -> None:
    own = headers(
        "7e57c0de-0000-4000-8000-000000000004",
        1767225603000,
        **{"X-Ca-Stage": "RELEASE", "X-Ca-Signature-Method": "HmacSHA256"},
    )
    signed = [name for name in own if name.startswith("X-Ca-")]
    text = string_to_sign(
        "post",
        "/ocrCars",
        own,
        signed,
        query=[("zeta", "1"), ("trace", "9")],
        form=[("img_url", "https://img.example.com/a b/粤.jpg"), ("img_base64", "")],
    )
    assert text.endswith("/ocrCars?img_base64&img_url=https://img.example.com/a b/粤.jpg&trace=9&zeta=1")
    assert len(text.encode()) == 299
    assert sha256(text) == "1a1ec21b893baed3aaa38a6b1f9fa465310a6e9347f74fb5c647f28e5adaffd5"
    assert sign(SECRET, text) == "S55szf4SwFG7l4Wfl6vRhRkgG7ltRFwzrX3r1wdq+Ec="


@pytest.mark.parametrize(
    ("method", "signature"),
    [("HmacSHA256", "bs21OWNQyebjNHaNzgmuo8JV/kbGaqj+LeauYOREr4A="), ("HmacSHA1", "uSkjotZAFuOfjcOynWdQZn9oTy0=")],
)
def test_v5_lower_case_names_date_and_method(method: str, signature: str) -> None:
    own = {
        "accept": "application/json; charset=utf-8",
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "x-ca-key": KEY,
        "x-ca-nonce": "5f0c6a2e-3d0b-4b6a-9f0e-1c2d3e4f5a6b",
        "x-ca-signature-method": method,
        "x-ca-timestamp": "1767225600000",
    }
    text = string_to_sign("POST", "/ocrCars", own, own, form=[("img_base64", V2_VALUE)])
    if method == "HmacSHA256":
        assert len(text) == 670
        assert sha256(text) == "9b6fa20a391df8245e06e5e49329fdf02dafb3596b4fd95002bc0c27cca670d8"
    assert sign(SECRET, text, method) == signature


def test_an_empty_method_means_sha256() -> None:
    assert sign(SECRET, "text", "") == sign(SECRET, "text", "HmacSHA256")


def test_only_the_first_value_is_signed_and_the_form_goes_before_the_query() -> None:
    text = string_to_sign("POST", "/p", {}, (), query=[("a", "q"), ("b", "1"), ("b", "2")], form=[("a", "f")])
    assert text == "POST\n\n\n\n\n/p?a=f&b=1"
    assert string_to_sign("POST", "/p", {}, ()) == "POST\n\n\n\n\n/p"


def test_headers_with_a_line_of_their_own_are_never_in_the_block() -> None:
    own = {"Accept": "a", "Date": "d", "X-Ca-Key": "k", "X-Ca-Signature": "s", "X-Ca-Signature-Headers": "h", "X-E": ""}
    assert string_to_sign("POST", "/p", own, own) == "POST\na\n\n\nd\nX-Ca-Key:k\nX-E:\n/p"


def test_each_attempt_draws_a_new_nonce() -> None:
    credentials = AppKey(SecretStr(KEY), SecretStr(SECRET))
    made = [credentials.headers(Parameters("/ocrCars", (), [("img_url", URL)]), 1767225600.0) for _ in range(2)]
    assert made[0]["X-Ca-Nonce"] != made[1]["X-Ca-Nonce"]
    assert made[0]["X-Ca-Signature"] != made[1]["X-Ca-Signature"]


def test_blanks_around_credentials_are_ignored() -> None:
    assert AppCode(SecretStr(" abc\n")).headers(Parameters("/", (), ()), 0.0) == {"Authorization": "APPCODE abc"}


@pytest.mark.parametrize("text", ["", "  ", "two words", "tab\tinside", "全角", "nul\0", "new\nline", "a\u00a0b"])
def test_what_is_not_one_word_is_refused_without_being_shown(text: str) -> None:
    for make in (
        lambda: AppCode(SecretStr(text)),
        lambda: AppKey(SecretStr(text), SecretStr("s")),
        lambda: AppKey(SecretStr("k"), SecretStr(text)),
    ):
        with pytest.raises(ConfigError) as caught:
            make()
        assert not text.strip() or text not in str(caught.value)


def test_credentials_never_show_themselves() -> None:
    assert "hush" not in repr(AppCode(SecretStr("hush")))
    assert "hush" not in repr(AppKey(SecretStr("hush-key"), SecretStr("hush-secret")))
