"""The tables, each column explained where it is defined.

    passages ──< keyframes ──< calls
                     │  └────< readings >── sightings
                     └── sightings (the keyframe that shows the plate best)
    readings ── corrections (those that a person typed)
    permits ──< vehicles (their plates)
        └──< decisions (each on one sighting at one lane) ──< openings (of a barrier)
    events ──< dead_letters      receivers (how far each has got)
    users ──< sessions      tokens      audit_log
    plate_parts (an index of the plates)

Ids are the database's own. A `key` is the random name (UUID4 hex) that the pipeline gave a thing before its row
existed. Times are capture times unless the column says otherwise, stored in UTC as `YYYY-MM-DD HH:MM:SS.ffffff`, so
that SQLite's date functions work on them directly. The view `sighting_local` shows local times. Enumerations are stored
as their lower-case words, without a CHECK, so that a new word needs no rebuilt table.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Double, Enum, ForeignKey, Index, MetaData, String, Text, text, true
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column
from sqlalchemy.schema import CreateColumn
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from streamwatch.core.codes import (
    Answer,
    AuditAction,
    CallOutcome,
    DecisionReason,
    EventType,
    OpeningCause,
    OpeningState,
    PermitKind,
    ReceiverState,
    Role,
    StateReason,
    Verdict,
    ViewReason,
    Way,
    WhenFull,
    WithheldReason,
)
from streamwatch.core.model import Direction, Engine, SightingStatus
from streamwatch.core.plates import skeleton
from streamwatch.store.texts import storable

PLATE_LENGTH = 255


class PassageOutcome(StrEnum):
    """The outcome of a passage. Only `unread` says that there was no plate; an outage is `failed`."""

    PENDING = "pending"
    READ = "read"
    UNSURE = "unsure"
    UNREAD = "unread"
    FAILED = "failed"


class KeyframeState(StrEnum):
    """The state of a keyframe on its way to an engine. `waiting` is the outbox; `kept` ones go to no engine."""

    WAITING = "waiting"
    SENT = "sent"
    DOUBTFUL = "doubtful"
    ANSWERED = "answered"
    FAILED = "failed"
    DROPPED = "dropped"
    KEPT = "kept"


class UtcDateTime(TypeDecorator[datetime]):
    """Takes aware datetimes and returns aware UTC datetimes. A naive one raises ValueError.

    PostgreSQL keeps them as `timestamptz`, SQLite as plain UTC text with microseconds.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of one kind of database."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert from Python to the database."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"{value!r} has no time zone; the database takes aware datetimes only")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert from the database to Python."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text in a form that every database accepts; see `storable`. A text that is longer than the column is cut.

    SQLite keeps a text of any length and with any character, but PostgreSQL would refuse the whole row.
    """

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        """length: in characters; None: without limit."""
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type: VARCHAR(length) or TEXT."""
        return Text() if self.length is None else String(self.length)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Convert from Python to the database."""
        return None if value is None else storable(value)[: self.length]

    def coerce_compared_value(self, op: OperatorType | None, value: object) -> "Words":
        """Return the type of a text in a comparison. It is not cut, because that would change the question."""
        return Words()


class Bytewise(Words):
    """Text that is ordered by its bytes, so that a range of an index holds all texts that begin alike."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type. SQLite orders by bytes anyway."""
        return String(self.length, collation="C" if dialect.name == "postgresql" else None)

    def coerce_compared_value(self, op: OperatorType | None, value: object) -> "Bytewise":
        """Return the type of a text in a comparison, which is ordered in the same way."""
        return Bytewise()


class Code(TypeDecorator[StrEnum]):
    """The values of a StrEnum as text without a limit, for columns that held sentences before there were codes."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        """Convert from Python to the database. Raise ValueError for a text that is not a code."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Convert from the database to Python."""
        return None if value is None else self.kind(value)


class Base(DeclarativeBase):
    """The root of all tables; constraints are named, so that later migrations can name them too."""

    type_annotation_map: ClassVar[Any] = {float: Double}
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _word(kind: type[StrEnum], length: int | None = 16) -> Enum:
    """Return the type of a column that holds one of the values of a StrEnum, as plain text."""
    return Enum(kind, native_enum=False, length=length, values_callable=lambda e: [word.value for word in e])


def _id() -> MappedColumn[int]:
    return mapped_column(primary_key=True, comment="the row's number")


def _key(what: str) -> MappedColumn[str]:
    return mapped_column(Words(32), unique=True, comment=f"the {what}'s random name, given before it had a row")


