"""What people and logs get to see of a URL."""

import pytest

from streamwatch.redact import hide_credentials, host_of


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("open rtsp://user:pa@ss@192.0.2.7/live", "open rtsp://***@192.0.2.7/live"),
        ("'http://h/a?token=1&b=2' failed", "'http://h/a?***' failed"),
        ("rtsp://h:554/user=a_password=geheim_channel=1.sdp", "rtsp://h:554/user=a_password=***_channel=1.sdp"),
        ("rtsp://h/user=a&PWD=geheim&channel=1", "rtsp://h/user=a&PWD=***&channel=1"),
        ("There is no file rtsp:/user:geheim@192.0.2.7/x.", "There is no file rtsp:/***@192.0.2.7/x."),
        ("There is no file user:pa@ss@camera/x.", "There is no file ***@camera/x."),
        ("'//user:geheim@camera:554/x'", "'//***@camera:554/x'"),
        ("nothing of the kind: a@b, 1?2", "nothing of the kind: a@b, 1?2"),
    ],
)
def test_credentials_are_hidden_wherever_cameras_carry_them(text: str, seen: str) -> None:
    assert hide_credentials(text) == seen


@pytest.mark.parametrize(("url", "host"), [("rtsp://u:p@h:1/x", "h"), ("rtsp://[broken/x", ""), ("0", "")])
def test_the_host_without_credentials(url: str, host: str) -> None:
    assert host_of(url) == host
