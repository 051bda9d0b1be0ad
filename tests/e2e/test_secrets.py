"""A data folder goes through every failure with known secrets everywhere; then all that was written is searched."""

import base64
import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import cv2
import numpy as np
import pytest
from clips import Vehicle, render
from daemons import Running, ask, free_port, verb
from fakes import Behaviour, FakeOcrCars, ServedAnswer, ServedCall, envelope, hang_up, plate, refusal, reset, send_raw
from rtsp_server import Mode, RtspServer

APPCODE = "inventedAppCode0of0secrets0tests"
APP_KEY, APP_SECRET = "inventedkey247913", "inventedAppSecret0of0secrets0tests"
PASSWORD, VARIABLE = "Pa55/w@rd+of secrets", "Fr0m:the&environment"
IN_PATH, TOKEN, SIGNED = "password=inv3nted-in-path", "inv3nted~camera~token", "inv3nted%2Bsig%2Fnature"
SECRETS = {
    "AppCode": APPCODE,
    "AppKey": APP_KEY,
    "AppSecret": APP_SECRET,
    "camera password": PASSWORD,
    "password from the environment": VARIABLE,
    "password in the path": IN_PATH,
    "token of a camera": TOKEN,
    "signed query of a picture": SIGNED,
}
PICTURE_URL = f"https://pictures.example.com/a.jpg?Expires=9999999999&Signature={SIGNED}"
ENVIRONMENT = {"STREAMWATCH_APPCODE": APPCODE, "GATE_PASSWORD": VARIABLE}
FASTER = "import streamwatch.app.housekeeping as d; d.TELL_EVERY = 0.3\n"
UNEXPECTED = """
import streamwatch.app.cameras as d
def fail(name, source, **more):
    raise RuntimeError(f"what is this: {source} {more}")
d.open_source = fail
"""


# ---- the search -----------------------------------------------------------------------------------------------------


def forms(secret: str) -> set[bytes]:
    """Return the forms of a secret in a text: plain, percent-encoded, escaped, in base64 at any place of a text."""
    plain = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}
    found = {form.encode() for form in plain}
    for form in (secret.encode(), quote(secret, safe="").encode()):
        found.add(form.hex().encode())
        for before in range(3):
            whole = base64.b64encode(b"\0" * before + form)
            # The first and last characters depend on the text beside the secret.
            middle = whole[(0, 2, 3)[before] : len(whole) - (0, 3, 2)[(before + len(form)) % 3]]
            found |= {middle, middle.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def hits(texts: dict[str, bytes]) -> list[tuple[str, str]]:
    """Return (name of the secret, name of the text) for each secret that a text holds."""
    wanted = {name: forms(secret) for name, secret in SECRETS.items()}
    return [
        (name, where)
        for where, text in texts.items()
        for name, these in wanted.items()
        if any(f in text for f in these)
    ]


def files_of(folder: Path) -> dict[str, bytes]:
    """Return each file with its name, and the rows of databases, because a page boundary may cut a secret in two."""
    texts = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        texts[str(file)] = str(file.relative_to(folder)).encode() + b"\n" + file.read_bytes()
        if file.suffix == ".db":
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
                texts[f"rows of {file}"] = "\n".join(database.iterdump()).encode()
    return texts


@pytest.mark.parametrize("name", SECRETS)
def test_the_search_finds_what_is_there(tmp_path: Path, name: str) -> None:
    secret = SECRETS[name]
    basic = base64.b64encode(f"viewer:{secret}".encode()).decode()
    for n, text in enumerate([secret, quote(secret, safe=""), f"Authorization: Basic {basic}", f"x{secret}x"]):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "log").write_text(f"before {text} after")
        assert hits(files_of(folder)) == [(name, str(folder / "log"))]
    file = tmp_path / "planted.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (a)")
        database.execute("INSERT INTO t VALUES (?)", ["x" * 4000 + secret + "x" * 4000])
        database.commit()
        assert (name, f"rows of {file}") in hits(files_of(tmp_path))
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "log").write_text("nothing is here")
    assert hits(files_of(tmp_path / "clean")) == []


