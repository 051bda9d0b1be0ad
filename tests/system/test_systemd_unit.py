"""systemd accepts the unit, and hands over the credentials."""

import configparser
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from daemons import verb

from streamwatch.core.errors import ConfigError
from streamwatch.system.systemd_unit import credential, obstacles, unit

ANALYZE = shutil.which("systemd-analyze")
EXECUTABLE = Path("/opt/streamwatch/bin/streamwatch")
CONFIG = Path("/etc/streamwatch/config.yaml")


class _Lines(dict[str, str]):
    """Return the keys of a unit. A key may stand more than once; its values are joined by line breaks."""

    def __setitem__(self, key: str, value: str | list[str]) -> None:  # type: ignore[override]
        if isinstance(value, list) and isinstance(before := self.get(key), list):
            value = before + value
        super().__setitem__(key, value)  # type: ignore[assignment]


def parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, dict_type=_Lines, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def verify(text: str, folder: Path) -> str:
    """Return the complaints of systemd-analyze about a unit; it exits with 0 for most mistakes."""
    assert ANALYZE is not None
    file = folder / "streamwatch.service"
    file.write_text(text)
    done = subprocess.run([ANALYZE, "verify", "--man=no", str(file)], capture_output=True, text=True, timeout=60)
    about_us = [line for line in done.stderr.splitlines() if "streamwatch" in line]
    return "\n".join([*about_us, *([f"exit code {done.returncode}"] if done.returncode else [])])


def test_it_is_what_the_daemon_relies_on() -> None:
    sections = parsed(unit(EXECUTABLE, CONFIG))
    assert sections.sections() == ["Unit", "Service", "Install"]
    service = sections["Service"]
    assert service["ExecStart"] == f'"{EXECUTABLE}" run --config "{CONFIG}"'
    assert service["ExecReload"] == f'"{EXECUTABLE}" reload --config "{CONFIG}"'
    expected = {
        "Type": "notify",
        "NotifyAccess": "main",
        "WatchdogSec": "60",
        "Restart": "always",
        "RestartSec": "10",
        "TimeoutStopSec": "30",
        "StateDirectory": "streamwatch",
        "DynamicUser": "yes",
        "SupplementaryGroups": "video",
        "DeviceAllow": "char-video4linux rw",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "CapabilityBoundingSet": "",
        "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "MemoryMax": "75%",
    }
    assert {key: service[key] for key in expected} == expected
    assert service["SystemCallFilter"].split()[0] == "@system-service"
    assert sections["Unit"]["StartLimitIntervalSec"] == "0", "it is restarted however often it fails"
    assert sections["Install"]["WantedBy"] == "multi-user.target"
    assert "ReadWritePaths" not in service


def test_each_credential_is_handed_over_and_none_is_missed() -> None:
    service = parsed(unit(EXECUTABLE, CONFIG, credentials=["appcode", "GATE_PASSWORD"]))["Service"]
    assert service["LoadCredential"].split("\n") == [
        "appcode:/etc/streamwatch/appcode",
        "GATE_PASSWORD:/etc/streamwatch/GATE_PASSWORD",
    ]
    assert service["SetCredential"].split("\n") == [r"appcode:\n", r"GATE_PASSWORD:\n"]


def test_user_drain_and_folders_are_taken_over() -> None:
    folders = [Path("/var/lib/streamwatch/data"), Path("/srv/gate data")]
    service = parsed(unit(EXECUTABLE, CONFIG, "gatekeeper", writable=folders, drain=45))["Service"]
    assert service["User"] == "gatekeeper"
    assert "DynamicUser" not in service
    assert service["TimeoutStopSec"] == "65"
    assert service["ReadWritePaths"] == '"-/srv/gate data"'


def test_folders_are_written_once_and_without_detours() -> None:
    folders = [Path("/srv/x/../data"), Path("/srv/data")]
    text = unit(EXECUTABLE, Path("/etc/a/../streamwatch/config.yaml"), "gatekeeper", writable=folders)
    assert text.count("ReadWritePaths") == 1
    assert '"-/srv/data"' in text
    assert '--config "/etc/streamwatch/config.yaml"' in text


