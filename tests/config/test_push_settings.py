"""Cameras that post: what config.yaml may say of them, and the sentences if it may not."""

import re
from pathlib import Path

import pytest

from streamwatch.app.wiring import acceptance
from streamwatch.config.loading import load
from streamwatch.config.settings import Settings
from streamwatch.core.errors import ConfigError
from streamwatch.core.model import Engine

DOCS = Path(__file__).parent.parent.parent / "docs"
SECRET = "invented-push-secret-2"


def load_text(folder: Path, text: str) -> Settings:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return load(folder / "config.yaml")


def camera(push: str, more: str = "") -> str:
    return f"cameras: {{gate: {{source: push, push: {{{push}}}{more}}}}}"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENTRY_SECRET", "EXIT_SECRET", "GATE_PASSWORD"):
        monkeypatch.setenv(name, SECRET)


@pytest.mark.parametrize("page", ["push-cameras.md", "push-cameras.zh-CN.md"])
def test_the_examples_of_the_docs_load(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        load_text(tmp_path, "recognizer: {engine: local}\n" + block)


def test_both_pages_have_the_same_examples() -> None:
    found = [
        re.findall(r"```yaml\n.*?```", (DOCS / page).read_text("utf-8"), re.DOTALL)
        for page in ("push-cameras.md", "push-cameras.zh-CN.md")
    ]
    assert found[0] == found[1]


def test_the_secret_comes_from_the_environment_or_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    for push in ('secret: "${ENTRY_SECRET}"', "secret_file: secret"):
        push_settings = load_text(tmp_path, camera(push)).cameras["gate"].push
        assert push_settings is not None
        assert push_settings.secret is not None
        assert push_settings.secret.get_secret_value() == SECRET
        assert SECRET not in repr(push_settings)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (camera("kind: zhenshi"), "would take posts from everybody"),
        (camera("secret: short"), "needs a secret of 12 to 128 letters and digits"),
        (camera('secret: "with a blank in it"'), "needs a secret of 12 to 128 letters and digits"),
        (camera("secret: 'inv/ented-secret'"), "needs a secret of 12 to 128 letters and digits"),
        (camera("addresses: [gate.local]"), "holds addresses of the camera, like 192.0.2.17"),
        (camera('secret: "${NOT_SET_AT_ALL}"'), "needs the environment variable NOT_SET_AT_ALL"),
        (camera("secret_file: none"), "secret_file that cannot be read"),
        (camera("secret_file: none, secret: abcdefghijklmn"), "has both secret and secret_file"),
        (camera("kind: other, addresses: 192.0.2.1"), "zhenshi"),
        (camera("addresses: 192.0.2.1", ", watch: rtsp://192.0.2.1/2"), "it watches by itself; remove `watch`"),
        (camera("addresses: 192.0.2.1", ", zone: [[0, 0], [1, 0], [1, 1]]"), "it watches by itself; remove `zone`"),
        ("cameras: {gate: {source: push}}", "needs both `source: push` and a section `push`"),
        ("cameras: {gate: {source: sample, push: {addresses: 192.0.2.1}}}", "needs both `source: push`"),
        ("push: {host: gate}\ncameras: {gate: {source: sample}}", "is not an address of this machine"),
        (
            "cameras: {gate: {source: sample}}\nbarriers: {front: {driver: camera, camera: gate}}",
            "names in front the camera gate; it must have `source: push` and kind zhenshi",
        ),
        (
            camera("kind: hikvision, addresses: 192.0.2.1") + "\nbarriers: {front: {driver: camera, camera: gate}}",
            "it must have `source: push` and kind zhenshi",
        ),
        (
            "cameras: {gate: {source: sample}}\nlanes: {in: {cameras: [gate], ask_program: {url: 192.0.2.1}}}",
            "is not an address; write it like http://192.0.2.20:8080/plate",
        ),
    ],
)
def test_a_mistake_has_its_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, "recognizer: {engine: local}\n" + text)
    assert sentence in str(caught.value)
    assert "config.yaml, line " in str(caught.value)
    assert "short" not in str(caught.value)


def test_verbs_that_need_no_secret_look_up_none(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(camera('secret: "${NOT_SET_AT_ALL}"'))
    assert load(tmp_path / "config.yaml", secrets=False).cameras["gate"].push is not None


def test_the_cameras_reading_counts_alone_only_if_it_may(tmp_path: Path) -> None:
    alone = load_text(tmp_path, camera("addresses: 192.0.2.1, min_confidence: 0.97"))
    assert acceptance(alone, "gate").floors[Engine.CAMERA] == 0.97
    never = load_text(tmp_path, camera("addresses: 192.0.2.1"))
    assert Engine.CAMERA not in acceptance(never, "gate").floors