def _camera() -> MappedColumn[str]:
    return mapped_column(Words(64), comment="name of the camera in config.yaml")


def _cameras() -> MappedColumn[list[str] | None]:
    return mapped_column(
        JSON(none_as_null=True), comment="the cameras that may be seen, as a JSON list of names; NULL: all"
    )


def _clock_trusted() -> MappedColumn[bool]:
    return mapped_column(
        server_default=true(), comment="0: the clock was not known to be right when the times of this row were taken"
    )


class StoredIdentity(Base):
    """The identity of the database."""

    __tablename__ = "identity"
    __table_args__ = ({"comment": "the identity of this database; one row"},)

    key: Mapped[str] = mapped_column(
        Words(32), primary_key=True, comment="the database's random name, as in evidence/KEY.database"
    )
    last_write: Mapped[str | None] = mapped_column(
        Words(32),
        comment="the random name of the daemon's last transaction, which tells whether a commit that the server did "
        "not confirm is in; NULL for SQLite, where that cannot happen",
    )
    revision: Mapped[int] = mapped_column(
        server_default=text("0"), comment="the highest number in passages.revision that was ever given"
    )
    permits_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="UTC wall time when somebody last changed the permits, or imported a list that changed nothing; NULL: "
        "never",
    )


class StoredPassage(Base):
    """One vehicle's visit to a camera."""

    __tablename__ = "passages"
    __table_args__ = (
        Index(None, "camera", "opened_at"),
        Index(None, "opened_at"),
        Index(None, "recorded_at"),
        Index(None, "revision"),
        Index(None, "plate", "opened_at"),
        Index(None, "outcome", "opened_at"),
        {"comment": "one vehicle's visit to a camera, with or without a plate that could be read"},
    )

    id: Mapped[int] = _id()
    key: Mapped[str] = _key("passage")
    camera: Mapped[str] = _camera()
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC time of the first frame that showed it")
    last_seen: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC time of the last frame that showed it so far")
    closed: Mapped[bool] = mapped_column(comment="1 once the vehicle has gone")
    direction: Mapped[Direction] = mapped_column(
        _word(Direction),
        default=Direction.UNKNOWN,
        comment="coming, going or crossing, as the camera sees it; unknown: it stood, or is not closed yet",
    )
    outcome: Mapped[PassageOutcome] = mapped_column(
        _word(PassageOutcome),
        default=PassageOutcome.PENDING,
        comment="pending: answers are still to come; read: it has a sighting; unsure: text that could not be believed; "
        "unread: answered, and no plate was found; failed: no engine answered, so it is unknown",
    )
    clock_trusted: Mapped[bool] = _clock_trusted()
    recorded_at: Mapped[datetime] = mapped_column(
        UtcDateTime,
        default=lambda: datetime.now(UTC),
        comment="UTC wall time when this row was written, years after opened_at for an old recording",
    )
    revision: Mapped[int] = mapped_column(
        default=0,
        server_default=text("0"),
        comment="grows over the whole database each time this passage, its keyframes, readings or sighting change",
    )
    plate: Mapped[str] = mapped_column(
        Words(PLATE_LENGTH),
        default="",
        server_default=text("''"),
        comment="the plate of its sighting, or else the best text that could not be believed; empty: none was read",
    )
    engine: Mapped[Engine | None] = mapped_column(
        _word(Engine),
        comment="the engine that read plate; NULL: none. operator: a person answered, maybe that there is no plate",
    )
    confidence: Mapped[float | None] = mapped_column(comment="that of plate, 0 to 1; NULL: none was given")


