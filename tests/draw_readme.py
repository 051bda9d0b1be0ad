"""Draw the picture of README: the page that the first command serves, after the four vehicles of the sample.

`python tests/draw_readme.py`, which needs chromium.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from daemons import free_port, query_database
from playwright.sync_api import sync_playwright

TARGET = Path(__file__).parent.parent / "docs" / "gate-page.jpg"
SIZE = {"width": 1200, "height": 700}
FINAL = "SELECT count(*) FROM sightings WHERE status = 'final'"


def main() -> None:
    """Run the sample in a new folder, and draw the page once all four vehicles have gone."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        config = {"cameras": {"gate": {"source": "sample"}}, "recognizer": {"engine": "local"}, "web": {"port": port}}
        (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
        daemon = subprocess.Popen([sys.executable, "-m", "streamwatch", "run"], cwd=folder)
        try:
            while query_database(folder / "data" / "streamwatch.db", FINAL) in ([], [(0,)], [(1,)], [(2,)], [(3,)]):
                time.sleep(0.1)
            _draw(f"http://127.0.0.1:{port}/")
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()


def _draw(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, locale="en", reduced_motion="reduce")
        page.goto(address)
        page.wait_for_load_state("load")
        page.screenshot(path=TARGET, type="jpeg", quality=82)
        browser.close()


if __name__ == "__main__":
    main()
