"""The pages of the lanes, as a guard uses them, in a real browser over a real server."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from browser import DESK, PHONE, Visitor, findings, too_wide
from consoles import DrawnConsole, Visit, as_somebody
from drawn_lanes import LANES, NotedBarriers, add_permit, decide, with_lanes
from playwright.sync_api import Page, expect
from records import ONLY_SQLITE, Database

from streamwatch.access.may_open import ANSWER_WITHIN
from streamwatch.core.barrier_state import BarrierState, OpeningOutcome
from streamwatch.core.codes import (
    DecisionReason,
    OpeningCause,
    OpeningState,
    PermitKind,
    Position,
    Role,
    Verdict,
    WithheldReason,
)
from streamwatch.store import LaneDecision, LaneLog, OpeningTerms
from streamwatch.web.accounts.principal import Principal

GUARD = Principal("Lily", Role.GUARD)
OTHER = Principal("Tom", Role.GUARD)
JSON = {"Accept": "application/json"}


@pytest.fixture
def barriers(console: DrawnConsole) -> NotedBarriers:
    """Return the barriers of a console that has the lanes `in`, `out` and `yard`."""
    return with_lanes(console)


def row_of(console: DrawnConsole, key: str) -> LaneDecision:
    return console.reader.lanes.by_keys([key])[key]


def answering(console: DrawnConsole, key: str, answer: str = "opened", **more: str) -> dict[str, str]:
    row = row_of(console, key)
    return {"do": "answer", "decision": str(row.id), "revised": str(row.revised), "answer": answer, **more}


def audit(console: DrawnConsole) -> list[tuple[str, str, str]]:
    found = console.reader.audit.entries(20)
    return [(entry.who, entry.action.value, entry.object) for entry in reversed(found)]


def live(page: Page) -> Page:
    expect(page.locator("#link-state")).to_have_text("live")
    return page


def test_a_question_appears_by_itself_and_a_press_opens_once(
    console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor
) -> None:
    page = live(visitor.open(f"{console.url}/lanes/in"))
    expect(page.locator(".nothing")).to_be_visible()
    key = decide(console, "沪B8K219")
    lane = page.locator(".lane")
    expect(lane.locator(".headline")).to_have_text("Please decide")
    expect(lane.locator(".reason")).to_have_text("No permit: a temporary vehicle.")
    expect(lane.locator(".plate-line .plate")).to_have_text("沪B8K219")
    expect(page.locator("#spoken")).to_have_text("Please decide: in 沪B8K219")
    expect(page).to_have_title(re.compile("● Please decide · in"))
    expect(lane).not_to_have_class(re.compile("arrived"))
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator("#told-0")).to_have_text("The barrier opens.")
    expect(lane.locator(".followed").last).to_have_text("Opened by local")
    expect(page.get_by_role("button", name="Open", exact=True)).to_have_count(0)
    assert barriers.asked == [("in", OpeningCause.ANSWER, "local", "")]
    row = row_of(console, key)
    assert (row.answer, row.answered_by) == ("opened", "local")
    assert [(one.who, one.state) for one in row.openings] == [("local", OpeningState.DONE)]
    assert audit(console) == [("local", "decision_answered", "沪B8K219")]


def test_the_picture_is_the_one_that_the_decision_rests_on(console: DrawnConsole, barriers: NotedBarriers) -> None:
    """Also while a better picture of the same vehicle, or another vehicle, is the newest one."""
    key = decide(console, "沪B8K219")
    console.add(Visit("京A70001", "entry", datetime.now(UTC)))
    row = row_of(console, key)
    shown = httpx.get(f"{console.url}/lanes/in").text
    assert re.findall(r'<img src="/pictures/keyframes/(\d+)\?width=1280', shown) == [str(row.keyframe)]
    plate = httpx.get(f"{console.url}/pictures/decisions/{row.id}?width=480")
    assert (plate.status_code, plate.headers["content-type"]) == (200, "image/jpeg")
    assert len(plate.content) > 1000


@ONLY_SQLITE
def test_the_second_of_two_guards_is_told_who_was_first(
    console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor
) -> None:
    key = decide(console, "沪B8K219")
    form = answering(console, key)
    refusing = form | {"answer": "refused"}
    with as_somebody(console, GUARD) as lily, as_somebody(console, OTHER) as tom:
        first = lily.post("/lanes/in", data=form, headers=JSON)
        assert first.json() == {"text": "The barrier opens.", "tone": "good"}
        for late in (form, refusing):
            second = tom.post("/lanes/in", data=late, headers=JSON)
            assert second.json() == {"text": "Lily was first and has opened.", "tone": "warn"}
        assert lily.post("/lanes/in", data=form, headers=JSON).json()["tone"] == "warn"  # a double press
    assert [who for _, _, who, _ in barriers.asked] == ["Lily"]
    assert audit(console) == [("Lily", "decision_answered", "沪B8K219")]


@ONLY_SQLITE
def test_refusing_opens_nothing(console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor) -> None:
    key = decide(console, "沪B8K219")
    page = live(visitor.open(f"{console.url}/lanes", PHONE))
    page.get_by_role("button", name="Refuse", exact=True).click()
    expect(page.locator(".decision .followed")).to_have_text("Refused by local")
    assert barriers.asked == []
    assert row_of(console, key).answer == "refused"


@ONLY_SQLITE
def test_an_answer_to_what_has_changed_meanwhile_does_nothing(console: DrawnConsole, barriers: NotedBarriers) -> None:
    key = decide(console, "沪B8K219")
    form = answering(console, key) | {"revised": "1"}
    told = httpx.post(f"{console.url}/lanes/in", data=form, headers=JSON).json()
    assert told["text"] == "Nothing was done: a better reading has come meanwhile. Look again."
    assert barriers.asked == []
    assert row_of(console, key).answer is None


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("verdict", "reason", "age", "said"),
    [
        (Verdict.ASK, DecisionReason.UNKNOWN, ANSWER_WITHIN + 1, "Too late"),
        (Verdict.DENY, DecisionReason.BLOCKED, 1.0, "It may not pass"),
    ],
)
def test_what_is_late_or_denied_cannot_be_opened_by_an_answer(
    console: DrawnConsole, barriers: NotedBarriers, verdict: Verdict, reason: DecisionReason, age: float, said: str
) -> None:
    key = decide(console, "沪B8K219", verdict, reason, age=age)
    assert 'value="opened"' not in httpx.get(f"{console.url}/lanes/in").text
    told = httpx.post(f"{console.url}/lanes/in", data=answering(console, key), headers=JSON).json()
    assert told["text"].startswith(said)
    assert barriers.asked == []
    assert row_of(console, key).answer is None


@ONLY_SQLITE
def test_what_has_opened_by_itself_is_not_opened_again_by_an_answer(
    console: DrawnConsole, barriers: NotedBarriers
) -> None:
    key = decide(console, "沪B8K219", Verdict.ALLOW, DecisionReason.PERMITTED)
    made: Any = row_of(console, key)
    barriers.request("in", OpeningCause.AUTOMATIC, made)
    text = httpx.get(f"{console.url}/lanes/in").text
    assert "Opened by itself" in text
    assert 'value="opened"' not in text
    told = httpx.post(f"{console.url}/lanes/in", data=answering(console, key), headers=JSON).json()
    assert told["text"] == "It was opened already."
    assert len(barriers.asked) == 1


@ONLY_SQLITE
def test_by_keyboard_alone(console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor) -> None:
    decide(console, "沪B8K219")
    page = live(visitor.open(f"{console.url}/lanes/in"))
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "opened":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".decision .followed").last).to_have_text("Opened by local")
    assert len(barriers.asked) == 1


@ONLY_SQLITE
def test_a_press_that_was_meant_for_the_vehicle_before_does_nothing(
    console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor
) -> None:
    """A question that has just come takes no answer for a moment."""
    page = live(visitor.open(f"{console.url}/lanes/in"))
    page.evaluate(
        """() => new MutationObserver(() => {
          const button = document.querySelector("[value=opened]");
          const root = document.documentElement;
          if (button && !root.dataset.pressed) { root.dataset.pressed = "yes"; button.click(); }
        }).observe(document.body, { childList: true, subtree: true })"""
    )
    key = decide(console, "沪B8K219")
    expect(page.locator("html")).to_have_attribute("data-pressed", "yes")
    expect(page.locator(".lane")).not_to_have_class(re.compile("arrived"))
    assert barriers.asked == []
    assert row_of(console, key).answer is None
    expect(page.locator("#told-0")).to_be_empty()


@ONLY_SQLITE
def test_without_scripts_it_is_a_form(console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor) -> None:
    decide(console, "沪B8K219")
    page = visitor.open(f"{console.url}/lanes/in", PHONE, scripts=False)
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator(".message")).to_have_text("The barrier opens.")
    expect(page.locator(".decision .followed").last).to_have_text("Opened by local")
    page.get_by_label("Reason", exact=True).select_option("delivery")
    page.get_by_label("More, or another reason").fill("post")
    page.get_by_role("button", name="Open by hand").click()
    expect(page.locator(".message")).to_have_text("The barrier opens.")
    expect(page.locator(".history")).to_contain_text("Opened by hand by local (delivery – post)")
    page.locator("summary", has_text="Stop all openings").click()
    page.get_by_role("button", name="Stop all openings now").click()
    expect(page.locator(".kill-title")).to_contain_text("All openings are stopped")
    assert [cause for _, cause, _, _ in barriers.asked] == [OpeningCause.ANSWER, OpeningCause.BY_HAND]


@ONLY_SQLITE
def test_opening_by_hand_needs_a_reason(console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor) -> None:
    page = live(visitor.open(f"{console.url}/lanes/in"))
    page.get_by_role("button", name="Open by hand").click()
    expect(page.locator("#told-0")).to_have_text("Say why: choose a reason, or type one.")
    assert barriers.asked == []
    page.get_by_label("More, or another reason").fill("  the fire   brigade ")
    page.get_by_role("button", name="Open by hand").click()
    expect(page.locator("#told-0")).to_have_text("The barrier opens.")
    expect(page.locator(".history")).to_contain_text("Opened by hand by local (the fire brigade)")
    expect(page.get_by_label("More, or another reason")).to_have_value("")
    assert barriers.asked == [("in", OpeningCause.BY_HAND, "local", "the fire brigade")]
    assert audit(console) == [("local", "opened_by_hand", "in")]


@ONLY_SQLITE
def test_what_is_typed_stays_while_vehicles_come(
    console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor
) -> None:
    page = live(visitor.open(f"{console.url}/lanes/in"))
    page.get_by_label("More, or another reason").fill("a lorry")
    decide(console, "沪B8K219")
    expect(page.locator(".lane .plate-line")).to_have_text("沪B8K219")
    expect(page.get_by_label("More, or another reason")).to_have_value("a lorry")
    expect(page.get_by_label("More, or another reason")).to_be_focused()


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("state", "reason", "detail", "said", "tone"),
    [
        (
            OpeningState.FAILED,
            WithheldReason.NONE,
            "The relay answers 500.",
            "The barrier did not open: The relay",
            "bad",
        ),
        (OpeningState.UNKNOWN, WithheldReason.NONE, "", "It is not known whether the barrier opened", "bad"),
        (OpeningState.WITHHELD, WithheldReason.BUSY, "", "Not opened: the barrier is busy", "warn"),
    ],
)
def test_a_barrier_that_does_not_open_is_said(
    console: DrawnConsole,
    barriers: NotedBarriers,
    state: OpeningState,
    reason: WithheldReason,
    detail: str,
    said: str,
    tone: str,
) -> None:
    barriers.answer, barriers.reason, barriers.detail = state, reason, detail
    key = decide(console, "沪B8K219")
    told = httpx.post(f"{console.url}/lanes/in", data=answering(console, key), headers=JSON).json()
    assert told["text"].startswith(said)
    assert told["tone"] == tone
    assert said in httpx.get(f"{console.url}/lanes/in").text


@ONLY_SQLITE
def test_the_kill_switch_beats_all_and_says_who(
    console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor
) -> None:
    key = decide(console, "沪B8K219")
    page = live(visitor.open(f"{console.url}/lanes"))
    with as_somebody(console, GUARD) as lily:
        assert lily.post("/lanes", data={"do": "stop"}, headers=JSON).json()["text"] == "All openings are stopped."
        expect(page.locator(".kill-note")).to_contain_text("Lily stopped them: today")
        for form in (answering(console, key), {"do": "open", "more": "fire"}):
            told = lily.post("/lanes/in", data=form, headers=JSON).json()
            assert told == {"text": "Not opened: all openings are stopped by the kill switch.", "tone": "bad"}
        assert row_of(console, key).answer is None
        assert "A manager can allow openings again." in lily.get("/lanes").text
        assert lily.post("/lanes", data={"do": "resume"}).status_code == 403
        assert barriers.killed
    page.get_by_role("button", name="Allow openings again").click()
    expect(page.locator(".kill-note")).to_have_count(0)
    assert not barriers.killed
    assert barriers.asked == []
    assert audit(console) == [("Lily", "openings_stopped", ""), ("local", "openings_resumed", "")]


@ONLY_SQLITE
def test_a_kill_file_made_by_hand_counts(console: DrawnConsole, barriers: NotedBarriers) -> None:
    (console.data_dir / "KILL").write_text("")
    assert "All openings are stopped" in httpx.get(f"{console.url}/lanes").text


@ONLY_SQLITE
def test_near_permits_are_offered_with_the_difference_marked(
    console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor
) -> None:
    permit = add_permit(console, "沪B8K2I9", holder="李梅 <5栋>")
    key = decide(console, "沪B8K219", near=(("沪B8K2I9", permit),))
    page = live(visitor.open(f"{console.url}/lanes/in"))
    button = page.locator(".near-plate")
    expect(button).to_contain_text("李梅 <5栋>")
    expect(button.locator("mark")).to_have_text("I")
    button.click()
    expect(page.locator(".decision .followed").first).to_have_text("as 沪B8K2I9")
    row = row_of(console, key)
    assert (row.answer, row.answer_plate) == ("opened", "沪B8K2I9")
    assert row.permit is not None
    assert row.permit.key == permit.key
    forged = answering(console, decide(console, "沪B8K219")) | {"as": "京A99999"}
    told = httpx.post(f"{console.url}/lanes/in", data=forged, headers=JSON).json()
    assert told["text"] == "This plate is not offered any more. Look again."
    assert len(barriers.asked) == 1


@ONLY_SQLITE
def test_an_exit_without_an_entry_offers_who_is_inside(console: DrawnConsole, barriers: NotedBarriers) -> None:
    came = decide(console, "浙C77Q10", Verdict.ALLOW, DecisionReason.PERMITTED, age=4000, passed=True)
    decide(console, "京A12345", Verdict.ALLOW, DecisionReason.PERMITTED, age=3000, passed=True)
    key = decide(console, "浙C77010", Verdict.ASK, DecisionReason.PASSED_BACK, "out")
    text = httpx.get(f"{console.url}/lanes/out").text
    assert "There is no record of its entry." in text
    offered = re.findall(r'name="as" value="([^"]+)"><img src="/pictures/keyframes/(\d+)', text)
    assert offered == [("浙C77Q10", str(row_of(console, came).keyframe))]
    with as_somebody(console, Principal("g", Role.GUARD, frozenset({"exit"}))) as client:
        assert 'name="as"' not in client.get("/lanes/out").text  # the entry is of a camera that this guard may not see
    form = answering(console, key) | {"as": "浙C77Q10"}
    assert httpx.post(f"{console.url}/lanes/out", data=form, headers=JSON).json()["tone"] == "good"
    assert row_of(console, key).answer_plate == "浙C77Q10"


@ONLY_SQLITE
def test_a_visitor_is_let_in_by_code_once(console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor) -> None:
    until = datetime.now(UTC) + timedelta(hours=3)
    permit = add_permit(console, "京N7X8P2", kind=PermitKind.VISITOR, holder="Anna", valid_until=until)
    assert permit.code is not None
    page = live(visitor.open(f"{console.url}/lanes/in"))
    page.get_by_label("Code of a visitor").fill(f" {permit.code.lower()} ")
    page.get_by_role("button", name="Look up").click()
    expect(page.locator(".visitor-found")).to_contain_text("Anna")
    expect(page.locator(".visitor-found")).to_contain_text("The permit is valid.")
    page.get_by_role("button", name="Open for this visitor").click()
    expect(page.locator(".message")).to_have_text("The barrier opens.")
    assert [(cause, note) for _, cause, _, note in barriers.asked] == [
        (OpeningCause.BY_HAND, f"visitor {permit.code} Anna")
    ]
    again = httpx.get(f"{console.url}/lanes/in", params={"code": permit.code}).text
    assert "used up" in again
    assert "Open for this visitor" not in again
    form = {"do": "visitor", "code": permit.code}
    assert httpx.post(f"{console.url}/lanes/in", data=form, headers=JSON).json()["tone"] == "bad"
    assert "No visitor has this code." in httpx.get(f"{console.url}/lanes/in", params={"code": "<b>"}).text
    assert len(barriers.asked) == 1


@ONLY_SQLITE
def test_a_visitors_code_answers_the_question_that_waits(console: DrawnConsole, barriers: NotedBarriers) -> None:
    permit = add_permit(console, "京N7X8P2", kind=PermitKind.VISITOR, holder="Anna")
    key = decide(console, "沪B8K219")
    form = {"do": "visitor", "code": permit.code or ""}
    assert httpx.post(f"{console.url}/lanes/in", data=form, headers=JSON).json()["tone"] == "good"
    row = row_of(console, key)
    assert (row.answer, row.answered_by) == ("opened", "local")
    assert row.permit is not None
    assert row.permit.key == permit.key
    assert barriers.asked == [("in", OpeningCause.ANSWER, "local", f"visitor {permit.code} Anna")]
    left = console.reader.permits.one(permit.key)
    assert left is not None
    assert left.uses_left == 0
    assert httpx.post(f"{console.url}/lanes/in", data=form, headers=JSON).json()["tone"] == "bad"
    assert len(barriers.asked) == 1


@ONLY_SQLITE
def test_barriers_say_only_what_they_know(console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor) -> None:
    page = live(visitor.open(f"{console.url}/lanes"))
    head = page.locator("[data-lane=in]")
    expect(head).to_contain_text("position not reported")
    expect(page.locator("[data-lane=yard]")).to_contain_text("no barrier")
    state = BarrierState("front", ("in",), Position.CLOSED, sensed=True)
    barriers.standing = {"front": state}
    expect(head).to_contain_text("barrier closed")
    barriers.standing = {"front": replace(state, fault="The relay does not answer.", held_until=datetime.now(UTC))}
    expect(head.locator(".note.bad")).to_contain_text("The relay does not answer.")
    expect(head).to_contain_text("held open until")


@ONLY_SQLITE
def test_modes_say_what_they_do(console: DrawnConsole, barriers: NotedBarriers) -> None:
    decide(console, "沪B8K219", Verdict.ALLOW, DecisionReason.PERMITTED, "out")
    decide(console, "京A12345", Verdict.ALLOW, DecisionReason.PERMITTED, "yard")
    out, yard = (httpx.get(f"{console.url}/lanes/{name}").text for name in ("out", "yard"))
    assert "An automatic lane would open now." in out
    assert "opened by people, with suggestions" in out
    assert "An automatic lane" not in yard
    assert "opened by people only" in yard
    assert "Let pass" in yard
    assert "Open by hand" not in yard


@ONLY_SQLITE
def test_who_sees_one_camera_has_only_its_lane(console: DrawnConsole, barriers: NotedBarriers) -> None:
    own, foreign = decide(console, "沪B8K219", lane="out"), decide(console, "鲁F6T301", lane="in")
    with as_somebody(console, Principal("g", Role.GUARD, frozenset({"exit"}))) as client:
        text = client.get("/lanes").text
        assert "沪B8K219" in text
        assert "鲁F6T301" not in text
        assert re.findall(r'data-lane="(\w+)"', text) == ["out"]
        assert client.get("/lanes/in").status_code == 404
        assert client.post("/lanes/in", data={"do": "open", "more": "x"}).status_code == 404
        assert client.post("/lanes/out", data=answering(console, foreign)).status_code == 404
        assert client.get(f"/pictures/decisions/{row_of(console, foreign).id}").status_code == 404
        assert client.get(f"/pictures/decisions/{row_of(console, own).id}").status_code == 200
        with client.stream("GET", "/lane/events?after=0", timeout=60) as stream:
            told = ""
            for line in stream.iter_lines():
                told += line
                if "沪B8K219" in line:
                    break
        assert "鲁F6T301" not in told
    assert barriers.asked == []


@ONLY_SQLITE
def test_a_viewer_sees_and_cannot_act_and_a_masked_one_reads_no_plate(
    console: DrawnConsole, barriers: NotedBarriers
) -> None:
    permit = add_permit(console, "沪B8K2I9", holder="李梅")
    key = decide(console, "沪B8K219", near=(("沪B8K2I9", permit),), permit=permit)
    outcome = OpeningOutcome("k", OpeningState.WITHHELD, WithheldReason.BUSY)
    hand = OpeningTerms("k", "in", "front", OpeningCause.BY_HAND, datetime.now(UTC), None, "Tom", "visitor 李梅")
    answered = OpeningTerms("a", "in", "front", OpeningCause.ANSWER, datetime.now(UTC), key, "Tom", "visitor 李梅")
    for terms in (hand, answered):
        console.store.openings.ended(terms, replace(outcome, key=terms.key), datetime.now(UTC))
    with as_somebody(console, GUARD) as client:
        assert client.get("/lanes/in").text.count("(visitor 李梅)") == 2
    with as_somebody(console, Principal("v", Role.VIEWER)) as client:
        assert "visitor" not in client.get("/api/v1/decisions").text
        text = client.get("/lanes/in").text
        assert "沪B8K219" in text
        assert "李梅" not in text
        for word in ("<form class", "Open by hand", "Stop all openings"):
            assert word not in text.partition("<main")[2]
        for path, form in (("/lanes/in", answering(console, key)), ("/lanes", {"do": "stop"})):
            assert client.post(path, data=form).status_code == 403
    for role in (Role.VIEWER, Role.GUARD):
        with as_somebody(console, Principal("m", role, masks_plates=True)) as client:
            text = client.get("/lanes/in").text
            assert "沪B•••19" in text
            assert not [word for word in ("沪B8K219", "沪B8K2I9", "李梅") if word in text]
            assert client.get(f"/pictures/decisions/{row_of(console, key).id}").status_code == 403
            assert client.post("/lanes/in", data=answering(console, key)).status_code == 403
            stops = client.post("/lanes", data={"do": "stop"}, headers=JSON).status_code
            assert (stops, barriers.killed) == ((200, True) if role is Role.GUARD else (403, False))
    assert barriers.asked == []


@ONLY_SQLITE
def test_without_a_daemon_nothing_opens_and_that_is_said(console: DrawnConsole) -> None:
    with_lanes(console, barriers=False)
    key = decide(console, "沪B8K219")
    text = httpx.get(f"{console.url}/lanes/in").text
    assert "nothing can be opened from here" in text
    assert 'class="answers"' not in text
    assert 'class="by-hand"' not in text
    for form in (answering(console, key), {"do": "open", "more": "x"}):
        told = httpx.post(f"{console.url}/lanes/in", data=form, headers=JSON).json()
        assert told["text"].startswith("Nothing can be opened from here")
    assert row_of(console, key).answer is None


@ONLY_SQLITE
def test_without_lanes_the_page_says_how_to_begin(console: DrawnConsole) -> None:
    assert "Name the lanes and their cameras" in httpx.get(f"{console.url}/lanes").text
    assert 'href="/lanes"' not in httpx.get(console.url).text
    with_lanes(console, {"in": LANES["in"]})
    assert 'href="/lanes"' in httpx.get(console.url).text


@ONLY_SQLITE
@pytest.mark.parametrize("form", [{}, {"do": "x"}, {"do": "answer"}, {"do": "answer", "decision": "1e9"}])
def test_a_broken_form_is_refused(console: DrawnConsole, barriers: NotedBarriers, form: dict[str, str]) -> None:
    assert httpx.post(f"{console.url}/lanes/in", data=form).status_code == 400
    assert httpx.post(f"{console.url}/lanes/nowhere", data=form).status_code == 404
    assert httpx.post(f"{console.url}/lanes", data=form).status_code == 400


@ONLY_SQLITE
def test_several_questions_wait_side_by_side(console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor) -> None:
    first, second = decide(console, "沪B8K219", age=30), decide(console, "京A12345", age=2)
    page = live(visitor.open(f"{console.url}/lanes/in"))
    waiting = page.locator(".also-waiting")
    expect(waiting.locator(".plate-line")).to_have_text("沪B8K219")
    waiting.get_by_role("button", name="Open", exact=True).click()
    expect(waiting).to_have_count(0)
    assert row_of(console, first).answer == "opened"
    assert row_of(console, second).answer is None


@ONLY_SQLITE
def test_an_old_question_stays_and_calls_no_more_once_another_vehicle_came(
    console: DrawnConsole, barriers: NotedBarriers
) -> None:
    old = decide(console, "沪B8K219", age=90)
    shown = f'data-waits="{row_of(console, old).id}"'
    assert shown in httpx.get(f"{console.url}/lanes/in").text
    decide(console, "鲁F6T301", Verdict.DENY, DecisionReason.BLOCKED)
    text = httpx.get(f"{console.url}/lanes/in").text
    assert shown not in text
    assert "Also waiting" in text


@ONLY_SQLITE
def test_the_sound_is_wanted_once_and_says_if_the_browser_is_silent(
    console: DrawnConsole, barriers: NotedBarriers, visitor: Visitor
) -> None:
    page = live(visitor.open(f"{console.url}/lanes"))
    sound = page.locator("#sound")
    sound.click()
    expect(sound).to_have_attribute("aria-pressed", "true")
    page.goto(f"{console.url}/lanes/in")
    expect(sound).to_have_attribute("aria-pressed", "true")
    expect(sound).to_have_text(re.compile("^(Sound|Press once to hear the sound)$"))
    sound.click()
    if sound.get_attribute("aria-pressed") == "true":  # that press only woke it
        sound.click()
    expect(sound).to_have_attribute("aria-pressed", "false")


@ONLY_SQLITE
@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_everybody_can_use_it(
    console: DrawnConsole,
    barriers: NotedBarriers,
    visitor: Visitor,
    size: tuple[int, int],
    dark: bool,
    language: str,
) -> None:
    permit = add_permit(console, "沪B8K2I9", holder="李梅", note="x" * 300)
    decide(console, "京A12345", Verdict.ALLOW, DecisionReason.PERMITTED, permit=permit, age=40)
    decide(console, "沪B8K219", near=(("沪B8K2I9", permit),))
    decide(console, "鲁F6T301", Verdict.DENY, DecisionReason.BLOCKED, "out", look="yellow")
    decide(console, "川A9P431", Verdict.ALLOW, DecisionReason.PERMITTED, "yard", warnings=(DecisionReason.FULL,))
    barriers.standing = {"front": BarrierState("front", fault="The relay at 192.0.2.9 does not answer.")}
    barriers.kill("Lily")
    for path in ("/lanes", "/lanes/in", "/lanes/in?code=ABCDEF", "/passages/16"):
        page = visitor.open(console.url + path, size, dark=dark, language=language)
        expect(page.locator("h1")).to_be_attached()
        assert not too_wide(page), path
        assert findings(page) == [], path
        page.close()


def test_decisions_are_found_by_a_search_and_stand_on_passages(console: DrawnConsole, barriers: NotedBarriers) -> None:
    asked = decide(console, "沪B8K219", warnings=(DecisionReason.FULL,))
    decide(console, "鲁F6T301", Verdict.DENY, DecisionReason.BLOCKED)
    with httpx.Client(base_url=console.url) as client:
        found = client.get("/search", params={"decision": "ask"}).text
        assert "1 passage" in found
        assert "? to be decided" in found
        assert "鲁F6T301" not in found.partition('<ol class="passages"')[2]
        assert "2 passages" in client.get("/search?decision=ask&decision=deny").text
        assert "is none of the choices" in client.get("/search?decision=perhaps").text
        assert len(client.get("/api/v1/passages?decision=deny").json()["items"]) == 1
        assert len(client.get("/api/v1/sightings?decision=ask").json()["items"]) == 1
        assert "✕ may not pass" in client.get("/").text
        page = client.get(f"/passages/{row_of(console, asked).passage}").text
        for word in ("No permit: a temporary vehicle.", "All spaces of its permit are taken.", 'href="/lanes/in"'):
            assert word in page


def test_the_api_lists_answers_and_refuses(console: DrawnConsole, barriers: NotedBarriers, database: Database) -> None:
    permit = add_permit(console, "沪B8K2I9", holder="李梅")
    keys = [decide(console, "沪B8K219", age=9 - n, near=(("沪B8K2I9", permit),)) for n in range(3)]
    decide(console, "鲁F6T301", Verdict.DENY, DecisionReason.BLOCKED, "out")
    with httpx.Client(base_url=f"{console.url}/api/v1") as client:
        lanes = {lane["name"]: lane for lane in client.get("/lanes").json()["items"]}
        assert list(lanes) == ["in", "out", "yard"]
        assert (lanes["in"]["mode"], lanes["in"]["barrier"], lanes["in"]["position"]) == ("automatic", "front", None)
        assert lanes["in"]["decision"]["id"] == row_of(console, keys[2]).id
        assert client.get("/lanes/nowhere").status_code == 404
        page = client.get("/decisions?lane=in&limit=2").json()
        rest = client.get("/decisions", params={"lane": "in", "cursor": page["next"]}).json()
        ids = [row_of(console, key).id for key in keys]
        assert [one["id"] for one in page["items"] + rest["items"]] == ids[::-1]
        assert rest["next"] is None
        assert [one["plate"] for one in client.get("/decisions?reason=blocked").json()["items"]] == ["鲁F6T301"]
        assert client.get("/decisions?plate=沪b·8K219&unanswered=true").json()["items"][0]["near"] == [
            {"plate": "沪B8K2I9", "permit": permit.key, "inside_since": None}
        ]
        address = f"/decisions/{ids[0]}/answer"
        assert client.post(address, json={"answer": "opened", "revised": 1}).status_code == 409
        assert client.post(address, json={"answer": "opened", "plate": "京A1"}).status_code == 409
        assert client.post(address, json={"answer": "maybe"}).status_code == 422
        done = client.post(address, json={"answer": "opened", "plate": "沪B8K2I9", "revised": 0}).json()
        assert done["told"] == "The barrier opens."
        assert done["decision"]["answer_plate"] == "沪B8K2I9"
        assert [(one["who"], one["state"]) for one in done["decision"]["openings"]] == [("local", "done")]
        again = client.post(address, json={"answer": "refused"})
        assert (again.status_code, again.json()["detail"]) == (409, "local was first and has opened.")
    assert len(barriers.asked) == 1
    with as_somebody(console, Principal("v", Role.VIEWER, frozenset({"exit"}), masks_plates=True)) as client:
        (one,) = client.get("/api/v1/decisions").json()["items"]
        assert (one["plate"], one["holder"], one["price"], one["near"]) == ("鲁F•••01", None, None, [])
        assert client.get("/api/v1/decisions?plate=京A12345").status_code == 403
        assert client.get(f"/api/v1/decisions/{ids[0]}").status_code == 404
        assert client.post(f"/api/v1/decisions/{ids[0]}/answer", json={"answer": "opened"}).status_code == 403


@ONLY_SQLITE
def test_a_blocked_plate_that_is_read_in_the_moment_of_the_answer_opens_nothing(
    console: DrawnConsole, barriers: NotedBarriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = decide(console, "沪B8K219")
    number, whole = row_of(console, key).id, LaneLog.one

    def revised_after(self: LaneLog, *asked: Any) -> LaneDecision | None:
        found = whole(self, *asked)
        monkeypatch.undo()
        console.store.decisions.overrule(key, Verdict.DENY, DecisionReason.BLOCKED, datetime.now(UTC))
        return found

    monkeypatch.setattr(LaneLog, "one", revised_after)
    answer = httpx.post(f"{console.url}/api/v1/decisions/{number}/answer", json={"answer": "opened"})
    assert answer.status_code == 409
    assert "Look again" in answer.json()["detail"]
    assert barriers.asked == []