class StoredKeyframe(Base):
    """A view of a passage, to be read or kept."""

    __tablename__ = "keyframes"
    __table_args__ = (
        Index(None, "passage_id"),
        Index(None, "camera", "captured_at"),
        Index(None, "captured_at"),
        Index(None, "state", "captured_at"),
        {"comment": "a view of a passage, to be read or kept for people; its JPEG is on disk before this row exists"},
    )

    id: Mapped[int] = _id()
    key: Mapped[str] = _key("keyframe")
    passage_id: Mapped[int] = mapped_column(ForeignKey("passages.id"), comment="the passage that it shows")
    camera: Mapped[str] = _camera()
    captured_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC time when the frame was taken")
    path: Mapped[str | None] = mapped_column(Words, comment="the JPEG, relative to data_dir; NULL once it was deleted")
    sha256: Mapped[str] = mapped_column(Words(64), comment="SHA-256 of the JPEG, hex")
    bytes: Mapped[int] = mapped_column(comment="length of the JPEG in bytes")
    width: Mapped[int] = mapped_column(comment="width of the JPEG in pixels")
    height: Mapped[int] = mapped_column(comment="height of the JPEG in pixels")
    crop_x: Mapped[int] = mapped_column(comment="left edge of the part shown, in pixels of the camera's frame")
    crop_y: Mapped[int] = mapped_column(comment="top edge of the part shown, in pixels of the camera's frame")
    crop_width: Mapped[int] = mapped_column(comment="width of the part shown, in pixels of the camera's frame")
    crop_height: Mapped[int] = mapped_column(comment="height of the part shown, in pixels of the camera's frame")
    scale: Mapped[float] = mapped_column(comment="JPEG pixels per frame pixel, at most 1")
    score: Mapped[float] = mapped_column(comment="best-shot score; higher is better; comparable within one passage")
    reason: Mapped[ViewReason] = mapped_column(
        Code(ViewReason), comment=f"why the gate chose this frame: {', '.join(ViewReason)}"
    )
    state: Mapped[KeyframeState] = mapped_column(
        _word(KeyframeState),
        default=KeyframeState.WAITING,
        comment="waiting: to be read (the outbox); sent: a call was begun and is not settled; doubtful: sent, and it "
        "is unknown whether it was answered and paid; answered: read, whatever the answer was; failed: given up "
        "after trying; dropped: given up without trying; kept: for people to look at, never to be read or paid for",
    )
    state_reason: Mapped[StateReason] = mapped_column(
        Code(StateReason),
        default=StateReason.NONE,
        comment="code of the reason why it is doubtful, failed, dropped, waiting again, or read without a paid call; "
        "if an engine failed, the outcome of its call; empty: no special reason",
    )
    clock_trusted: Mapped[bool] = _clock_trusted()


