"""Writes the ledger of paid calls: a call gets its row before it is sent; the row is completed after the call."""

from datetime import datetime

from streamwatch.core.codes import StateReason
from streamwatch.core.model import CallResult, Engine, PlateText
from streamwatch.core.redact import hide_credentials
from streamwatch.store import ledger
from streamwatch.store.evidence import picture_path, sha256
from streamwatch.store.evidence_writer import EvidenceWriter
from streamwatch.store.revisions import touch
from streamwatch.store.rows import answer_row, row_of
from streamwatch.store.tables import KeyframeState, StoredCall, StoredKeyframe
from streamwatch.store.transactions import Writer

BY_HAND = "read"
"""Evidence folder of the verb `read`, whose pictures belong to no camera."""


class CallLedger:
    """Writes calls, and adds up what they have cost."""

    def __init__(self, writer: Writer, evidence: EvidenceWriter) -> None:
        self._writer, self._evidence = writer, evidence

    def started(
        self,
        key: str,
        keyframe: str | None,
        engine: Engine,
        attempt: int,
        started_at: datetime,
        picture: bytes | str,
    ) -> None:
        """Write the ledger row of a call. The caller must not send anything before this has returned.

        keyframe: its key; its state becomes `sent`. None for the verb `read`. picture: the JPEG that will be sent, or
        its address. If the JPEG is not the keyframe's own, it is kept as evidence, too.
        """
        with self._writer.transaction() as session:
            view = None if keyframe is None else row_of(session, StoredKeyframe, keyframe)
            if view is not None:
                touch(session, [view.passage_id])
                view.state, view.state_reason = KeyframeState.SENT, StateReason.NONE
            call = StoredCall(key=key, engine=engine, attempt=attempt, started_at=started_at)
            call.clock_trusted = self._writer.clock_trusted
            call.keyframe_id, call.camera = (None, None) if view is None else (view.id, view.camera)
            if isinstance(picture, str):
                call.picture_url = hide_credentials(picture)
            else:
                call.sha256, call.bytes = sha256(picture), len(picture)
                call.path = self._keep(picture, call, view)
            session.add(call)

    def ended(self, key: str, result: CallResult, ended_at: datetime) -> None:
        """Complete the ledger row of a call. The keyframe stays `sent` until its state is set."""
        with self._writer.transaction() as session:
            row = row_of(session, StoredCall, key)
            row.ended_at = ended_at
            row.outcome = result.outcome
            row.charged = result.charged
            row.fee = result.fee
            row.latency = result.latency
            row.http_status = result.http_status
            row.gateway_code = result.gateway_code
            row.platform_code = result.platform_code
            row.ret_code = result.ret_code
            row.request_id = result.request_id
            row.answer_id = result.answer_id
            row.error = result.error
            row.answer = answer_row(result.plates)

    def spent(self, since: datetime, camera: str | None = None) -> int:
        """Return the charge units since then, for one camera or (None) for all.

        A call that may be charged counts as at least 1. Any thread may ask, but not inside `together`.
        """
        with self._writer.question() as session:
            return ledger.spent(session, since, camera)

    def answer_to(self, camera: str, jpeg: bytes) -> tuple[PlateText, ...] | None:
        """Return the paid service's last answer to this JPEG of a camera; None if there is none."""
        with self._writer.transaction() as session:
            return ledger.answer_to(session, camera, sha256(jpeg))

    def _keep(self, picture: bytes, call: StoredCall, view: StoredKeyframe | None) -> str:
        """Return the path of a call's picture. Write it unless the keyframe's own file is the same picture."""
        if view is None:
            path = picture_path(BY_HAND, call.started_at, call.key)
        elif view.path is not None and view.sha256 == call.sha256:
            return view.path
        else:
            path = picture_path(view.camera, view.captured_at, view.key, suffix=f"-{call.key[:8]}")
        self._evidence.write(path, picture)
        return path
