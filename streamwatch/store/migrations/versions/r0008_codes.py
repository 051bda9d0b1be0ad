"""Replaces words and sentences by codes, in the columns of the outcomes of calls and of the reasons of keyframes."""

from collections.abc import Mapping

from alembic import op

revision = "0008"
down_revision = "0007"

OUTCOMES = (
    "'read', 'no_plate', 'failed', 'not_sent', 'doubtful', 'transient', 'throttled', 'clock', 'refused', "
    "'credentials', 'quota', 'arrears', 'not_authorised', 'down', 'bad_request', 'picture_refused', 'too_large', "
    "'picture_broken', 'url_failed', 'do_not_resend'"
)
VIEWS = {
    "its plate is large and sharp enough": "large_and_sharp",
    "its view stopped getting better": "best_view",
    "it went; this was its best view": "last_view",
    "it stood here when watching began": "stood_here",
    "the last view got no answer": "no_answer",
    "a second opinion on an unsure reading": "second_opinion",
    "a clearly better view than the unread one": "better_view",
    "a large vehicle passed, and no plate was seen on it": "without_plate",
    "it showed no plate; this view shows most of it": "no_plate_seen",
    "its plate was never large or sure enough; this was its best view": "never_worth_it",
}
STATES = {
    "saved by local%": "local_sure",
    "this very picture was paid for before": "paid_before",
    "read locally: its call brought no answer": "call_without_answer",
    "two calls for its vehicle brought no answer": "two_calls_without_answer",
    "another view of its vehicle was read": "other_view_read",
    "% calls of this hour for the account are used": "budget_hour",
    "% calls of this day for the account are used": "budget_day",
    "% calls of this month for the account are used": "budget_month",
    "% calls of this hour for camera % are used": "camera_budget_hour",
    "% calls of this day for camera % are used": "camera_budget_day",
    "% calls of this month for camera % are used": "camera_budget_month",
    "more than % pictures were waiting": "outbox_items",
    "more than % bytes were waiting": "outbox_bytes",
    "it waited for longer than % h": "outbox_age",
    "The picture % is gone.%": "picture_lost",
    "The picture % is damaged%": "picture_lost",
    "The picture of the keyframe % was deleted.": "picture_lost",
    "streamwatch was stopped before it was sent.": "stopped",
    "Its answer was not kept.": "answer_not_kept",
    "The service's answer, which was paid for, can be no reading%": "answer_unusable",
    "Its answer could not be entered%": "answer_not_entered",
}
"""The codes by patterns of LIKE. Other sentences are those of errors and become the outcome of the last call."""


def upgrade() -> None:
    """Translate the rows; the sentence of an error stays in `calls.error`. SQLite rebuilds the tables for `.schema`."""
    _outcomes()
    _reasons("reason", VIEWS, "'other'")
    _keep_sentences()
    _reasons("state_reason", STATES, _of_last_call())
    if op.get_bind().dialect.name == "sqlite":
        for table in ("calls", "keyframes"):
            with op.batch_alter_table(table, recreate="always"):
                pass


def _outcomes() -> None:
    op.execute("UPDATE calls SET outcome = replace(outcome, ' ', '_') WHERE outcome LIKE '% %'")
    op.execute(f"UPDATE calls SET outcome = 'failed' WHERE outcome NOT IN ({OUTCOMES})")


def _reasons(column: str, codes: Mapping[str, str], other: str) -> None:
    """Replace a text that matches a pattern by its code, another text by `other` (SQL), and keep an empty text."""
    cases = " ".join(f"WHEN {column} LIKE {_text(pattern)} THEN '{code}'" for pattern, code in codes.items())
    op.execute(f"UPDATE keyframes SET {column} = CASE {cases} ELSE {other} END WHERE {column} <> ''")


def _of_last_call() -> str:
    """Return the SQL expression for the outcome of a keyframe's last call, if that failed."""
    last = "SELECT max(c.id) FROM calls AS c WHERE c.keyframe_id = keyframes.id"
    outcome = f"SELECT l.outcome FROM calls AS l WHERE l.id = ({last}) AND l.outcome NOT IN ('read', 'no_plate')"
    return f"coalesce(({outcome}), CASE state WHEN 'failed' THEN 'failed' ELSE 'other' END)"


def _keep_sentences() -> None:
    """Move the sentence of an error to the keyframe's last call, if only the keyframe has the sentence."""
    known = " OR ".join(f"k.state_reason LIKE {_text(pattern)}" for pattern in STATES)
    sentence = f"SELECT k.state_reason FROM keyframes AS k WHERE k.id = calls.keyframe_id AND NOT ({known})"
    last = "SELECT max(c.id) FROM calls AS c WHERE c.keyframe_id = calls.keyframe_id"
    op.execute(f"UPDATE calls SET error = coalesce(({sentence}), '') WHERE error = '' AND id = ({last})")


def _text(text: str) -> str:
    """Return an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