@pytest.mark.parametrize(
    ("executable", "config", "writable"),
    [
        ("/home/pi/gate/.venv/bin/streamwatch", "/etc/streamwatch/config.yaml", []),
        ("/opt/streamwatch", "/root/config.yaml", []),
        ("/opt/streamwatch", "/etc/streamwatch/config.yaml", ["/home/pi/data"]),
    ],
)
def test_home_folders_can_be_read_only_where_something_of_ours_is_there(
    executable: str, config: str, writable: list[str]
) -> None:
    text = unit(Path(executable), Path(config), "pi", writable=[Path(path) for path in writable])
    assert parsed(text)["Service"]["ProtectHome"] == "read-only"


def test_a_python_that_lives_in_a_home_folder_counts(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to("/home/pi/.pyenv/versions/3.12.1/bin/python3")
    assert parsed(unit(tmp_path / "streamwatch", CONFIG))["Service"]["ProtectHome"] == "read-only"


def test_paths_are_quoted_as_systemd_reads_them() -> None:
    service = parsed(unit(Path("/opt/a b/streamwatch"), Path('/etc/100% "$x"\\/c.yaml')))["Service"]
    assert service["ExecStart"] == r'"/opt/a b/streamwatch" run --config "/etc/100%% \"$$x\"\\/c.yaml"'


def test_relative_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    service = parsed(unit(Path("bin/streamwatch"), Path("config.yaml")))["Service"]
    assert service["ExecStart"] == f'"{tmp_path}/bin/streamwatch" run --config "{tmp_path}/config.yaml"'


@pytest.mark.parametrize("bad", ["a\nExecStartPre=/bin/evil", "", "a b", "../x", "-x"])
def test_nothing_is_smuggled_into_the_unit(bad: str) -> None:
    with pytest.raises(ConfigError, match="not the name of"):
        unit(EXECUTABLE, CONFIG, bad)
    with pytest.raises(ConfigError, match="not the name of"):
        unit(EXECUTABLE, CONFIG, credentials=[bad])
    if "\n" in bad:
        with pytest.raises(ConfigError, match="holds a character"):
            unit(EXECUTABLE, Path("/etc") / bad)


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed; the sections are checked above")
@pytest.mark.parametrize("user", [None, "root"])
def test_systemd_accepts_it(user: str | None, tmp_path: Path) -> None:
    config = tmp_path / 'my "100%" $config' / "config.yaml"
    text = unit(Path(sys.executable), config, user, writable=[tmp_path / "a b"], credentials=["appcode", "GATE_PW"])
    assert verify(text, tmp_path) == ""


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("WatchdogSec=60", "WatchdogSeconds=60"),
        ("DevicePolicy=closed", "DevicePolicy=shut"),
        ("char-video4linux rw", "video4linux rw"),
        ("AF_NETLINK", "AF_NETLINKS"),
        ("@system-service", "@system-services"),
        (r"appcode:\n", "appcode:"),
        ("MemoryMax=75%", "MemoryMax=75pc"),
        ("ExecStart=", "ExecBegin="),
    ],
)
def test_systemd_would_not_accept_a_mistake(good: str, bad: str, tmp_path: Path) -> None:
    text = unit(Path(sys.executable), CONFIG)
    assert good in text
    assert verify(text.replace(good, bad), tmp_path) != ""


def test_a_credential_is_read_from_the_folder_that_systemd_names(tmp_path: Path) -> None:
    (tmp_path / "appcode").write_text("0123456789abcdef\n")
    (tmp_path / "app_key").write_text("\n")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert credential("appcode", environment) == "0123456789abcdef"
    assert credential("app_key", environment) is None, "the unit's default for a missing file"
    assert credential("app_secret", environment) is None
    assert credential("appcode", {}) is None
    assert credential("appcode", {"CREDENTIALS_DIRECTORY": ""}) is None


def test_a_credential_that_cannot_be_read_is_one_sentence_without_it(tmp_path: Path) -> None:
    (tmp_path / "appcode").write_bytes(b"geheim\xff")
    (tmp_path / "app_key").mkdir()
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    with pytest.raises(ConfigError, match=r"^The credential appcode cannot be read: it is not UTF-8 text\.$") as error:
        credential("appcode", environment)
    assert error.value.__context__ is None or error.value.__suppress_context__
    with pytest.raises(ConfigError, match=r"^The credential app_key cannot be read: Is a directory\.$"):
        credential("app_key", environment)


