"""What the console costs: the daemon's CPU and memory, the way of a row to the screen, a page open for a day.

    python tests/benchmarks/console_cost.py [daemon] [screen] [day] [--seconds 60] [--pages 20] [--rows 30]

Without a word, all three; each needs chromium.

daemon  Four quiet cameras of 1280x720 at 15 pictures a second (RTSP): cores and memory of the daemon without a page,
        with the page of the gate open in a browser, and after it was closed. Bar: 0.05 cores more with the page.
screen  Seconds from the commit of a row to its place in the page, with 20 open pages. Bar: a median of 1 s.
day     The passages of a day, 40 an hour, are written one after the other while a page is open: memory of the page's
        scripts after garbage collection, its nodes, and the memory of its process. Bar: no growth after the first
        quarter beyond 10 % and 1 MB.

The CPU of the browser and of the cameras' server is not counted. Exits with 1 if a bar is broken.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from attention_contestants import cpu_so_far
from browser import CHROMIUM
from clips import render
from consoles import CAMERAS, Visit, console_over
from daemons import Running, free_port
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rtsp_server import RtspServer

COUNT, MORE_CORES, MEDIAN = 4, 0.05, 1.0
SETTLING = 15.0  # s
AN_HOUR = 40
PARTS = 8  # of the day
NOTE_ROWS = """() => {
    window.shown = {};
    new MutationObserver((changes) => {
        for (const change of changes) for (const node of change.addedNodes) {
            const plate = node.querySelector && node.querySelector(".plate");
            if (plate) requestAnimationFrame(() => { window.shown[plate.textContent.trim()] ??= Date.now() / 1000; });
        }
    }).observe(document.getElementById("passages"), { childList: true });
}"""
"""Notes when each plate was drawn for the first time, in seconds of the epoch."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser whose pages are drawn also while nobody sees them."""
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-renderer-backgrounding"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


def opened(browser: Browser, url: str) -> Page:
    """Return the page of the gate once its events come."""
    page = browser.new_context().new_page()  # a context of its own: a browser opens six connections to one server
    page.goto(url)
    page.wait_for_selector("#link-state.live", timeout=60_000)
    return page


def megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def daemon(seconds: float) -> Iterator[str]:
    """Print cores and memory of a daemon; yield what is broken."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, port = Path(name), free_port()
        render(folder / "quiet.mp4", (), 20.0)
        servers = [stack.enter_context(RtspServer(folder / "quiet.mp4")) for _ in range(COUNT)]
        cameras = {f"cam{n}": {"source": server.url} for n, server in enumerate(servers)}
        config: dict[str, Any] = {"cameras": cameras, "recognizer": {"engine": "local"}, "web": {"port": port}}
        running = Running(folder, config)
        stack.callback(running.end)
        running.until(lambda: running.log().count("is online") == COUNT)
        time.sleep(SETTLING)
        cores: dict[str, float] = {}

        def measure(what: str) -> None:
            before, began = cpu_so_far(running.process.pid), time.monotonic()
            time.sleep(seconds)
            cores[what] = (cpu_so_far(running.process.pid) - before) / (time.monotonic() - began)
            print(f"{what:16} {cores[what]:.3f} cores, {megabytes(running.process.pid):.0f} MB", flush=True)

        measure("no page")
        with chromium() as browser:
            opened(browser, f"http://127.0.0.1:{port}/")
            time.sleep(SETTLING)
            measure("one page open")
        time.sleep(SETTLING)
        measure("closed again")
        more = cores["one page open"] - (cores["no page"] + cores["closed again"]) / 2
        print(f"the page costs {more:.3f} cores")
        if more > MORE_CORES:
            yield f"an open page costs {more:.3f} cores"


def screen(pages: int, rows: int) -> Iterator[str]:
    """Print how long rows took to the screen; yield what is broken."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        with console_over(f"sqlite:///{folder}/gate.db", folder, []) as console:
            views = [opened(browser, console.url) for _ in range(pages)]
            for view in views:
                view.evaluate(NOTE_ROWS)
            written: dict[str, float] = {}
            for number in range(rows):
                plate = f"京C{number:05d}"
                console.add(Visit("京A12345", CAMERAS[number % 3], datetime.now(UTC), read=plate))
                written[plate] = time.time()
                views[0].wait_for_timeout(700 + 37 * (number % 10))
            views[0].wait_for_timeout(5000)
            shown = [view.evaluate("window.shown") for view in views]
            missing = [plate for view in shown for plate in written if plate not in view]
            taken = sorted(view[plate] - at for view in shown for plate, at in written.items() if plate in view)
    median, late = statistics.median(taken), taken[int(0.95 * len(taken))]
    print(
        f"{pages} pages, {rows} rows: median {median:.2f} s, 95 of 100 within {late:.2f} s, longest {taken[-1]:.2f} s"
    )
    if missing:
        yield f"{len(missing)} rows did not come"
    if median > MEDIAN:
        yield f"a row takes {median:.2f} s to the screen"


def heap(session: CDPSession) -> tuple[float, int]:
    """Return the megabytes of a page's scripts after garbage collection, and the number of its nodes."""
    session.send("HeapProfiler.collectGarbage")
    figures = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return figures["JSHeapUsedSize"] / 1e6, int(figures["Nodes"])


def renderer(browser: Browser) -> int:
    """Return the process of the only open page: of the browser's renderers the one with the most memory."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    return max((one["id"] for one in processes if one["type"] == "renderer"), key=megabytes)


def day(hours: int = 24) -> Iterator[str]:
    """Print the memory of a page during a day; yield what is broken."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        with console_over(f"sqlite:///{folder}/gate.db", folder, []) as console:
            page = opened(browser, console.url)
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            total, found = hours * AN_HOUR, []
            began = datetime.now(UTC) - timedelta(hours=hours)
            for number in range(total):
                at = began + timedelta(hours=number / AN_HOUR)
                console.add(Visit("京A12345", CAMERAS[number % 3], at, read=f"京D{number:05d}"))
                page.wait_for_timeout(60)
                if (number + 1) % (total // PARTS) == 0:
                    page.wait_for_timeout(1500)
                    used, nodes = heap(session)
                    found.append(used)
                    process = megabytes(renderer(browser))
                    print(f"{number + 1:5d} passages: scripts {used:.1f} MB, {nodes} nodes, process {process:.0f} MB")
            newest = page.locator("#passages > li .plate").first.inner_text().strip()
    quarter, last = found[PARTS // 4 - 1], found[-1]
    if newest != f"京D{total - 1:05d}":
        yield f"the page shows {newest} as the newest"
    if last > quarter * 1.1 + 1:
        yield f"the page grew from {quarter:.1f} to {last:.1f} MB"


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", nargs="*", choices=["daemon", "screen", "day"], default=["daemon", "screen", "day"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--rows", type=int, default=30)
    told = parser.parse_args()
    broken: list[str] = []
    if "daemon" in told.what:
        broken += daemon(told.seconds)
    if "screen" in told.what:
        broken += screen(told.pages, told.rows)
    if "day" in told.what:
        broken += day()
    print("\n".join(f"BROKEN {text}" for text in broken) if broken else "no bar is broken")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
