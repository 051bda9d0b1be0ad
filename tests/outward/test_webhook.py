"""Webhooks over real sockets: what is sent, how it is signed, and what each fault of a receiver means."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from receivers import (
    HEADER,
    SECRET,
    Answer,
    Handler,
    Receiver,
    breaks_off,
    certificate,
    drips,
    floods,
    hangs,
    no_http,
)

from streamwatch.core.codes import EventType
from streamwatch.core.errors import ConfigError, DeliveryError, EventsRefused, ReceiverAway, ReceiverUnusable
from streamwatch.core.event_data import TrialData, as_data
from streamwatch.core.signing import secret_bytes
from streamwatch.outward.http_post import HttpPost
from streamwatch.outward.webhook import EventPicture, Webhook
from streamwatch.store import EventRow

AT = datetime(2026, 11, 28, 12, 0, 0, 250000, tzinfo=UTC)
KEY = secret_bytes(SECRET)


def event(number: int = 7, subject: str = "京A12345") -> EventRow:
    data = as_data(TrialData("门", "eva"))
    return EventRow(number, uuid4().hex, EventType.TEST, subject, "gate", AT, AT, data)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def hook(receiver: Receiver, timeout: float = 20, most: int = 1, **more: object) -> "closing[Webhook]":
    post = HttpPost(receiver.url, timeout, allow_private=True, secrets=[HEADER])
    return closing(Webhook(post, "urn:test", [KEY], {"x-own": HEADER}, most=most, **more))  # type: ignore[arg-type]


def test_the_body_is_a_cloud_event_that_anybody_can_check(receiver: Receiver) -> None:
    sent = event()
    with hook(receiver) as webhook:
        said = webhook.send([sent])
    (got,) = receiver.got
    assert got.is_signed(SECRET)
    assert not got.is_signed("whsec_" + "A" * 44)
    assert got.headers["webhook-id"] == sent.key
    assert got.headers["x-own"] == HEADER
    assert got.headers["content-type"].startswith("application/cloudevents+json")
    assert got.told == {
        "specversion": "1.0",
        "id": sent.key,
        "source": "urn:test",
        "type": "streamwatch.test.v1",
        "time": "2026-11-28T12:00:00.250000Z",
        "subject": "京A12345",
        "sequence": "00000000000000000007",
        "datacontenttype": "application/json",
        "data": {"text": "门", "who": "eva"},
    }
    assert said == f"{receiver.place} has taken it (200)."


def test_the_standard_library_of_the_signature_agrees() -> None:
    """The example of the specification of Standard Webhooks."""
    from streamwatch.core.signing import signature

    secret = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signature([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_both_secrets_sign_while_one_is_being_changed(receiver: Receiver) -> None:
    new = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
    with closing(Webhook(HttpPost(receiver.url, 20, True), "urn:test", [secret_bytes(new), KEY])) as webhook:
        webhook.send([event()])
    assert receiver.got[0].is_signed(SECRET)
    assert receiver.got[0].is_signed(new)


def test_a_batch_is_one_request_whose_id_is_that_of_its_events(receiver: Receiver) -> None:
    events = [event(number) for number in range(3)]
    with hook(receiver, most=10) as webhook:
        webhook.send(events)
        webhook.send(events)
        webhook.send(events[:2])
    first, again, other = receiver.got
    assert [one["id"] for one in first.told] == [one.key for one in events]
    assert first.headers["content-type"].startswith("application/cloudevents-batch+json")
    assert first.headers["webhook-id"] == again.headers["webhook-id"] != other.headers["webhook-id"]
    assert first.is_signed(SECRET)


def test_a_picture_is_sent_with_the_event_unless_it_is_too_large(receiver: Receiver) -> None:
    pictures = iter([EventPicture(b"\xff\xd8jpeg"), EventPicture(b"x" * 3_000_001), None])
    with hook(receiver, picture_of=lambda _: next(pictures)) as webhook:
        for _ in range(3):
            webhook.send([event()])
    told = [got.told["data"].get("picture") for got in receiver.got]
    assert told == [{"media_type": "image/jpeg", "base64": "/9hqcGVn"}, None, None]


def test_the_connection_is_kept(receiver: Receiver) -> None:
    with hook(receiver) as webhook:
        for _ in range(20):
            webhook.send([event()])
    assert receiver.connections == 1


def redirects(handler: Handler) -> None:
    handler.say(307, location=handler.receiver.url)


def echoes(handler: Handler) -> None:
    """Answer with all that came, as a server may do that debugs."""
    handler.say(500, (handler.path + handler.headers["x-own"] + "\x1b[2J http://a:b@c/ \n" + "x" * 5000).encode())


def busy(handler: Handler) -> None:
    handler.say(429, retry_after="120")


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (500, ReceiverAway, "answers 500"),
        (503, ReceiverAway, "answers 503"),
        (429, ReceiverAway, "answers 429"),
        (408, ReceiverAway, "answers 408"),
        (breaks_off, ReceiverAway, "closed the connection"),
        (no_http, ReceiverAway, "does not speak HTTP"),
        (redirects, ReceiverUnusable, "redirects to another address (307)"),
        (401, ReceiverUnusable, "Check its secret"),
        (403, ReceiverUnusable, "Check its secret"),
        (404, ReceiverUnusable, "Check the path"),
        (410, ReceiverUnusable, "wants no more events"),
        (400, EventsRefused, "answers 400"),
        (413, EventsRefused, "answers 413"),
        (422, EventsRefused, "answers 422"),
    ],
)
def test_what_a_receiver_answers_has_its_meaning(
    receiver: Receiver, answer: Answer, error: type[DeliveryError], words: str
) -> None:
    receiver.then(answer)
    with hook(receiver) as webhook:
        with pytest.raises(error) as caught:
            webhook.send([event()])
        assert words in str(caught.value)
        assert "invented" not in str(caught.value)
        webhook.send([event()])  # the next one is taken
    assert len(receiver.got) == 2  # nobody followed the redirection


@pytest.mark.parametrize("answer", [hangs, drips])
def test_a_receiver_that_does_not_come_to_an_end_has_a_deadline(receiver: Receiver, answer: Answer) -> None:
    receiver.then(answer)
    with hook(receiver, timeout=0.5) as webhook, pytest.raises(ReceiverAway, match=r"has not answered within 0\.5 s"):
        webhook.send([event()])


def test_an_endless_answer_is_cut_off(receiver: Receiver) -> None:
    receiver.then(floods)
    with hook(receiver) as webhook:
        assert len(webhook.send([event()])) < 300


def test_what_a_receiver_says_is_shown_without_what_was_secret(receiver: Receiver) -> None:
    receiver.then(echoes)
    with hook(receiver) as webhook, pytest.raises(ReceiverAway) as caught:
        webhook.send([event()])
    said = str(caught.value)
    assert "invented" not in said
    assert "\x1b" not in said
    assert "a:b" not in said
    assert len(said) < 300


def test_a_receiver_that_is_busy_says_for_how_long(receiver: Receiver) -> None:
    receiver.then(busy)
    with hook(receiver) as webhook, pytest.raises(ReceiverAway) as caught:
        webhook.send([event()])
    assert caught.value.after == 120


def test_a_receiver_that_is_not_there_is_said_to_be_so() -> None:
    with Receiver() as gone:
        url = gone.url
    with (
        closing(Webhook(HttpPost(url, 20, True), "urn:test")) as webhook,
        pytest.raises(ReceiverAway, match="refuses the connection"),
    ):
        webhook.send([event()])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "[::ffff:10.0.0.1]"]
)
def test_no_event_goes_into_a_private_network_unless_that_is_allowed(receiver: Receiver, host: str) -> None:
    url = receiver.url.replace("127.0.0.1", host)
    with (
        closing(Webhook(HttpPost(url, 20), "urn:test")) as webhook,
        pytest.raises(ReceiverUnusable, match="not a host of the open internet"),
    ):
        webhook.send([event()])
    assert receiver.connections == 0


def test_a_name_that_changes_its_address_leads_nowhere_else(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was looked at is the one that is connected to: a name is looked up once."""
    asked: list[object] = []
    looked_up = [[(2, 1, 6, "", ("127.0.0.1", int(receiver.place.split(":")[1])))]]

    def look_up(*arguments: object, **_: object) -> object:
        asked.append(arguments)
        return looked_up[0]

    monkeypatch.setattr("streamwatch.system.connections.socket.getaddrinfo", look_up)
    url = receiver.url.replace("127.0.0.1", "rebinding.example")
    with (
        closing(Webhook(HttpPost(url, 20), "urn:test")) as webhook,
        pytest.raises(ReceiverUnusable, match="not a host of the open internet"),
    ):
        webhook.send([event()])
    assert (len(asked), receiver.connections) == (1, 0)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")
