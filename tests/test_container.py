"""Dockerfile and compose.yaml, as far as they can be tried without Docker."""

import json
import re
from pathlib import Path

import yaml
from daemons import verb

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["streamwatch"]


def words(instruction: str) -> list[str]:
    """Return the words of the last instruction of that name."""
    line = re.findall(rf"^{instruction} (.*)$", DOCKERFILE, re.MULTILINE)[-1]
    found: list[str] = json.loads(line[line.index("[") :]) if "[" in line else line.split()
    return found


def test_what_is_copied_is_there_and_not_left_out_of_the_context() -> None:
    sources = [word for line in re.findall(r"^COPY ([^-].*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored, "neither data nor secrets get into an image"
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_it_runs_as_nobody_special_and_can_write_one_folder() -> None:
    assert words("USER") == ["10001:10001"]
    assert words("VOLUME") == ["/var/lib/streamwatch"]
    assert COMPOSE["read_only"] is True
    assert COMPOSE["cap_drop"] == ["ALL"]
    assert [volume for volume in COMPOSE["volumes"] if not volume.endswith(":ro")] == ["data:/var/lib/streamwatch"]


def test_its_commands_are_verbs_and_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("cameras: {gate: {source: 'rtsp://u:${GATE_PASSWORD}@192.0.2.7/1'}}\n")
    (tmp_path / "GATE_PASSWORD").write_text("invented\n")
    (tmp_path / "appcode").write_text("invented\n")
    assert words("ENTRYPOINT") == ["streamwatch"]
    for command in (words("CMD"), words("HEALTHCHECK")[1:]):
        name, option, config = command
        assert option == "--config"
        assert f"./config.yaml:{config}:ro" in COMPOSE["volumes"]
        assert verb(tmp_path, name, "--help").returncode == 0
    done = verb(tmp_path, "status", CREDENTIALS_DIRECTORY=str(tmp_path))
    assert "The daemon is not running" in done.stderr, "all that the config needs is found"
