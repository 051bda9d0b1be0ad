"""The objects of the JSON output: what `--format json` prints, and what the API under `/api/v1` answers.

Each is made from a row of the store that has attributes of the same names. Codes are words, times are ISO 8601 with
offset, and what is not known is null. Names and meanings stay; a change is a new name.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from streamwatch.core.codes import CallOutcome, StateReason, ViewReason
from streamwatch.core.model import Box, Direction, Engine, SightingStatus
from streamwatch.store import KeyframeRow, KeyframeState, PassageDetail, PassageOutcome, PassageRow, SightingRow


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


def _edges(crop: Any) -> Any:
    return (crop.x, crop.y, crop.width, crop.height) if isinstance(crop, Box) else crop


Corners = list[tuple[float, float]]


class Representation(BaseModel, frozen=True, from_attributes=True):
    """An object of the JSON output."""


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
    passage: int = Field(description="number of the first passage that it belongs to")
    keyframe: int = Field(description="number of the keyframe that shows it best")


class PassageObject(Representation):
    """One vehicle's visit to a camera, with or without a plate that could be read."""

    id: int = Field(description="the passage's number")
    camera: str = Field(description="name of the camera")
    plate: str | None = Field(description="the plate, normalised, also one that cannot be believed; null: none")
    kind: str | None = Field(description="the grammar's name for the form of the plate; empty: none fits")
    confidence: float | None = Field(description="how sure the plate is, 0 to 1; null: not known")
    opened_at: Time = Field(description="when it was first seen")
    last_seen: Time = Field(description="when it was last seen so far")
    closed: bool = Field(description="true once the vehicle has gone")
    direction: Direction = Field(description="the way of the vehicle, as the camera sees it")
    outcome: PassageOutcome = Field(description="what came of reading it")
    engine: Engine | None = Field(description="what read the plate; operator without a plate: a person saw none")
    sighting: int | None = Field(description="number of its sighting; null: none, so the plate cannot be believed")
    keyframe: int | None = Field(description="number of the keyframe that the plate was read from, else the best view")
    image: Image
    revision: int = Field(description="grows over the whole database when a passage or anything of it changes")