class StoredCall(Base):
    """One attempt at the paid service."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(None, "keyframe_id"),
        Index(None, "started_at"),
        Index(None, "camera", "started_at"),
        {"comment": "the ledger: one attempt at the paid service, written before sending and completed after"},
    )

    id: Mapped[int] = _id()
    key: Mapped[str] = _key("call")
    keyframe_id: Mapped[int | None] = mapped_column(
        ForeignKey("keyframes.id", ondelete="SET NULL"),
        comment="the keyframe that was sent; NULL for a picture of the verb `read`",
    )
    camera: Mapped[str | None] = mapped_column(
        Words(64), comment="the camera that pays, kept even when the keyframe is deleted; NULL for the verb `read`"
    )
    engine: Mapped[Engine] = mapped_column(_word(Engine), comment="the service that was called")
    attempt: Mapped[int] = mapped_column(comment="1 for the first try with this picture, 2 and up for retries")
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time just before sending")
    ended_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="UTC wall time of its end; NULL while it is in flight, and if its end was not seen"
    )
    outcome: Mapped[CallOutcome | None] = mapped_column(
        _word(CallOutcome, 32),
        comment="read, no_plate, or the kind of failure; doubtful: it is unknown whether it was answered and "
        "charged, also if streamwatch was stopped in the middle; NULL while in flight",
    )
    charged: Mapped[bool | None] = mapped_column(comment="1: the service answered, so it costs; NULL: unknown")
    answer: Mapped[list[dict[str, Any]] | None] = mapped_column(
        JSON(none_as_null=True),
        comment="the plates as the service said them, [{text, confidence, corners}], corners in pixels of the "
        "keyframe's JPEG; []: no plate; NULL: it said nothing about plates",
    )
    fee: Mapped[int] = mapped_column(default=0, comment="charge units as the service says; 1 if it did not say")
    latency: Mapped[float | None] = mapped_column(comment="seconds from sending to the end of the answer")
    http_status: Mapped[int | None] = mapped_column(comment="status code of the HTTP answer; NULL if there was none")
    gateway_code: Mapped[str] = mapped_column(Words, default="", comment="the API gateway's own error code")
    platform_code: Mapped[int | None] = mapped_column(comment="showapi_res_code of the answer")
    ret_code: Mapped[int | None] = mapped_column(comment="ret_code of the answer")
    request_id: Mapped[str] = mapped_column(Words, default="", comment="X-Ca-Request-Id, to quote to the gateway")
    answer_id: Mapped[str] = mapped_column(Words, default="", comment="showapi_res_id, to quote to the vendor")
    error: Mapped[str] = mapped_column(Words, default="", comment="what went wrong, in words, without secrets")
    path: Mapped[str | None] = mapped_column(
        Words,
        comment="the JPEG that was sent, relative to data_dir: the keyframe's own, or a smaller one made for a retry; "
        "NULL if an address was sent or the file was deleted",
    )
    picture_url: Mapped[str] = mapped_column(
        Words, default="", comment="the picture's address if that was sent instead of a JPEG, without its query"
    )
    sha256: Mapped[str] = mapped_column(Words(64), default="", comment="SHA-256 of the JPEG that was sent, hex")
    bytes: Mapped[int | None] = mapped_column(comment="length of the JPEG that was sent, in bytes")
    clock_trusted: Mapped[bool] = _clock_trusted()


class StoredSighting(Base):
    """A plate at a camera."""

    __tablename__ = "sightings"
    __table_args__ = (
        Index(None, "plate"),
        Index(None, "camera", "last_seen"),
        Index(None, "first_seen"),
        Index(None, "last_seen"),
        Index(None, "passage_id"),
        Index(None, "keyframe_id"),
        # AUTOINCREMENT: the id of a sighting that was taken back is never given to another one.
        {"comment": "a plate at a camera from first_seen to last_seen", "sqlite_autoincrement": True},
    )

    id: Mapped[int] = _id()
    key: Mapped[str] = _key("sighting")
    camera: Mapped[str] = _camera()
    plate: Mapped[str] = mapped_column(Words(PLATE_LENGTH), comment="the plate, normalised")
    kind: Mapped[str] = mapped_column(Words(32), comment="the grammar's name for its form; empty: none fits")
    confidence: Mapped[float | None] = mapped_column(comment="the best of its readings, 0 to 1; NULL: none was given")
    first_seen: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC time when it was first seen")
    last_seen: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC time when it was last seen")
    reads: Mapped[int] = mapped_column(comment="number of readings that support it")
    status: Mapped[SightingStatus] = mapped_column(
        _word(SightingStatus), comment="provisional from its first reading on, final once its passage has closed"
    )
    engine: Mapped[Engine] = mapped_column(_word(Engine), comment="the engine that read it")
    passage_id: Mapped[int] = mapped_column(ForeignKey("passages.id"), comment="the passage that it belongs to")
    keyframe_id: Mapped[int] = mapped_column(ForeignKey("keyframes.id"), comment="the keyframe that shows it best")


class StoredReading(Base):
    """One plate as one engine read it in one keyframe."""

    __tablename__ = "readings"
    __table_args__ = (
        Index(None, "keyframe_id"),
        Index(None, "call_id"),
        Index(None, "sighting_id"),
        {"comment": "one plate that one engine found in one keyframe, even if other readings outvoted it"},
    )

    id: Mapped[int] = _id()
    key: Mapped[str] = _key("reading")
    keyframe_id: Mapped[int] = mapped_column(ForeignKey("keyframes.id"), comment="the keyframe that was read")
    call_id: Mapped[int | None] = mapped_column(
        ForeignKey("calls.id", ondelete="SET NULL"), comment="the call that was paid for it; NULL: none was"
    )
    sighting_id: Mapped[int | None] = mapped_column(
        ForeignKey("sightings.id", ondelete="SET NULL"), comment="the sighting that it belongs to; NULL: none"
    )
    engine: Mapped[Engine] = mapped_column(_word(Engine), comment="the engine that read it")
    raw: Mapped[str] = mapped_column(Words, comment="the text as the engine wrote it")
    plate: Mapped[str] = mapped_column(Words, comment="the same, normalised")
    kind: Mapped[str] = mapped_column(Words(32), comment="the grammar's name for its form; empty: none fits")
    repaired: Mapped[bool] = mapped_column(comment="1: a look-alike character was replaced on the way to plate")
    confidence: Mapped[float | None] = mapped_column(comment="0 to 1; NULL: the engine gave none that can be believed")
    corners: Mapped[list[list[float]] | None] = mapped_column(
        JSON(none_as_null=True),
        comment="the plate's corners as [[x, y], …], left-top, right-top, right-bottom, left-bottom, in pixels of the "
        "camera's frame; NULL: unknown",
    )


class StoredCorrection(Base):
    """A reading that a person typed: who and when."""

    __tablename__ = "corrections"
    __table_args__ = (
        Index(None, "reading_id", unique=True),
        Index(None, "typed_at"),
        {"comment": "who typed a reading of the engine operator, and when; the last one of a passage counts"},
    )

    id: Mapped[int] = _id()
    reading_id: Mapped[int] = mapped_column(
        ForeignKey("readings.id", ondelete="CASCADE"), comment="the reading that was typed"
    )
    operator: Mapped[str] = mapped_column(Words(64), comment="the name of the person")
    typed_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time when it was typed")
    before: Mapped[str] = mapped_column(
        Words(PLATE_LENGTH), comment="the plate that the passage showed until then; empty: none"
    )


class StoredUser(Base):
    """A person who may use the console."""

    __tablename__ = "users"
    __table_args__ = ({"comment": "a person who may use the console"},)

    id: Mapped[int] = _id()
    name: Mapped[str] = mapped_column(Words(64), comment="the name that the person types, as it was first written")
    login: Mapped[str] = mapped_column(
        Words(255), unique=True, comment="the name without the difference of capital and small letters; unique"
    )
    role: Mapped[Role] = mapped_column(_word(Role), comment=f"what the person may do: {', '.join(Role)}")
    cameras: Mapped[list[str] | None] = _cameras()
    password: Mapped[str] = mapped_column(
        Words(255), comment="the password's Argon2id hash with salt and parameters, as $argon2id$…; never the password"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time when the user was added")
    password_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time when the password was last set")
    disabled_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="UTC wall time since when the user may not log in; NULL: may"
    )


class StoredSession(Base):
    """A log-in of a user in one browser."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index(None, "user_id", "last_seen"),
        Index(None, "last_seen"),
        {"comment": "a log-in of a user in one browser"},
    )

    id: Mapped[int] = _id()
    token_hash: Mapped[str] = mapped_column(
        Words(64), unique=True, comment="SHA-256 of the random text in the browser's cookie, hex"
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), comment="the user who logged in")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time of the log-in")
    last_seen: Mapped[datetime] = mapped_column(
        UtcDateTime, comment="UTC wall time of the last request, to the minute; web.session_idle counts from here"
    )
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time at which it ends in any case")
    ended_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="UTC wall time when it was ended by log-out, by a person or with the password; NULL: not"
    )
    address: Mapped[str] = mapped_column(Words(64), comment="network address from which the user logged in")
    user_agent: Mapped[str] = mapped_column(Words(200), comment="what the browser says of itself, cut")