# ---- the failures ---------------------------------------------------------------------------------------------------

NO_PAUSES = """
import streamwatch.recognition.ocrcars.retry as r
r.RetryBudget.spend = lambda self, retry: self._spent.append(retry) or 0.0
"""


def talkative(*known: str) -> list[ServedAnswer | Behaviour]:
    """Return the answers of a service, a proxy or a login page that repeats all it knows."""
    words = " ".join([*known, PICTURE_URL])
    return [
        refusal(401, "A401AC", f"Invalid AppCode `{known[0]}`"),
        refusal(
            400, "", f"Invalid Signature, Server StringToSign:POSTX-Ca-Key:{known[0]}/ocrCars?img_url={PICTURE_URL}"
        ),
        refusal(418, "", f"What is {words}?"),
        ServedAnswer(f"<html>Log in! {words} APPCODE {known[0]}</html>".encode(), content_type="text/html"),
        refusal(302, Location=f"https://portal.example.com/?code={known[0]}&url={quote(PICTURE_URL, safe='')}"),
        ServedAnswer(plate().body[:40], length=len(plate().body)),
        ServedAnswer(f'{{"showapi_res_error": "{words}'.encode()),
        envelope({"ret_code": 90, "error_msg": words}),
        envelope(None, showapi_res_code=-1, showapi_res_error=words, showapi_res_id=known[0]),
        refusal(403, "B403MQ", f"quota exhausted for {words}", **{"X-Ca-Request-Id": "".join(known)}),
        hang_up,
        reset,
        send_raw(f"{' '.join(known)}\r\n\r\n".encode()),
        plate(),
    ]


