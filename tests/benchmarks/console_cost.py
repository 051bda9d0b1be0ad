"""What the console costs: the daemon's CPU and memory, the way of a row to the screen, a page open for a day.

    python tests/benchmarks/console_cost.py [daemon] [screen] [day] [--seconds 60] [--rows 30]
        [--pages 1] [--streams 19]

Without a word, all three; each needs chromium.

daemon  Four quiet cameras of 1280x720 at 15 pictures a second (RTSP): cores and memory of the daemon without a page,
        with the page of the gate open in a browser, and after it was closed. Bar: 0.05 cores more with the page.
screen  Seconds from the commit of a row until a page shows it, while 20 pages are open: one in a browser, of the
        others only their streams of events, because 20 browsers are slower than the server on any one machine.
        Bar: a median of 1 s. `--pages 20 --streams 0` opens 20 browser profiles.
day     The passages of a day, 40 an hour, are written one after the other while a page is open: the memory of its
        process, and at the end that of its scripts, and its nodes. Bar: 10 % more at most after the first quarter.

The CPU of the browser and of the cameras' server is not counted. Exits with 1 if a bar is broken.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
from attention_contestants import cpu_so_far
from browser import CHROMIUM
from clips import render
from consoles import CAMERAS, Visit, console_over
from daemons import Running, free_port
from playwright.sync_api import Browser, Page, sync_playwright
from rtsp_server import RtspServer

COUNT, MORE_CORES, MEDIAN = 4, 0.05, 1.0
SETTLING = 15.0  # s
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-renderer-backgrounding"]
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
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
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


def follow(url: str, over: threading.Event) -> None:
    """Read the events of the gate, as an open page does."""
    with suppress(httpx.HTTPError), httpx.stream("GET", f"{url}/gate/events", timeout=60) as stream:
        for _ in stream.iter_raw():
            if over.is_set():
                return


def screen(pages: int, streams: int, rows: int) -> Iterator[str]:
    """Print how long rows took to the screen; yield what is broken."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        with console_over(f"sqlite:///{folder}/gate.db", folder, []) as console:
            over = threading.Event()
            for _ in range(streams):
                threading.Thread(target=follow, args=(console.url, over), daemon=True).start()
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
            over.set()
            missing = [plate for view in shown for plate in written if plate not in view]
            taken = sorted(view[plate] - at for view in shown for plate, at in written.items() if plate in view)
    median, late = statistics.median(taken), taken[int(0.95 * len(taken))]
    print(f"{rows} rows, {pages} pages in a browser, {streams} streams: median {median:.2f} s, ", end="")
    print(f"95 % within {late:.2f} s, longest {taken[-1]:.2f} s")
    if missing:
        yield f"{len(missing)} rows did not come"
    if median > MEDIAN:
        yield f"a row takes {median:.2f} s to the screen"


class BareBrowser:
    """A browser with one page that no debugger watches: a debugger keeps every picture that comes."""

    def __init__(self, folder: Path, url: str) -> None:
        self._port = free_port()
        options = [*OPTIONS, "--headless=new", f"--remote-debugging-port={self._port}", f"--user-data-dir={folder}"]
        self._process = subprocess.Popen([str(CHROMIUM), *options, url], stderr=subprocess.DEVNULL)

    def megabytes(self) -> float:
        """Return the memory of the page's process: of the browser's renderers the one with the most."""
        listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        mine = f"--remote-debugging-port={self._port}"
        renderers = [line for line in listed.splitlines() if "--type=renderer" in line and mine in line]
        return max(megabytes(int(line.split()[0])) for line in renderers)

    def look(self) -> tuple[str, float, int]:
        """Return the newest plate, the megabytes of the page's scripts, and the number of its nodes."""
        with sync_playwright() as playwright:
            browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{self._port}")
            page = browser.contexts[0].pages[0]
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            session.send("HeapProfiler.collectGarbage")
            figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
            newest = page.locator("#passages > li .plate").first.inner_text().strip()
            return newest, figures["JSHeapUsedSize"] / 1e6, int(figures["Nodes"])

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait()


def day(hours: int = 24) -> Iterator[str]:
    """Print the memory of a page during a day; yield what is broken."""
    total, found = hours * AN_HOUR, []
    began = datetime.now(UTC) - timedelta(hours=hours)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        console = stack.enter_context(console_over(f"sqlite:///{folder}/gate.db", folder, []))
        browser = BareBrowser(folder / "profile", console.url)
        stack.callback(browser.close)
        time.sleep(SETTLING)
        for number in range(total):
            at = began + timedelta(hours=number / AN_HOUR)
            console.add(Visit("京A12345", CAMERAS[number % 3], at, read=f"京D{number:05d}"))
            time.sleep(0.1)
            if (number + 1) % (total // PARTS) == 0:
                time.sleep(SETTLING)
                found.append(browser.megabytes())
                print(f"after {number + 1:4d} passages the page's process has {found[-1]:.0f} MB", flush=True)
        newest, scripts, nodes = browser.look()
        print(f"at the end its scripts have {scripts:.1f} MB, and the page {nodes} nodes")
    quarter, last = found[PARTS // 4 - 1], found[-1]
    if newest != f"京D{total - 1:05d}":
        yield f"the page shows {newest} as the newest"
    if last > quarter * 1.1:
        yield f"the page grew from {quarter:.0f} to {last:.0f} MB"


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", nargs="*", choices=["daemon", "screen", "day"], default=["daemon", "screen", "day"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--streams", type=int, default=19)
    parser.add_argument("--rows", type=int, default=30)
    told = parser.parse_args()
    broken: list[str] = []
    if "daemon" in told.what:
        broken += daemon(told.seconds)
    if "screen" in told.what:
        broken += screen(told.pages, told.streams, told.rows)
    if "day" in told.what:
        broken += day()
    print("\n".join(f"BROKEN {text}" for text in broken) if broken else "no bar is broken")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
