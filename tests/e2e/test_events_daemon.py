"""Daemons that tell webhooks what happens: over restarts, reloads, and receivers that fail."""

import json
from pathlib import Path
from typing import Any

from daemons import Running, running, verb
from receivers import HEADER, SECRET, Got, Receiver, hangs

LOCAL = {"engine": "local"}
GATE = {"gate": {"source": "sample"}}


def hook(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"url": receiver.url, "secret": "${TESTED_SECRET}", "allow_private": True, **more}


def outward(**webhooks: dict[str, Any]) -> dict[str, Any]:
    return {"webhooks": webhooks}


def change(daemon: Running, **sections: Any) -> None:
    file = daemon.folder / "config.yaml"
    file.write_text(json.dumps(json.loads(file.read_text()) | sections))


def sightings(receiver: Receiver) -> list[Got]:
    return [got for got in receiver.taken if got.told["type"] == "streamwatch.sighting.v1"]


def test_a_plate_is_told_with_its_picture_and_a_receiver_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    with Receiver() as office, Receiver() as stuck, Receiver() as parkpow:
        stuck.always = hangs
        webhooks = outward(
            office=hook(office, pictures=True, picture_size=320),
            stuck=hook(stuck, timeout=60),
            parkpow={
                "url": parkpow.url,
                "profile": "platerecognizer",
                "token": "${TESTED_TOKEN}",
                "pictures": True,
                "allow_private": True,
            },
        )
        environment = {"TESTED_SECRET": SECRET, "TESTED_TOKEN": HEADER}
        with running(tmp_path / "d", GATE, recognizer=LOCAL, outward=webhooks, environment=environment) as daemon:
            office.wait(lambda: bool(sightings(office)), 180)
            parkpow.wait(lambda: bool(parkpow.taken), 180)
            stored = daemon.rows("SELECT key, plate FROM sightings ORDER BY id")
            assert daemon.stop() == 0
            assert daemon.errors() == []
            assert not any(word in daemon.log() for word in (SECRET, HEADER, "invented-query-token"))
        got = sightings(office)[0]
        assert got.is_signed(SECRET)
        told = got.told["data"]
        assert (told["sighting"], told["plate"]) in stored
        assert told["camera"] == "gate"
        assert told["picture"]["base64"].startswith("/9j/")  # a JPEG
        posted = parkpow.taken[0]
        assert posted.headers["authorization"] == f"Token {HEADER}"
        assert posted.headers["content-type"].startswith("multipart/form-data")
        assert b'name="json"' in posted.body
        assert b'name="upload"' in posted.body
        assert b'"xmax": 0' not in posted.body


def test_what_was_not_taken_is_sent_after_a_restart_and_a_new_receiver_begins_with_what_comes(tmp_path: Path) -> None:
    with Receiver() as office, Receiver() as late:
        office.always = 503
        settings = {"recognizer": LOCAL, "environment": {"TESTED_SECRET": SECRET}}
        with running(tmp_path / "d", GATE, outward=outward(office=hook(office)), **settings) as daemon:
            office.wait(lambda: len(office.got) >= 1, 180)
            assert daemon.stop() == 0
        first = office.got[0].told["id"]
        office.always = None
        both = outward(office=hook(office), late=hook(late))
        with running(tmp_path / "d", GATE, outward=both, **settings) as daemon:
            office.wait(lambda: any(got.told["id"] == first for got in office.taken), 180)
            daemon.until(lambda: len(daemon.rows("SELECT * FROM receivers WHERE state = 'ok'")) == 2)
            assert first not in {got.told["id"] for got in late.got}
            told = json.loads((daemon.data / "status.json").read_text())
            assert {one["name"] for one in told["receivers"]} <= {"office", "late"}
            change(daemon, outward=outward(late=hook(late, events=["decision"])))
            assert verb(daemon.folder, "reload", TESTED_SECRET=SECRET).returncode == 0
            daemon.until(lambda: daemon.rows("SELECT name FROM receivers") == [("late",)])
            change(daemon, outward={})
            assert verb(daemon.folder, "reload", TESTED_SECRET=SECRET).returncode == 0
            daemon.until(lambda: daemon.rows("SELECT name FROM receivers") == [])
            listed = verb(daemon.folder, "events", "list", TESTED_SECRET=SECRET)
            assert "Nobody is told" in listed.stdout
            assert daemon.stop() == 0
            assert daemon.errors() == []


def test_a_webhook_that_is_wrong_has_its_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    cases = [
        ({"url": "http://office.example/x"}, "begins with http://"),
        ({"url": "https://a:b@office.example/x"}, "with user and password"),
        ({"url": "ftp://office.example"}, "that is no address"),
        ({"url": "https://127.0.0.1/x"}, "a url of this machine"),
        ({"url": "https://office.example", "secret": "invented-plain-secret"}, "must begin with whsec_"),
        ({"url": "https://office.example", "headers": {"Host": "x"}}, "that streamwatch writes itself"),
        ({"url": "https://office.example", "events": ["all"]}, "events"),
        ({"url": "https://office.example", "secret": SECRET, "profile": "platerecognizer"}, "knows no secret"),
        ({"url": "https://office.example", "old_secret": SECRET}, "old_secret without a secret"),
    ]
    for webhook, words in cases:
        (folder / "config.yaml").write_text(json.dumps({"cameras": GATE, "outward": outward(office=webhook)}))
        done = verb(folder, "check")
        assert done.returncode == 1
        assert words in done.stdout + done.stderr, (webhook, done.stdout, done.stderr)
        assert "invented" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
