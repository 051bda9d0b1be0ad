"""Passwords that are not encoded in an address: the error says what to do, and no part of them is printed."""

import re

import pytest

from streamwatch.capture import open_source
from streamwatch.capture.address import check_address
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import CaptureError, SourceUnreadable
from streamwatch.core.redact import hide_credentials, place_of
from streamwatch.replay.camera_cost import opened

ADDRESSES = [
    f"{scheme}://{user}:{password}@{host}/live"
    for scheme in ("rtsp", "http")
    for host in ("192.0.2.7", "192.0.2.7:554", "camera.lan", "[2001:db8::7]:554")
    for user, password in [
        ("viewer", "gehe/im"),
        ("viewer", "gehe#im"),
        ("viewer", "gehe?im"),
        ("viewer", "12/34im"),
        ("viewer", "12?34im"),
        ("viewer", "12#34im"),
        ("viewer", "/geheim"),
        ("viewer", "#geheim"),
        ("viewer", "ge he/im"),
        ("viewer", "ge:he/im"),
        ("viewer", "ge@12/im"),
        ("viewer", "ge%/im"),
        ("viewer", "a://b"),
        ("view/er", "geheim"),
    ]
]
PIECES = re.compile("view|gehe|im|ge |12|34|a:|b@")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_raw_password_is_refused_and_no_piece_of_it_is_told(address: str) -> None:
    with pytest.raises(SourceUnreadable) as refused:
        open_source("gate", address, transport="tcp", loop=False, timeout=1, clock=SystemClock())
    said = str(refused.value)
    assert "percent-encoded" in said
    assert "${NAME}" in said
    assert not PIECES.search(said.replace("viron", "")), said
    with pytest.raises(SourceUnreadable, match="percent-encoded"), opened(address, SystemClock()):
        pass


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://viewer:geheim@192.0.2.7/live",
        "rtsp://viewer:ge@heim@192.0.2.7/live",
        "rtsp://viewer:ge heim@192.0.2.7/live",
        "rtsp://viewer:100%@192.0.2.7:554/live",
        "rtsp://192.0.2.7:554/live@main",
        "rtsp://camera:554/live@main",
        "rtsp://camera/user=a&password=b@c",
        "http://viewer:geheim@192.0.2.7/a?sign=x@y",
        "rtsp://[2001:db8::7]:554/x@y",
    ],
)
def test_what_can_work_is_tried(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("address", ["rtsp://viewer:12/34@localhost.invalid/live", "rtsp://127.0.0.1:9/34@1"])
def test_where_the_host_may_be_a_password_it_is_not_named(address: str) -> None:
    assert place_of(address) == "The host"
    with pytest.raises(CaptureError, match="percent-encoded") as failed:
        open_source("gate", address, transport="tcp", loop=False, timeout=1, clock=SystemClock())
    assert not re.search("viewer|12|34|127", str(failed.value))


def test_what_seems_to_be_a_scheme_may_be_a_password() -> None:
    with pytest.raises(SourceUnreadable, match="percent-encoded") as refused:
        open_source("gate", "viewer:geheim://x@h", transport="tcp", loop=False, timeout=1, clock=SystemClock())
    assert not re.search("viewer|geheim", str(refused.value))


@pytest.mark.parametrize("password", ["ge heim", "ge' heim", 'ge"heim', "12 heim", "ge #heim", "a b@heim"])
def test_a_blank_or_a_quote_ends_no_password_in_a_message(password: str) -> None:
    assert hide_credentials(f"open rtsp://viewer:{password}@192.0.2.7/x") == "open rtsp://***@192.0.2.7/x"


@pytest.mark.parametrize("text", ["http://127.0.0.1:8080/x is asked by a@b", "http://h:80, and a@b", "http://h:80"])
def test_a_port_is_no_password(text: str) -> None:
    assert hide_credentials(text) == text
