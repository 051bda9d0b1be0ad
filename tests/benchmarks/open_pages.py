"""Open pages of the gate: how fast a row reaches the screen, what open pages cost, and whether they grow.

    python tests/benchmarks/open_pages.py [--pages 20] [--rows 60] [--day 2000]

Serves the console over an SQLite database with drawn passages. One page is open in chromium, the others are clients
that only listen. It prints

- seconds from the commit of a row until it is in the page: median, 95th percentile, largest;
- CPU of the server in cores: without a page, with one that is open, with all of them, while nothing happens;
- rows, nodes and memory of the page while a day's passages (three changes each) are replayed into it.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser import CHROMIUM, Visitor
from consoles import CAMERAS, DrawnConsole, Visit, console_over
from playwright.sync_api import Page, sync_playwright

from streamwatch.store import PassageOutcome

IDLE = 10.0  # s for which CPU is measured
WATCH = """
() => {
  window.seen = {};
  new MutationObserver((changes) => {
    for (const change of changes) for (const row of change.addedNodes)
      if (row.id) window.seen[row.id] = window.seen[row.id] || Date.now() / 1000;
  }).observe(document.getElementById("passages"), { childList: true });
}
"""


@contextmanager
def listener(url: str) -> Iterator[None]:
    """Keep one stream open on a thread."""
    stop = threading.Event()

    def listen() -> None:
        with suppress(httpx.HTTPError), httpx.stream("GET", f"{url}/gate/events", timeout=60) as stream:
            for _ in stream.iter_lines():
                if stop.is_set():
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()


def cpu(seconds: float = IDLE) -> float:
    """Return the cores that this process uses."""
    before, began = time.process_time(), time.monotonic()
    time.sleep(seconds)
    return (time.process_time() - before) / (time.monotonic() - began)


def delays(console: DrawnConsole, page: Page, rows: int) -> list[float]:
    """Return the seconds from the commit of each row until it was in the page."""
    page.evaluate(WATCH)
    committed: list[float] = []
    for number in range(rows):
        console.add(Visit("京A12345", CAMERAS[number % 3], datetime.now(UTC)))
        committed.append(time.time())
        page.wait_for_timeout(200 + 37 * (number % 10))
    page.wait_for_timeout(2000)
    seen = sorted(page.evaluate("Object.entries(window.seen)"), key=lambda entry: int(entry[0].split("-")[1]))
    assert len(seen) == rows, (len(seen), rows)
    return [at - commit for (_, at), commit in zip(seen, committed, strict=True)]


def replay(console: DrawnConsole, page: Page, passages: int) -> None:
    """Replay passages, and print what the page holds meanwhile."""
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable")
    for number in range(passages + 1):
        if number % (passages // 8) == 0:
            page.wait_for_timeout(1500)
            tools.send("HeapProfiler.collectGarbage")
            figures = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
            rows = page.locator("#passages > li").count()
            heap = figures["JSHeapUsedSize"] / 1e6
            print(f"{number:6} passages: {rows} rows, {figures['Nodes']:.0f} nodes, {heap:.1f} MB of JavaScript")
        key = console.add(Visit("京A12345", "entry", datetime.now(UTC), outcome=PassageOutcome.PENDING, closed=False))
        console.store.passages.set_outcome(key, PassageOutcome.UNREAD)
        page.wait_for_timeout(1)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--pages", type=int, default=20)
    options.add_argument("--rows", type=int, default=60)
    options.add_argument("--day", type=int, default=2000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, ExitStack() as open_pages:
        console = open_pages.enter_context(console_over(f"sqlite:///{folder}/streamwatch.db", Path(folder)))
        print(f"CPU without a page: {cpu():.4f} cores")
        with listener(console.url):
            print(f"CPU with one page: {cpu():.4f} cores")
        for _ in range(asked.pages - 1):
            open_pages.enter_context(listener(console.url))
        print(f"CPU with {asked.pages - 1} pages: {cpu():.4f} cores")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = Visitor(browser).open(console.url)
        page.wait_for_selector(".link-state.live")
        found = sorted(delays(console, page, asked.rows))
        most = found[int(len(found) * 0.95)]
        print(f"row to screen: median {statistics.median(found):.2f} s, 95 % {most:.2f} s, largest {found[-1]:.2f} s")
        replay(console, page, asked.day)
        browser.close()


if __name__ == "__main__":
    main()
