"""The page of health in a real browser: what is wrong and what to do, in both languages, with and without a daemon."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from browser import DESK, PHONE, Shoot, Visitor, findings, too_wide
from consoles import DrawnConsole
from playwright.sync_api import expect
from records import ONLY_SQLITE
from snapshots import ILL, WELL, camera
from test_gate_page import as_somebody

from streamwatch.core.codes import FindingCode, Role
from streamwatch.health import STATUS_FILE, BudgetUse, CameraFinding, Snapshot, write_status
from streamwatch.web.accounts.principal import Principal

pytestmark = ONLY_SQLITE


def present(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot as of now, with the ages that it had."""
    now = datetime.now(UTC)
    shift = now - snapshot.taken_at
    cameras = tuple(replace(camera, since=camera.since + shift) for camera in snapshot.cameras)
    findings = tuple(replace(finding, since=finding.since + shift) for finding in snapshot.findings)
    return replace(snapshot, taken_at=now, cameras=cameras, findings=findings)


def unlike_before() -> Snapshot:
    found = CameraFinding(FindingCode.NO_VEHICLE, "entry", WELL.taken_at - timedelta(hours=3), 40.0, 0.0)
    return present(replace(WELL, cameras=(camera("entry"), camera("exit")), findings=(found,)))


def test_all_is_well(console: DrawnConsole, visitor: Visitor) -> None:
    console.backend.state = present(WELL)
    page = visitor.open(f"{console.url}/health", scripts=False)
    expect(page.locator(".note")).to_have_text(["All is well."])
    gate = page.locator("#part-gate")
    expect(gate).to_contain_text("25 pictures a second")
    expect(gate).to_contain_text("12 passages since the start: 8 read, 1 unsure, 1 without a plate")
    expect(page.locator("#part-calls")).to_contain_text("Budget for this calendar day: 10 of 200 calls")


@pytest.mark.parametrize(("size", "language", "dark"), [(DESK, "en", False), (PHONE, "zh-CN", True)])
def test_what_is_wrong_is_said_with_what_to_do(
    console: DrawnConsole, visitor: Visitor, shoot: Shoot, size: tuple[int, int], language: str, dark: bool
) -> None:
    cameras = (*ILL.cameras, camera("entry"), camera("exit"))
    console.backend.state = present(replace(ILL, cameras=cameras))
    page = visitor.open(f"{console.url}/health", size, language=language, dark=dark)
    assert not findings(page)
    assert not too_wide(page)
    said = page.locator("main").inner_text()
    assert "hunter2" not in said
    english = language == "en"
    for words in (
        ("11 things need help.", "有 11 项需要处理。"),
        (
            "No vehicle for 3 hr at entry, where 40 an hour come at this time.",
            "entry 已有 3小时 没有过车，平时这个时段每小时约 40 辆。",
        ),
        ("Look at its live picture", "请查看实时画面"),
        ("Plates at exit have shrunk from 140 to 90 pixels", "exit 的车牌宽度由 140 像素缩小到 90 像素"),
        ("Waiting for the engine: 7 pictures, the oldest for 2 hr", "等待识别：7 张图片，最早的已等 2小时"),
        ("The clock is not trusted", "时钟不可信"),
    ):
        assert words[0 if english else 1] in said
    shoot(page, f"health-{language}")


def test_the_page_brings_itself_up_to_date(console: DrawnConsole, visitor: Visitor) -> None:
    console.backend.state = present(WELL)
    page = visitor.open(f"{console.url}/health")
    expect(page.locator(".note").first).to_have_text("All is well.")
    console.backend.state = unlike_before()
    expect(page.locator("#part-entry .note")).to_contain_text("No vehicle for 3 hr at entry", timeout=60_000)
    expect(page.locator("#spoken")).to_have_text("Everything works. One thing should be looked at.")


def test_without_a_daemon_the_last_status_is_shown(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{console.url}/health")
    expect(page.locator("main")).to_contain_text("streamwatch run has not run here yet")
    path = console.data_dir / STATUS_FILE
    write_status(path, replace(WELL, cameras=(camera("entry"),)))
    long_ago = (datetime.now(UTC) - timedelta(hours=5)).timestamp()
    os.utime(path, (long_ago, long_ago))
    page.reload()
    expect(page.locator(".note").first).to_contain_text("Its last sign of life was 5 hr ago.")
    expect(page.locator("#part-entry .badge")).to_have_text("not watched now")


def test_a_person_sees_only_the_health_of_own_cameras(console: DrawnConsole) -> None:
    cameras = (camera("entry"), camera("exit", "frozen"))
    console.backend.state = present(replace(ILL, cameras=cameras, budget=(BudgetUse("day", "exit", 5, 5),)))
    with as_somebody(console, Principal("wang", Role.VIEWER, frozenset({"entry"}))) as client:
        said = client.get("/health").text
        assert "No vehicle for" in said
        assert "exit" not in said
        assert "exit" not in client.get("/health/state").text