# What keeps the unit from starting


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Yield a folder that everybody may enter, and that does not count as /tmp."""
    monkeypatch.setattr("streamwatch.system.systemd_unit._TEMPORARY", (Path("/tmp/none"),))
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest", "popen", "test")):
            folder.chmod(0o755)
    (tmp_path / "venv").mkdir(mode=0o755)
    for file in (tmp_path / "venv/python", tmp_path / "config.yaml"):
        file.touch(0o755)
        file.chmod(0o755)
    return tmp_path


def said(place: Path, user: str | None = None, writable: Sequence[Path] = ()) -> list[str]:
    program = {"the program": place / "venv/python", "its Python": place / "venv/python"}
    return list(obstacles(program, place / "config.yaml", user, writable))


def test_where_all_can_be_reached_nothing_is_said(place: Path) -> None:
    assert said(place) == []
    assert said(place, "root", [place]) == []


def test_what_lies_in_tmp_is_not_there_for_the_service(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamwatch.system.systemd_unit._TEMPORARY", (place / "venv",))
    program, python = said(place)
    assert program.startswith(
        f"the program lies in {place / 'venv'}, but the service sees an empty folder of its own there. "
    )
    assert "/opt/streamwatch/venv" in program
    assert python.startswith("its Python lies in")


def test_a_folder_that_its_user_cannot_enter(place: Path) -> None:
    (place / "venv").chmod(0o700)
    program, _ = said(place)
    assert program.startswith(
        f"the user that systemd makes up cannot enter {place / 'venv'} (mode 700), where the program lies. "
    )
    assert said(place, "nobody")[0].startswith("the user nobody cannot enter")
    if os.getuid() == 0:
        assert said(place, "root") == [], "its own"


def test_behind_a_link_too(place: Path) -> None:
    (place / "real").mkdir()
    (place / "real/python").touch(0o755)
    (place / "real").chmod(0o700)
    (place / "venv/python").unlink()
    (place / "venv/python").symlink_to(place / "real/python")
    assert f"cannot enter {place / 'real'}" in said(place)[0]


def test_a_config_that_its_user_cannot_read(place: Path) -> None:
    (place / "config.yaml").chmod(0o600)
    (sentence,) = said(place)
    assert f"cannot read the config, {place / 'config.yaml'} (mode 600). Put it into /etc/streamwatch" in sentence


def test_somebody_elses_home_may_be_closed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamwatch.system.systemd_unit._HOMES", (place,))
    assert "lies in a home folder" in said(place)[0]
    owner = pwd.getpwuid(os.getuid()).pw_name
    assert said(place, owner) == []


def test_a_user_who_is_not_there_or_cannot_write(place: Path) -> None:
    assert said(place, "no-such-user") == [
        "There is no user no-such-user on this machine: make one, or leave --user out."
    ]
    (sentence,) = said(place, "nobody", [place / "venv", place / "missing"])
    assert (
        sentence == f"the user nobody cannot write {place / 'venv'}: `chown -R nobody {place / 'venv'}` changes that."
    )


def test_the_verb_names_what_is_in_the_way_and_each_variables_file(tmp_path: Path) -> None:
    source = "rtsp://u:${GATE_PASSWORD}@192.0.2.7/${STREAM}"
    (tmp_path / "config.yaml").write_text(
        f"cameras: {{gate: {{source: '{source}'}}}}\ndata_dir: /var/lib/streamwatch\n"
    )
    done = verb(tmp_path, "service")
    assert done.returncode == 0
    assert done.stdout.startswith("[Unit]")
    for name in ("GATE_PASSWORD", "STREAM"):
        assert f"${{{name}}} of the config comes from the file /etc/streamwatch/{name}: " in done.stderr
    if tmp_path.is_relative_to("/tmp"):
        assert "the config lies in /tmp" in done.stderr


def test_a_variable_without_its_file_is_named_in_the_service(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("cameras: {gate: {source: 'rtsp://u:${GATE_PASSWORD}@192.0.2.7/1'}}\n")
    done = verb(tmp_path, "run", CREDENTIALS_DIRECTORY=str(tmp_path))
    assert done.returncode == 1
    assert "the service takes it from the file /etc/streamwatch/GATE_PASSWORD" in done.stderr
