"""A zone drawn on the live picture of a running daemon: config.yaml keeps its comments, one camera starts anew."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from browser import Visitor
from clips import Vehicle, render
from daemons import PLATES, Running, ask, free_port, running

CONFIG = """\
# the yard, as the installer left it
cameras:
  entry:                # faces the street
    source: "{clip}"
    loop: true          # a recording
  exit:
    source: "{clip}"
    loop: true
capture: {{deadline: 1s, reopen_first: 100ms, reopen_longest: 500ms}}
recognizer: {{engine: local}}   # free
web: {{port: {port}}}
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of a vehicle that stands before the camera all the time."""
    path = tmp_path_factory.mktemp("clip") / "parked.mp4"
    render(path, [Vehicle(PLATES[0], enter=-9, approach=1, stop=99)], 4, fps=10, size=(1280, 720), preset="ultrafast")
    return path


def since(daemon: Running) -> dict[str, str]:
    """Return when each camera came into its present state, while all are online."""
    file = daemon.data / "status.json"
    cameras: list[dict[str, Any]] = json.loads(file.read_text())["cameras"] if file.exists() else []
    return {one["name"]: one["since"] for one in cameras if one["state"] == "online"}


def test_a_zone_is_drawn_with_the_mouse_and_the_camera_starts_anew(
    clip: Path, tmp_path: Path, visitor: Visitor
) -> None:
    port, config = free_port(), tmp_path / "d" / "config.yaml"
    cameras = {name: {"source": str(clip), "loop": True} for name in ("entry", "exit")}
    with running(tmp_path / "d", cameras, recognizer={"engine": "local"}, web={"port": port}) as daemon:
        daemon.until(lambda: len(since(daemon)) == 2 and ask(port, "/cameras/entry")[0] == 200)
        text = CONFIG.format(clip=clip, port=port)
        config.write_text(text)  # the same settings, as a person writes them
        before = since(daemon)
        page = visitor.open(f"http://127.0.0.1:{port}/cameras/entry", (1400, 1600))
        page.wait_for_selector("#gate-overlay .seen")  # the gate sees the vehicle, and the page shows it
        page.click("#zone-tool > summary")
        box = page.locator("#stage").bounding_box()
        assert box is not None
        for x, y in ((0.1, 0.2), (0.9, 0.2), (0.9, 0.9), (0.1, 0.9)):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.click("#zone-save")
        told = page.text_content(".message") or ""
        assert "The zone was saved in config.yaml. This camera was restarted" in told
        zone = yaml.safe_load(config.read_text())["cameras"]["entry"]["zone"]
        assert [[round(x, 1), round(y, 1)] for x, y in zone] == [[0.1, 0.2], [0.9, 0.2], [0.9, 0.9], [0.1, 0.9]]
        assert [line for line in config.read_text().splitlines() if "zone" not in line] == text.splitlines()
        assert (tmp_path / "d" / "config.yaml.bak").read_text() == text
        daemon.until(lambda: len(since(daemon)) == 2 and since(daemon)["entry"] > before["entry"])
        assert since(daemon)["exit"] == before["exit"]
        page.wait_for_selector("#zone-line")
        page.reload()
        assert len(page.input_value("#zone-points").splitlines()) == 4
        page.wait_for_selector("#gate-overlay .seen")  # the new gate is shown, not the old one
        assert [row[0] for row in daemon.rows("SELECT object FROM audit_log WHERE action = 'camera_changed'")] == [
            "entry"
        ]
        visitor.close()  # before the daemon ends, which cuts the page off
