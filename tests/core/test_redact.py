"""The parts of a URL that people and logs see."""

import pytest

from streamwatch.core.redact import hide_credentials, hide_in_name, hide_secret, host_of


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
        ("There is no file admin:SEC/RET@192.0.2.7/x.", "There is no file ***@192.0.2.7/x."),
        ("There is no file /etc/cfg/admin:S:E/C@R/ET@192.0.2.7/x.", "There is no file /etc/cfg/***@192.0.2.7/x."),
        ("There is no file cfg/admin:/SEC?RET@camera/x.", "There is no file cfg/***@camera/x."),
        ("There is no file cfg/rtsp:/admin:SEC/RET@h/x.", "There is no file cfg/rtsp:/***@h/x."),
        ("open rtsp://admin:SEC/RET@192.0.2.7/x", "open rtsp://***@192.0.2.7/x"),
        ("open rtsp://admin:SEC?/RET@192.0.2.7/x", "open rtsp://***@192.0.2.7/x"),
        ("open http://h:80/a?sign=x@RET", "open http://h:80/a?***"),
        ("open http://u:p@h:80/a?sign=x@RET", "open http://***@h:80/a?***"),
        ("open rtsp://[2001:db8::7]:554/x@y", "open rtsp://[2001:db8::7]:554/x@y"),
        ("cfg/rec@gate/1@2.mp4: it holds a@b", "cfg/rec@gate/1@2.mp4: it holds a@b"),
        ("nothing of the kind: a@b, 1?2", "nothing of the kind: a@b, 1?2"),
    ],
)
def test_credentials_are_hidden_wherever_cameras_carry_them(text: str, seen: str) -> None:
    assert hide_credentials(text) == seen


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("cfg/admin:SE C/R'ET@192.0.2.7/x", "cfg/***@192.0.2.7/x"),
        ("rtsp:/admin:SE C@192.0.2.7/x", "***@192.0.2.7/x"),
        ("rtsp://u:p@192.0.2.7/x", "rtsp://***@192.0.2.7/x"),
        ("my clips/rec@gate 1.mp4", "my clips/rec@gate 1.mp4"),
    ],
)
def test_in_a_name_a_blank_or_a_quote_ends_nothing(name: str, seen: str) -> None:
    assert hide_in_name(name) == seen


@pytest.mark.parametrize(
    ("text", "secret", "seen"),
    [
        ("no plate: p was wrong, 'p' or (p)", "p", "no plate: *** was wrong, '***' or (***)"),
        ("the passport of pass", "pass", "the passport of ***"),
        ("a!!b !! c", "!!", "a!!b *** c"),
        ("x0123456789y", "0123456789", "x***y"),
        ("nothing", "", "nothing"),
    ],
)
def test_a_short_secret_is_hidden_as_a_word_and_a_long_one_everywhere(text: str, secret: str, seen: str) -> None:
    assert hide_secret(text, secret) == seen


@pytest.mark.parametrize(("url", "host"), [("rtsp://u:p@h:1/x", "h"), ("rtsp://[broken/x", ""), ("0", "")])
def test_the_host_without_credentials(url: str, host: str) -> None:
    assert host_of(url) == host