class Talkative(FakeOcrCars):
    """A service that gives the answers it was told to, whatever it is asked, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.next: list[ServedAnswer | Behaviour] = [plate()]

    def answer(self, method: str, call: ServedCall) -> ServedAnswer | Behaviour:
        with self._lock:
            self.calls.append(call)
            return self.next.pop(0) if len(self.next) > 1 else self.next[0]


class Ordeal:
    """A folder with a config that holds all secrets, and all output about it."""

    def __init__(self, folder: Path, clip: Path, service: FakeOcrCars, camera: RtspServer) -> None:
        self.folder, self.port, self._clip = folder, free_port(), clip
        self.said: dict[str, bytes] = {}
        (folder / "key").write_text(APP_KEY + "\n")
        (folder / "secret").write_text(APP_SECRET + "\n")
        dead, talking = "127.0.0.1:9", service.endpoint.removeprefix("http://")
        self.sources = {
            "gate": camera.url,
            "variable": f"rtsp://viewer:${{GATE_PASSWORD}}@{dead}/stream",
            "query": f"rtsp://{dead}/stream?user=viewer&token={TOKEN}",
            "path": f"rtsp://{dead}/user=viewer&{IN_PATH}&channel=1",
            "web": f"http://viewer:{quote(PASSWORD, safe='')}@{talking}?token={TOKEN}",
            "webpath": f"http://{talking}/{IN_PATH}/live",
            "unwise": f"rtsp://viewer:{PASSWORD.replace(' ', '')}@{dead}/stream",
        }
        self._ocrcars = {
            "endpoint": service.endpoint,
            "read_timeout": "1s",
            "app_key_file": str(folder / "key"),
            "app_secret_file": str(folder / "secret"),
        }

    def config(self, **more: Any) -> dict[str, Any]:
        return {
            "cameras": {
                name: {"source": source} | ({} if name == "gate" else {"watch": source})
                for name, source in self.sources.items()
            },
            "recognizer": {"engine": "ocrcars", "ocrcars": self._ocrcars},
            "capture": {"deadline": "1s", "reopen_first": "100ms", "reopen_longest": "500ms"},
            "gate": {"patience": "200ms", "close_after": "400ms"},
            "shutdown": {"drain": "2s"},
            "database": f"sqlite:///{self.folder}/data/streamwatch.db?timeout=0.5",
            "health": {"port": self.port},
            **more,
        }

    def note(self, what: str, text: str) -> None:
        self.said[f"{len(self.said)} {what}"] = text.encode()

    def verb(self, *words: object, appcode: bool = True, patch: str = "") -> subprocess.CompletedProcess[str]:
        (self.folder / "config.yaml").write_text(json.dumps(self.config()))
        environment = ENVIRONMENT if appcode else {**ENVIRONMENT, "STREAMWATCH_APPCODE": ""}
        done = verb(self.folder, *words, patch=patch, **environment)
        self.note(f"verb {words[0]}", done.stdout + done.stderr)
        return done

    def daemon(self, patch: str = FASTER, **more: Any) -> Running:
        return Running(self.folder, self.config(**more), environment=ENVIRONMENT, patch=patch)

    def look(self) -> None:
        """Ask the running daemon about itself in every way there is."""
        for path in ("/healthz", "/metrics", "/"):
            status, text = ask(self.port, path)
            assert status in (200, 503), "the port answers, or there is nothing to search"
            self.note(path, text)
        for words in (["status"], ["status", "--format", "json"]):
            assert "variable" in self.verb(*words).stdout


@pytest.fixture(scope="module")
def ordeal(tmp_path_factory: pytest.TempPathFactory) -> Ordeal:
    """Return the folder after all failures. Each failure is checked while it happens."""
    folder = tmp_path_factory.mktemp("ordeal")
    clip = folder / "gate.mp4"
    # Thirteen seconds are no multiple of `attention.max_blind`: the looks at a quiet camera fall anywhere in it.
    # The scene is empty for most of them: the gate learns it anew after each time that the camera was lost.
    vehicles = [Vehicle("京AF0236", enter=0.3, approach=0.7, stop=2.5, leave=0.4)]
    render(clip, vehicles, 13, fps=10, size=(480, 270), preset="ultrafast", gop=1.0)
    with Talkative() as service, RtspServer(clip, user="viewer", password=PASSWORD) as camera:
        ordeal = Ordeal(folder, clip, service, camera)
        try_verbs(ordeal, clip, service)
        try_daemon(ordeal, service, camera)
        try_what_ends_it(ordeal, service)
    ordeal.note("log", (folder / "err").read_text())
    ordeal.note("sightings", (folder / "out").read_text())
    return ordeal


def try_verbs(ordeal: Ordeal, clip: Path, service: Talkative) -> None:
    picture = ordeal.folder / "picture.jpg"
    cv2.imwrite(str(picture), np.full((300, 700, 3), 90, np.uint8))
    for appcode, known in ((True, [APPCODE]), (False, [APP_KEY, APP_SECRET])):
        service.next = [answer for answer in talkative(*known) for _ in range(2)]
        done = ordeal.verb(
            "read",
            "--format",
            "json" if appcode else "table",
            *[picture, PICTURE_URL] * 14,
            appcode=appcode,
            patch=NO_PAUSES,
        )
        assert done.returncode == 1
        sent = "".join(f"{call.headers}{call.form}" for call in service.calls)
        assert (APPCODE if appcode else APP_KEY) in sent, "the service knows what it talks about"
        assert "Expires=9999999999" in sent
    service.next = talkative(APPCODE)[:1]
    assert ordeal.verb("replay", "--camera", "gate", clip).returncode == 0
    done = ordeal.verb("check")
    assert done.returncode == 1
    assert "camera webpath" in done.stdout
    for words in (["calls"], ["calls", "--format", "json"], ["sightings"], ["service"], ["service", "--user", "me"]):
        assert ordeal.verb(*words).returncode == 0


def try_daemon(ordeal: Ordeal, service: Talkative, camera: RtspServer) -> None:
    """Let cameras, calls, database and folder fail one after the other in one process, and end it with SIGTERM."""
    data = ordeal.folder / "data"
    service.next, calls = talkative(APPCODE)[3:4], len(service.calls)
    daemon = ordeal.daemon()
    try:
        daemon.until(lambda: "Camera gate is online" in daemon.log())
        daemon.until(lambda: (data / "status.json").exists() and len(service.calls) > calls)
        ordeal.look()
        modes: list[Mode] = ["401", "404", "garbage"]
        for mode in modes:
            before = daemon.log().count("Camera gate is lost")
            camera.misbehave(mode)
            camera.stop()
            camera.restart()
            daemon.until(lambda n=before: daemon.log().count("Camera gate is lost") > n)  # type: ignore[misc]
            tried = camera.connections
            daemon.until(lambda n=tried: camera.connections >= n + 2)  # type: ignore[misc]
            ordeal.look()
            backs = daemon.log().count("Camera gate is back")
            camera.misbehave("well")
            daemon.until(lambda n=backs: daemon.log().count("Camera gate is back") > n)  # type: ignore[misc]
        with closing(sqlite3.connect(data / "streamwatch.db", isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN EXCLUSIVE")
            daemon.until(lambda: "is locked by another program" in daemon.log())
            ordeal.look()
        daemon.until(lambda: "can be written again" in daemon.log())
        (data / "evidence").rename(data / "away")
        (data / "evidence").write_text("in the way")
        # A write names the picture and a repeated call names the folder; either may come first.
        daemon.until(lambda: "evidence" in daemon.log().partition("can be written again")[2])
        ordeal.look()
        (data / "evidence").unlink()
        (data / "away").rename(data / "evidence")
        daemon.until(lambda: daemon.log().count("can be written again") == 2)
        assert daemon.stop() == 0, daemon.log()
    finally:
        daemon.end()


def try_what_ends_it(ordeal: Ordeal, service: Talkative) -> None:
    """End a daemon by SIGKILL, by an unexpected exception and by a damaged database."""
    daemon = ordeal.daemon()
    try:
        online = daemon.log().count("Camera gate is online")
        daemon.until(lambda: daemon.log().count("Camera gate is online") > online)
        assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    finally:
        daemon.end()
    for name in ordeal.sources:
        if name != "path" and name != "webpath":
            cameras = {name: {"source": ordeal.sources[name]}}
            daemon = ordeal.daemon(UNEXPECTED, cameras=cameras)
            try:
                assert daemon.process.wait(180) == 1
            finally:
                daemon.end()
    assert "RuntimeError: what is this: rtsp" in (ordeal.folder / "err").read_text()
    damaged = ordeal.folder / "damaged"
    damaged.mkdir()
    (damaged / "streamwatch.db").write_bytes(b"SQLite format 3\0" + os.urandom(9000))
    daemon = ordeal.daemon(data_dir=str(damaged), database=f"sqlite:///{damaged}/streamwatch.db")
    try:
        assert daemon.process.wait(180) == 1
    finally:
        daemon.end()


def test_the_failures_have_happened_and_were_said(ordeal: Ordeal) -> None:
    said = b"\n".join(ordeal.said.values()).decode()
    for words in (
        "the AppCode is unknown",
        "the signature is wrong",
        "redirects elsewhere",
        "pictures.example.com",
        "Camera gate is lost",
        "refuses the user or the password (401)",
        "refuses the connection",
        "is locked by another program",
        "evidence",
        "failed unexpectedly",
        "stopping: reading what was seen last",
        "streamwatch_camera_state",
        "LoadCredential",
    ):
        assert words in said, words


def test_no_secret_was_said(ordeal: Ordeal) -> None:
    assert hits(ordeal.said) == []


def test_no_secret_was_written(ordeal: Ordeal) -> None:
    texts = {**files_of(ordeal.folder / "data")}
    assert {"status.json", "streamwatch.db", "streamwatch.db.lock"} <= {Path(name).name for name in texts}
    assert any(name.endswith(".jpg") for name in texts)
    assert any(b"pictures.example.com" in text for text in texts.values())
    assert hits(texts) == []