def test_a_certificate_is_checked_and_its_issuer_can_be_named(tmp_path: Path) -> None:
    file, tls = certificate(tmp_path)
    with Receiver(tls=tls) as receiver:
        with (
            closing(Webhook(HttpPost(receiver.url, 20, True), "urn:test")) as webhook,
            pytest.raises(ReceiverUnusable, match="is not trusted"),
        ):
            webhook.send([event()])
        with closing(Webhook(HttpPost(receiver.url, 20, True, file), "urn:test", [KEY])) as webhook:
            webhook.send([event()])
        (got,) = receiver.got
    assert got.is_signed(SECRET)


def test_a_receiver_can_be_reached_without_sending_anything(receiver: Receiver) -> None:
    with closing(HttpPost(receiver.url, 20, True)) as post:
        assert post.reach() == f"{receiver.place} can be reached; nothing was sent"
    with closing(HttpPost(receiver.url, 20)) as post, pytest.raises(ReceiverUnusable, match="open internet"):
        post.reach()
    assert receiver.got == []


def test_a_file_without_a_certificate_has_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(ConfigError, match=f"{name} cannot be used"):
            HttpPost("https://receiver.example/", 20, ca_file=tmp_path / name)


def test_a_request_ends_when_the_program_does(receiver: Receiver) -> None:
    receiver.then(hangs)
    with hook(receiver, timeout=3600) as webhook:
        ended: list[str] = []

        def send() -> None:
            with pytest.raises(DeliveryError) as caught:
                webhook.send([event()])
            ended.append(str(caught.value))

        thread = threading.Thread(target=send)
        thread.start()
        receiver.wait(lambda: len(receiver.got) == 1)
        webhook.close()
        thread.join(30)
    assert len(ended) == 1


@pytest.mark.parametrize(
    ("secret", "words"),
    [("plain", "must begin with whsec_"), ("whsec_***", "no base64"), ("whsec_QUJD", "too short")],
)
def test_a_secret_that_is_none_has_its_sentence(secret: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        secret_bytes(secret)
    assert secret not in str(caught.value)


def test_the_body_of_every_event_is_json_that_any_program_reads(receiver: Receiver) -> None:
    with hook(receiver) as webhook:
        webhook.send([event(subject="\ud800 \x00 ‮".encode("utf-8", "replace").decode())])
    json.loads(receiver.got[0].body)