class StoredToken(Base):
    """A program's access to the API."""

    __tablename__ = "tokens"
    __table_args__ = ({"comment": "a program's access to the API"},)

    id: Mapped[int] = _id()
    name: Mapped[str] = mapped_column(Words(64), comment="what the token is for; unique among those not revoked")
    token_hash: Mapped[str] = mapped_column(
        Words(64), unique=True, comment="SHA-256 of the token, hex; the token itself was shown once"
    )
    role: Mapped[Role] = mapped_column(_word(Role), comment="what the program may do, like users.role")
    cameras: Mapped[list[str] | None] = _cameras()
    created_by: Mapped[str] = mapped_column(Words(128), comment="who made it, like audit_log.who")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time when it was made")
    last_used: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="UTC wall time of its last request, to the minute; NULL: never used"
    )
    ends_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="UTC wall time from which it is refused; NULL: no end"
    )
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="UTC wall time when it was revoked")


class StoredAudit(Base):
    """What somebody did."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "who", "id"),
        Index(None, "action", "id"),
        # AUTOINCREMENT: the number of a deleted entry is never given again.
        {"comment": "what people and programs did, one row each; never changed", "sqlite_autoincrement": True},
    )

    id: Mapped[int] = _id()
    at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time")
    who: Mapped[str] = mapped_column(
        Words(128),
        comment="the user's name; token NAME for a program; local for the console without log-in; command line (NAME) "
        "for a verb; empty: not known, at a log-in that failed",
    )
    address: Mapped[str] = mapped_column(Words(64), comment="network address of the request; empty for a verb")
    action: Mapped[AuditAction] = mapped_column(Code(AuditAction), comment="code of what was done")
    object: Mapped[str] = mapped_column(Words(255), comment="what it was done to, such as a user, camera or plate")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, comment="more about it, without secrets")


class StoredPermit(Base):
    """What the operator knows of a holder's vehicles."""

    __tablename__ = "permits"
    __table_args__ = (
        Index(None, "valid_until"),
        Index(None, "holder"),
        Index(None, "source", "reference", unique=True),
        {"comment": "which vehicles may pass which lanes, and when; or may not"},
    )

    id: Mapped[int] = _id()
    key: Mapped[str] = _key("permit")
    source: Mapped[str] = mapped_column(
        Words(64), default="", comment="name of the list that its reference is a number of; an import names it"
    )
    reference: Mapped[str | None] = mapped_column(
        Words(64), comment="its number in another program, by which an import of the same source finds it; NULL: none"
    )
    kind: Mapped[PermitKind] = mapped_column(
        _word(PermitKind),
        comment="resident, staff or visitor; blocked: may not come in; held: may not leave",
    )
    holder: Mapped[str] = mapped_column(Words(200), default="", comment="the name of the holder")
    group_name: Mapped[str] = mapped_column(Words(64), default="", comment="the group, such as a company or a house")
    note: Mapped[str] = mapped_column(Words(1000), default="", comment="what else people should know")
    valid_from: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="UTC; NULL: without a beginning")
    valid_until: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="UTC; from this moment on it is not valid; NULL: without an end"
    )
    hours: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON,
        default=list,
        comment='local hours as [{"days": [0, 1], "begin": "07:00", "end": "19:00"}], 0 is Monday; []: at any time',
    )
    lanes: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True), comment="names of the lanes as a JSON list; NULL: all"
    )
    spaces: Mapped[int | None] = mapped_column(comment="how many of its vehicles may be inside at once; NULL: all")
    when_full: Mapped[WhenFull] = mapped_column(
        _word(WhenFull), default=WhenFull.ASK, comment="what follows if its spaces are taken: allow, visitor or ask"
    )
    uses_left: Mapped[int | None] = mapped_column(comment="how often it may still open; NULL: without a limit")
    code: Mapped[str | None] = mapped_column(Words(16), unique=True, comment="a visitor's code; NULL: none")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time when it was added")
    created_by: Mapped[str] = mapped_column(Words(128), comment="who added it, like audit_log.who")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time of its last change")