class KeyframeObject(Representation):
    """A view of a passage, to be read or kept for people."""

    id: int = Field(description="the keyframe's number")
    passage: int = Field(description="number of the passage that it shows")
    camera: str = Field(description="name of the camera")
    captured_at: Time = Field(description="when the frame was taken")
    image: Image
    bytes: int = Field(description="length of the JPEG in bytes")
    width: int = Field(description="width of the JPEG in pixels")
    height: int = Field(description="height of the JPEG in pixels")
    crop: Annotated[tuple[int, int, int, int], BeforeValidator(_edges)] = Field(
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
    engine: Engine = Field(description="what read it; operator: a person")
    raw: str = Field(description="the text as it was written")
    plate: str = Field(description="the same, normalised")
    kind: str = Field(description="the grammar's name for the form of the plate; empty: none fits")
    repaired: bool = Field(description="true: a look-alike character was replaced on the way to the plate")
    confidence: float | None = Field(description="0 to 1; null: none was given that can be believed")
    corners: Corners | None = Field(
        description="left-top, right-top, right-bottom, left-bottom of the plate as [x, y] in pixels of the keyframe's "
        "JPEG; null: unknown"
    )
    operator: str = Field(description="who typed it; empty for an engine")
    typed_at: Time | None = Field(description="when a person typed it; null for an engine")


class CallObject(Representation):
    """One attempt at the paid service: a line of the ledger."""

    id: int = Field(description="the call's number")
    keyframe: int | None = Field(description="number of the keyframe that was sent; null: none, or it was deleted")
    camera: str | None = Field(description="the camera that pays; null: the verb read")
    engine: Engine = Field(description="the service that was called")
    attempt: int = Field(description="1 for the first try with this picture")
    started_at: Time = Field(description="when it was sent")
    ended_at: Time | None = Field(description="when it ended; null: it is in flight, or its end was not seen")
    outcome: CallOutcome | None = Field(description="what came of it; null: it is in flight")
    charged: bool | None = Field(description="true: the service answered, so it costs; null: unknown")
    fee: int = Field(description="charge units as the service says")
    latency: float | None = Field(description="seconds from sending to the end of the answer")
    error: str = Field(description="what went wrong, in words; empty: nothing")
    answer: list[dict[str, Any]] | None = Field(
        description="the plates as the service said them, each with text, confidence and corners in pixels of the "
        "JPEG; null: it said nothing about plates"
    )


class PassageDetailObject(PassageObject):
    """A passage with all that belongs to it."""

    others: list[str] = Field(description="other plates that it shows")
    keyframes: list[KeyframeObject] = Field(description="its views, in the order of time")
    readings: list[ReadingObject] = Field(description="what was read in them")
    calls: list[CallObject] | None = Field(description="what was paid for; null: for managers only")


class SightingDetailObject(SightingObject):
    """A sighting with its passages: all visits within the window of deduplication."""

    passages: list[PassageDetailObject] = Field(description="its passages, in the order of time")


R = TypeVar("R", bound=Representation)


def files_in(data_dir: Path) -> "Where":
    """Return a function that returns the path of a picture's file."""
    folder = data_dir.absolute()
    return lambda _, path: str(folder / path)


def as_json(value: Representation) -> dict[str, Any]:
    """Return a representation in the types of JSON."""
    return value.model_dump(mode="json")


Where = Callable[[int, str], str]
"""Return where the picture of a keyframe is. Arguments: the keyframe's id, and the path of its JPEG below data_dir."""


def sighting_object(row: SightingRow, where: Where | None = None) -> SightingObject:
    """Return a sighting as JSON shows it. where: the path of the file by default."""
    if where is None:
        return SightingObject.model_validate(row)
    return _made(SightingObject, row, image=_image_of(row, where))


def passage_object(row: PassageRow, where: Where) -> PassageObject:
    """Return a passage as JSON shows it."""
    return _made(PassageObject, row, **_special(row, where))


def passage_detail_object(detail: PassageDetail, where: Where, costs: bool = True) -> PassageDetailObject:
    """Return all of a passage as JSON shows it. costs: False leaves out the calls."""
    row = detail.row
    return _made(
        PassageDetailObject,
        row,
        **_special(row, where),
        others=[] if row.plate is None else row.plate.others,
        keyframes=[keyframe_object(keyframe, where) for keyframe in detail.keyframes],
        readings=[ReadingObject.model_validate(reading) for reading in detail.readings],
        calls=[CallObject.model_validate(call) for call in detail.calls] if costs else None,
    )


def sighting_detail_object(
    row: SightingRow, passages: Sequence[PassageDetail], where: Where, costs: bool = True
) -> SightingDetailObject:
    """Return a sighting with its passages as JSON shows it. costs: False leaves out the calls."""
    return _made(
        SightingDetailObject,
        row,
        image=_image_of(row, where),
        passages=[passage_detail_object(passage, where, costs) for passage in passages],
    )


def keyframe_object(row: KeyframeRow, where: Where) -> KeyframeObject:
    """Return a keyframe as JSON shows it."""
    return _made(KeyframeObject, row, image=None if row.path is None else where(row.id, row.path))


def _special(row: PassageRow, where: Where) -> dict[str, Any]:
    """Return the fields of a passage that its row does not have under these names."""
    plate = row.plate
    return {
        "plate": plate and plate.text,
        "kind": plate and plate.kind,
        "confidence": plate and plate.confidence,
        "sighting": plate and plate.sighting,
        "image": None if row.path is None or row.keyframe is None else where(row.keyframe, row.path),
    }


def _image_of(row: SightingRow, where: Where) -> str | None:
    return None if row.image is None else where(row.keyframe, str(row.image))


def _made(made: type[R], row: object, **special: Any) -> R:
    """Return the representation of a row. special: the fields that are not attributes of the row."""
    same = {name: getattr(row, name) for name in made.model_fields if name not in special}
    return made.model_validate(same | special)
