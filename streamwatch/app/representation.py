"""The objects of the JSON output: what `--format json` prints, and what the API under `/api/v1` answers.

Each is made from a row of the store that has attributes of the same names. Codes are words, times are ISO 8601 with
offset, and what is not known is null. Names and meanings stay; a change is a new name.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from streamwatch.core.codes import CallOutcome, StateReason, ViewReason
from streamwatch.core.model import Direction, Engine, SightingStatus
from streamwatch.store import KeyframeState, PassageOutcome


def iso_time(at: datetime) -> str:
    """Return a time as ISO 8601 with its offset, to the millisecond."""
    return at.isoformat(timespec="milliseconds")


def _text(path: Path | str | None) -> str | None:
    return None if path is None else str(path)


Time = Annotated[
    datetime, PlainSerializer(iso_time, str), WithJsonSchema({"type": "string", "format": "date-time"}, "serialization")
]
Image = Annotated[
    str | None,
    BeforeValidator(_text),
    Field(
        description="where the picture is: in the output of the command line the path of its file, in the API the path "
        "of its address; null once it was deleted"
    ),
]
Corners = list[tuple[float, float]]


class Representation(BaseModel, frozen=True, from_attributes=True):
    """An object of the JSON output."""


R = TypeVar("R", bound=Representation)


def represent(kind: type[R], row: object) -> R:
    """Return the representation of a row."""
    return kind.model_validate(row)


def as_json(value: Representation) -> dict[str, Any]:
    """Return a representation in the types of JSON."""
    return value.model_dump(mode="json")


class SightingObject(Representation):
    """A plate at a camera."""

    id: int = Field(description="the sighting's number")
    camera: str = Field(description="name of the camera")
    plate: str = Field(description="the plate, normalised")
    kind: str = Field(description="the grammar's name for the form of the plate; empty: none fits")
    confidence: float | None = Field(description="the best of its readings, 0 to 1; null: none was given")
    first_seen: Time = Field(description="when it was first seen")
    last_seen: Time = Field(description="when it was last seen")
    reads: int = Field(description="number of readings that support it")
    status: SightingStatus = Field(description="provisional until its passages have closed, then final")
    engine: Engine = Field(description="what read it")
    image: Image
    passage: int = Field(description="number of the passage that it belongs to")
    keyframe: int = Field(description="number of the keyframe that shows it best")


class PassageObject(Representation):
    """One vehicle's visit to a camera, with or without a plate that could be read."""

    id: int = Field(description="the passage's number")
    camera: str = Field(description="name of the camera")
    opened_at: Time = Field(description="when it was first seen")
    last_seen: Time = Field(description="when it was last seen so far")
    closed: bool = Field(description="true once the vehicle has gone")
    direction: Direction = Field(description="the way of the vehicle, as the camera sees it")
    outcome: PassageOutcome = Field(description="what came of reading it")
    plate: str | None = Field(description="the plate, normalised; null: none was read")
    confidence: float | None = Field(description="how sure the plate is, 0 to 1; null: not known")
    engine: Engine | None = Field(description="what read it; null: nothing did")
    sighting: int | None = Field(description="number of its sighting; null: it has none")
    keyframe: int | None = Field(description="number of the keyframe that shows it best; null: it has none")
    image: Image
    revision: int = Field(description="grows over the whole database when a passage or anything of it changes")


class KeyframeObject(Representation):
    """A view of a passage, to be read or kept for people."""

    id: int = Field(description="the keyframe's number")
    passage: int = Field(description="number of the passage that it shows")
    camera: str = Field(description="name of the camera")
    captured_at: Time = Field(description="when the frame was taken")
    image: Image
    sha256: str = Field(description="SHA-256 of the JPEG, hex")
    bytes: int = Field(description="length of the JPEG in bytes")
    width: int = Field(description="width of the JPEG in pixels")
    height: int = Field(description="height of the JPEG in pixels")
    crop: tuple[int, int, int, int] = Field(
        description="the part of the camera's frame that it shows: left, top, width, height, in pixels of the frame"
    )
    scale: float = Field(description="pixels of the JPEG per pixel of the frame, at most 1")
    score: float = Field(description="how good a view it is; comparable within one passage")
    reason: ViewReason = Field(description="why the gate chose this frame")
    state: KeyframeState = Field(description="how far it is on its way to an engine")
    state_reason: StateReason = Field(description="why it is in this state; empty: for no special reason")


class ReadingObject(Representation):
    """What one engine, or a person, said of one keyframe. It is never changed."""

    id: int = Field(description="the reading's number")
    keyframe: int = Field(description="number of the keyframe that was read")
    call: int | None = Field(description="number of the call that was paid for it; null: none was")
    sighting: int | None = Field(description="number of the sighting that it belongs to; null: none")
    engine: Engine = Field(description="what read it")
    raw: str = Field(description="the text as the engine wrote it")
    plate: str = Field(description="the same, normalised")
    kind: str = Field(description="the grammar's name for the form of the plate; empty: none fits")
    repaired: bool = Field(description="true: a look-alike character was replaced on the way to the plate")
    confidence: float | None = Field(description="0 to 1; null: the engine gave none that can be believed")
    corners: Corners | None = Field(
        description="left-top, right-top, right-bottom, left-bottom of the plate as [x, y] in pixels of the camera's "
        "frame; null: unknown"
    )


class CallObject(Representation):
    """One attempt at the paid service: a line of the ledger."""

    id: int = Field(description="the call's number")
    keyframe: int | None = Field(description="number of the keyframe that was sent; null: a picture of the verb read")
    camera: str | None = Field(description="the camera that pays; null: the verb read")
    engine: Engine = Field(description="the service that was called")
    attempt: int = Field(description="1 for the first try with this picture")
    started_at: Time = Field(description="when it was sent")
    ended_at: Time | None = Field(description="when it ended; null: it is in flight, or its end was not seen")
    outcome: CallOutcome | None = Field(description="what came of it; null: it is in flight")
    charged: bool | None = Field(description="true: the service answered, so it costs; null: unknown")
    fee: int = Field(description="charge units as the service says")
    latency: float | None = Field(description="seconds from sending to the end of the answer")
    answer: list[dict[str, Any]] | None = Field(
        description="the plates as the service said them, each with text, confidence and corners in pixels of the "
        "JPEG; null: it said nothing about plates"
    )
    http_status: int | None = Field(description="status code of the answer; null: there was none")
    gateway_code: str = Field(description="the API gateway's own error code")
    platform_code: int | None = Field(description="showapi_res_code of the answer")
    ret_code: int | None = Field(description="ret_code of the answer")
    request_id: str = Field(description="X-Ca-Request-Id, to quote to the gateway")
    answer_id: str = Field(description="showapi_res_id, to quote to the vendor")
    error: str = Field(description="what went wrong, in words; empty: nothing")


class PassageDetail(PassageObject):
    """A passage with all that belongs to it."""

    keyframes: list[KeyframeObject] = Field(description="its views, in the order of time")
    readings: list[ReadingObject] = Field(description="what was read in them")
    calls: list[CallObject] = Field(description="what was paid for")
    sightings: list[SightingObject] = Field(description="the plates that were seen on it")


SIGHTING_COLUMNS = tuple(SightingObject.model_fields)
"""The columns of an export of sightings."""
PASSAGE_COLUMNS = tuple(PassageObject.model_fields)
"""The columns of an export of passages."""
