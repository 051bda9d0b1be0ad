"""Daemons that tell people, and give signs of life."""

import json
import socket
from contextlib import closing
from pathlib import Path

from daemons import running
from posting import TOKEN, endpoint

LOCAL = {"engine": "local"}
GATE = {"gate": {"source": "sample"}}


def test_a_vehicle_that_waits_is_told_with_its_picture(tmp_path: Path) -> None:
    with endpoint() as (address, posted):
        notify = {"guard": {"addresses": ["${TESTED_GUARD}"], "picture": True, "language": "zh_Hans"}}
        with running(
            tmp_path / "d",
            GATE,
            recognizer=LOCAL,
            lanes={"entry": {"cameras": ["gate"]}},
            outward={"notify": notify},
            environment={"TESTED_GUARD": address},
        ) as daemon:
            daemon.until(lambda: bool(posted))
            assert posted[0]["title"].endswith(" 在 entry 等待")
            assert posted[0]["attachments"][0]["mimetype"] == "image/jpeg"
            assert daemon.stop() == 0
            assert daemon.errors() == []
            assert TOKEN not in daemon.log()
            assert daemon.rows("SELECT name, state FROM receivers") == [("notify.guard", "ok")]


def test_an_address_that_apprise_does_not_know_stops_nothing(tmp_path: Path) -> None:
    notify = {"guard": {"addresses": [f"nonsense://{TOKEN}"]}}
    with running(
        tmp_path / "d", GATE, recognizer=LOCAL, lanes={"entry": {"cameras": ["gate"]}}, outward={"notify": notify}
    ) as daemon:
        daemon.until(lambda: "receiver notify.guard is paused: Address 1 of outward.notify.guard" in daemon.log())
        assert daemon.rows("SELECT state FROM receivers") == [("paused",)]
        assert daemon.stop() == 0
        assert TOKEN not in daemon.log()


def test_a_ping_that_hangs_holds_up_nothing(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/{TOKEN}"
        with running(
            tmp_path / "d",
            GATE,
            recognizer=LOCAL,
            health={"ping": "${TESTED_PING}", "ping_every": 10},
            environment={"TESTED_PING": address},
        ) as daemon:
            listener.settimeout(120)
            with closing(listener.accept()[0]) as asked:
                assert f"GET /{TOKEN}".encode() in asked.recv(1000)
                status = daemon.data / "status.json"
                daemon.until(status.exists)
                first = json.loads(status.read_text())["taken_at"]
                daemon.until(lambda: json.loads(status.read_text())["taken_at"] != first)
                assert daemon.stop() == 0
            assert daemon.errors() == []
            assert TOKEN not in daemon.log()