def _skeleton(context: DefaultExecutionContext) -> str:
    return skeleton(context.get_current_parameters()["plate"])  # type: ignore[no-untyped-call]


class StoredVehicle(Base):
    """A vehicle of a permit."""

    __tablename__ = "vehicles"
    __table_args__ = (
        Index(None, "permit_id", "plate", unique=True),
        Index(None, "plate"),
        Index(None, "skeleton"),
        {"comment": "the vehicles of the permits; one plate may be in several permits"},
    )

    id: Mapped[int] = _id()
    permit_id: Mapped[int] = mapped_column(ForeignKey("permits.id", ondelete="CASCADE"), comment="its permit")
    plate: Mapped[str] = mapped_column(Words(PLATE_LENGTH), comment="its plate, normalised")
    skeleton: Mapped[str] = mapped_column(
        Words(PLATE_LENGTH),
        default=_skeleton,
        comment="its plate with one character for all that are confused with it, by which look-alikes are found",
    )
    note: Mapped[str] = mapped_column(Words(200), default="", comment="such as its colour or its driver")


class StoredDecision(Base):
    """What was decided of a plate before a lane."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index(None, "sighting_key", "lane", unique=True),
        Index(None, "lane", "decided_at"),
        Index(None, "decided_at"),
        Index(None, "plate", "decided_at"),
        Index(None, "passage_id"),
        Index(None, "keyframe_id"),
        Index(None, "permit_id"),
        Index(None, "passed_plate", "passed_at"),
        Index("ix_decisions_inside", "passed_plate", sqlite_where=text("inside"), postgresql_where=text("inside")),
        {"comment": "may this vehicle pass? one row for each sighting at a lane, written before anything moves"},
    )

    id: Mapped[int] = _id()
    key: Mapped[str] = _key("decision")
    lane: Mapped[str] = mapped_column(Words(64), comment="name of the lane in config.yaml")
    camera: Mapped[str] = _camera()
    sighting_key: Mapped[str] = mapped_column(Words(32), comment="sightings.key of the sighting that it is about")
    passage_id: Mapped[int | None] = mapped_column(
        ForeignKey("passages.id", ondelete="SET NULL"), comment="the passage; NULL once that was deleted"
    )
    keyframe_id: Mapped[int | None] = mapped_column(
        ForeignKey("keyframes.id", ondelete="SET NULL"), comment="the picture that it rests on; NULL once deleted"
    )
    reading_key: Mapped[str] = mapped_column(Words(32), comment="readings.key of the reading that it rests on")
    plate: Mapped[str] = mapped_column(Words(PLATE_LENGTH), comment="the plate that was read, normalised")
    confidence: Mapped[float | None] = mapped_column(comment="of the reading, 0 to 1; NULL: none was given")
    engine: Mapped[Engine] = mapped_column(_word(Engine), comment="the engine that read it")
    price: Mapped[float] = mapped_column(comment="what the calls for it cost, in the currency of calls.price")
    verdict: Mapped[Verdict] = mapped_column(_word(Verdict), comment="allow, deny or ask; only allow opens")
    reason: Mapped[DecisionReason] = mapped_column(
        Code(DecisionReason), comment=f"code of the rule that decided: {', '.join(DecisionReason)}"
    )
    warnings: Mapped[list[str]] = mapped_column(JSON, default=list, comment="codes of rules that only warned")
    permit_id: Mapped[int | None] = mapped_column(
        ForeignKey("permits.id", ondelete="SET NULL"), comment="the permit that it rests on; NULL: none"
    )
    permit_plate: Mapped[str] = mapped_column(
        Words(PLATE_LENGTH),
        default="",
        comment="the plate of that permit; it differs from plate if the match is inexact",
    )
    near: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON, default=list, comment="permits that may have been meant, as [{permit, plate, distance}]; permit: its key"
    )
    captured_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC time of the picture")
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time of the decision")
    revised: Mapped[int] = mapped_column(
        default=0, comment="how often a better reading of the same vehicle changed it; never once it was allow"
    )
    answer: Mapped[Answer | None] = mapped_column(
        _word(Answer), comment="what a person said to it: opened or refused; NULL: nothing"
    )
    answered_by: Mapped[str] = mapped_column(Words(128), default="", comment="who said so, like audit_log.who")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="UTC wall time when it was said")
    answer_plate: Mapped[str] = mapped_column(
        Words(PLATE_LENGTH), default="", comment="the plate that the person picked of near; empty: none"
    )
    way: Mapped[Way] = mapped_column(_word(Way), comment="the way of the lane at that time: in, out or both")
    passed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="UTC wall time when the vehicle was let through; NULL: it was not"
    )
    passed_plate: Mapped[str | None] = mapped_column(
        Words(PLATE_LENGTH),
        comment="the plate of the vehicle that was let through; NULL: it was not",
    )
    inside: Mapped[bool] = mapped_column(
        default=False, comment="1: the vehicle came in by this decision and was not let out since"
    )
    clock_trusted: Mapped[bool] = _clock_trusted()


class StoredOpening(Base):
    """An opening of a barrier."""

    __tablename__ = "openings"
    __table_args__ = (
        Index(None, "lane", "requested_at"),
        Index(None, "requested_at"),
        Index(None, "decision_id"),
        Index(None, "state"),
        {"comment": "each opening of a barrier; written before anything is sent to it, and never tried again"},
    )

    id: Mapped[int] = _id()
    key: Mapped[str] = _key("opening")
    lane: Mapped[str] = mapped_column(Words(64), comment="name of the lane in config.yaml")
    barrier: Mapped[str] = mapped_column(Words(64), comment="name of the barrier in config.yaml")
    decision_id: Mapped[int | None] = mapped_column(
        ForeignKey("decisions.id", ondelete="SET NULL"), comment="the decision that it follows; NULL: none"
    )
    cause: Mapped[OpeningCause] = mapped_column(
        _word(OpeningCause), comment=f"why it was to open: {', '.join(OpeningCause)}"
    )
    who: Mapped[str] = mapped_column(Words(128), default="", comment="who opened it, like audit_log.who; empty: no one")
    note: Mapped[str] = mapped_column(Words(200), default="", comment="the reason that the person gave")
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time just before sending")
    state: Mapped[OpeningState] = mapped_column(
        _word(OpeningState),
        comment="requested, then done, failed or unknown; withheld: nothing was sent; unknown: no answer, or "
        "streamwatch was stopped in the middle",
    )
    reason: Mapped[WithheldReason] = mapped_column(
        Code(WithheldReason), default=WithheldReason.NONE, comment="code of why it was withheld; empty: it was not"
    )
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="UTC wall time of the barrier's answer")
    detail: Mapped[str] = mapped_column(Words(500), default="", comment="what went wrong, in words, without secrets")


class StoredEvent(Base):
    """What the outside is told."""

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "recorded_at"),
        # AUTOINCREMENT: receivers remember the last number that they got.
        {"comment": "what the outside is told, in order; deleted when all have it", "sqlite_autoincrement": True},
    )

    id: Mapped[int] = _id()
    key: Mapped[str] = _key("event")
    type: Mapped[EventType] = mapped_column(Code(EventType), comment="what kind of event it is, with its version")
    subject: Mapped[str] = mapped_column(Words(255), comment="what it is about: a plate, camera, lane or barrier")
    camera: Mapped[str | None] = mapped_column(Words(64), comment="name of the camera, for filters; NULL: none")
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC time of what was observed")
    recorded_at: Mapped[datetime] = mapped_column(
        UtcDateTime, default=lambda: datetime.now(UTC), comment="UTC wall time when this row was written"
    )
    data: Mapped[dict[str, Any]] = mapped_column(JSON, comment="the event itself; see docs/events.md")


class StoredReceiver(Base):
    """How far a receiver of events has got."""

    __tablename__ = "receivers"
    __table_args__ = ({"comment": "the receivers of events: how far each has got, and how it goes"},)

    name: Mapped[str] = mapped_column(Words(64), primary_key=True, comment="name of the receiver in config.yaml")
    taken: Mapped[int] = mapped_column(comment="events.id up to which it has them, or they are dead letters")
    state: Mapped[ReceiverState] = mapped_column(
        _word(ReceiverState),
        default=ReceiverState.OK,
        comment="ok; failing: it is tried again soon; paused: it has failed for long, or only a person can mend it",
    )
    failures: Mapped[int] = mapped_column(default=0, comment="failed tries in a row; 0: all is well")
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="UTC wall time; NULL: all is well")
    next_try: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="UTC wall time of the next try; NULL: now")
    error: Mapped[str] = mapped_column(Words(500), default="", comment="the last failure in words, without secrets")
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="UTC wall time of its last success")
    lost: Mapped[int] = mapped_column(
        default=0, comment="events that were deleted before it had them: outward.max_events"
    )


class StoredDeadLetter(Base):
    """An event that a receiver refused for good."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        Index(None, "receiver", "event_id", unique=True),
        Index(None, "event_id"),
        {"comment": "events that a receiver refused for good; a person may have them sent again"},
    )

    id: Mapped[int] = _id()
    receiver: Mapped[str] = mapped_column(Words(64), comment="name of the receiver in config.yaml")
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), comment="the event")
    error: Mapped[str] = mapped_column(Words(500), comment="what the receiver said, in words, without secrets")
    given_up_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC wall time when it was given up")
    again: Mapped[bool] = mapped_column(default=False, comment="1: a person asked to send it again")


