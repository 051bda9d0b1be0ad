"""What the benchmarks share: a service that knows the truth and misbehaves on command, and a look at the database."""

import json
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import itertools

from fakes import (
    Behaviour,
    FakeOcrCars,
    Handler,
    ServedAnswer,
    ServedCall,
    _Server,
    keep_silent,
    no_plate,
    plate,
    refusal,
    reset,
)
from killing import plate_of

SECRET = "invented0appcode0of0benchmarks"
SLOW = 2.0  # s; less than READ_TIMEOUT
READ_TIMEOUT = 3.0  # s; what a silent service costs

FAULTS: dict[str, ServedAnswer | Behaviour] = {
    "503": refusal(503, message="Service Unavailable"),
    "500": refusal(500, message="Internal Error"),
    "429": refusal(429, "T429PA", "Throttled by API Flow Control"),
    "quota": refusal(403, "B403MQ", "Api Market Subscription quota exhausted"),
    "unauthorized": refusal(401, "A401AC", "Invalid AppCode `not exists `"),
    "html": ServedAnswer(b"<html><body>login</body></html>", content_type="text/html"),
    "garbage": ServedAnswer(b'{"showapi_res_code": 0, "showapi_res_body": {"ret_code": 0, "car_no":'),
    "truncated": ServedAnswer(b'{"showapi', length=500),
    "reset": reset,
    "timeout": keep_silent,
    "ret 70": no_plate(70),
    "ret 80": no_plate(80),
    "ret 90": no_plate(90),
    "ret 50": no_plate(50),
}

Truth = Callable[[sqlite3.Connection, int], str]
"""The true plate of a keyframe (by its number) of a database."""


class _AtPort(_Server):
    """Listens on a port that is given."""

    def __init__(self, service: FakeOcrCars, port: int) -> None:
        self.service, self.closing = service, threading.Event()
        self._open = set()
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", port), Handler)


class Truthful(FakeOcrCars):
    """Answers the truth after `latency` seconds. misbehaves(n): the fault of call n (from 1), or None.

    The truth is asked of the database of the program: the ledger's row is there before the call is.
    """

    def __init__(self, database: Path, truth: Truth, misbehaves: Callable[[int], str | None]) -> None:
        super().__init__(plate(), appcode=SECRET)
        self._database, self._truth, self._misbehaves = database, truth, misbehaves
        self._port = 0

    def __enter__(self) -> "Truthful":
        self._server = _AtPort(self, self._port)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def leave(self) -> None:
        """Refuse connections from now on."""
        self.__exit__(None, None, None)

    def enter(self) -> None:
        """Listen again, on the same port."""
        self.__enter__()

    def answer(self, method: str, call: ServedCall) -> ServedAnswer | Behaviour:
        checked = super().answer(method, call)
        if checked is not self._answers[0]:
            return checked
        fault = self._misbehaves(len(self.calls))
        if fault == "slow":
            time.sleep(SLOW)
        elif fault is not None:
            return FAULTS[fault]
        with closing(sqlite3.connect(self._database)) as database:
            digest = sha256(call.picture).hexdigest()
            (keyframe,) = database.execute(
                "SELECT keyframe_id FROM calls WHERE sha256 = ? AND ended_at IS NULL ORDER BY id DESC", (digest,)
            ).fetchone()
            return plate(self._truth(database, keyframe), range=[])


def of_passage(database: sqlite3.Connection, keyframe: int) -> str:
    """Return another plate for every passage."""
    (key,) = database.execute(
        "SELECT p.key FROM keyframes k JOIN passages p ON p.id = k.passage_id WHERE k.id = ?", (keyframe,)
    ).fetchone()
    return plate_of(key)


def write_config(folder: Path, endpoint: str, source: str, **more: Any) -> Path:
    """Write a config.yaml with one camera named gate."""
    ocrcars = {"endpoint": endpoint, "appcode": SECRET, "read_timeout": READ_TIMEOUT}
    config: dict[str, Any] = {
        "cameras": {"gate": {"source": source, "loop": Path(source).exists()}},
        "recognizer": {"engine": "ocrcars", "ocrcars": ocrcars},
        **more,
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))
    return path


@dataclass(frozen=True)
class Figures:
    """What the database says. lost: passages of which nothing was read and nothing waits or is told as doubtful.

    paid_twice: calls that were charged, or may have been, beyond the first of a keyframe.
    """

    calls: Counter[str]
    states: Counter[str]
    passages: int
    outcomes: Counter[str]
    plates: set[str]
    sightings: int
    lost: int
    paid_twice: int
    longest_gap: float
    integrity: str


def read_figures(path: Path) -> Figures:
    """Return what the database says after a run."""
    with closing(sqlite3.connect(path)) as database:

        def ask(query: str) -> list[Any]:
            return database.execute(query).fetchall()

        paid = Counter(k for (k,) in ask("SELECT keyframe_id FROM calls WHERE charged IS NOT 0"))
        saved = {p for (p,) in ask("SELECT passage_id FROM keyframes WHERE state IN ('answered','waiting','doubtful')")}
        everyone = {p for (p,) in ask("SELECT DISTINCT passage_id FROM keyframes")}
        times = [t for (t,) in ask("SELECT (julianday(opened_at) - 2400000) * 86400 FROM passages ORDER BY opened_at")]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        plates = [p for (p,) in ask("SELECT plate FROM sightings")]
        return Figures(
            calls=Counter(o or "in flight" for (o,) in ask("SELECT outcome FROM calls")),
            states=Counter(s for (s,) in ask("SELECT state FROM keyframes")),
            passages=len(times),
            outcomes=Counter(o for (o,) in ask("SELECT outcome FROM passages")),
            plates=set(plates),
            sightings=len(plates),
            lost=len(everyone - saved),
            paid_twice=paid.total() - len(paid),
            longest_gap=max(gaps, default=0.0),
            integrity=ask("PRAGMA integrity_check")[0][0],
        )


def counted(counter: Counter[str]) -> str:
    """Return counts in words: `3 read, 1 transient`."""
    return ", ".join(f"{number} {word}" for word, number in sorted(counter.items())) or "none"