class StoredPlatePart(Base):
    """A place in the index for a part of a plate; see `plate_parts.py`."""

    __tablename__ = "plate_parts"
    __table_args__ = (
        {"comment": "index for searching a part of a plate; made from the plates, not for reading"}
        | {"sqlite_with_rowid": False},
    )

    part: Mapped[str] = mapped_column(
        Bytewise(16), primary_key=True, comment="an end of the plate, with one character for all that look like it"
    )
    plate: Mapped[str] = mapped_column(Words(PLATE_LENGTH), primary_key=True, comment="the plate that ends so")


@compiles(CreateColumn, "sqlite")
def _explain_column(element: CreateColumn, compiler: DDLCompiler, **options: Any) -> str:
    """Return the column with its explanation: SQLite has no comments, but `.schema` shows the text of CREATE TABLE.

    The column is found by name, because migrations create and copy these tables without the explanations.
    """
    text: str = compiler.visit_create_column(element, **options)  # type: ignore[no-untyped-call]
    table = Base.metadata.tables.get(element.element.table.name.removeprefix("_alembic_tmp_"))
    column = None if table is None else table.columns.get(element.element.name)
    return text if column is None else f"{text} /* {column.comment} */"


_LOCAL = {
    "sqlite": "datetime(s.{0}, 'localtime')",
    "postgresql": "date_trunc('second', s.{0} AT TIME ZONE current_setting('TimeZone'))",
}


def local_view(database: str) -> str:
    """Return the statement that creates the view `sighting_local`, with local times for people who write SQL.

    Local is the time zone of the session on PostgreSQL, and of the machine on SQLite.
    """
    first_seen, last_seen = (_LOCAL[database].format(column) for column in ("first_seen", "last_seen"))
    return (
        "CREATE VIEW sighting_local AS SELECT s.id, s.camera, s.plate, s.kind, "
        f"{first_seen} AS first_seen, {last_seen} AS last_seen, s.confidence, s.reads, s.status, k.path AS image "
        "FROM sightings AS s JOIN keyframes AS k ON k.id = s.keyframe_id"
    )
