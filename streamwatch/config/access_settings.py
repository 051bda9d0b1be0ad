"""The sections `lanes` and `access`: which camera belongs to which way in or out, and what follows its plates."""

import re
from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from streamwatch.config.fields import Seconds, Section
from streamwatch.config.program_settings import ProgramSettings
from streamwatch.core.codes import LaneMode, Passback, Verdict, Way

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
"""The days of the week as config.yaml writes them."""
RETURN = 30.0
"""Largest `dedup.window` in seconds of a camera of a lane, unless the camera has a value of its own.

A vehicle that waits before a barrier may be lost and found again within seconds; to pass, turn and come to the same
camera again it needs more than half a minute. With the common 5 minutes it would come back to a closed barrier."""
CLOSELY = 0.5
"""Largest `attention.max_blind` in seconds of a camera before a barrier that opens, or would open, by itself."""


def time_of_day(value: object) -> object:
    """Return a time of day. YAML reads an unquoted 17:30 as 1050, a number of minutes."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1440:
        value = f"{value // 60:02}:{value % 60:02}"
    match = re.fullmatch(r"(\d{1,2}):(\d\d)", value) if isinstance(value, str) else None
    if isinstance(value, time):
        return value
    if match is None or int(match[2]) > 59 or (int(match[1]), int(match[2])) > (24, 0):
        raise ValueError('is not a time of day; write it like "07:30", or "24:00" for midnight')
    return time(int(match[1]) % 24, int(match[2]))


def _off(value: object) -> object:
    """Return a word. YAML reads an unquoted `off` as false."""
    return "off" if value is False else value


def _not_allow(value: object) -> object:
    if value == Verdict.ALLOW.value:
        raise ValueError("may be ask or deny; a vehicle without a valid permit is let in by a person only")
    return value


TimeOfDay = Annotated[time, BeforeValidator(time_of_day)]
AskOrDeny = Annotated[Literal["ask", "deny"], BeforeValidator(_not_allow)]


class HoldOpenSettings(Section):
    """A time in which a barrier is held open."""

    days: list[Day] = Field(list(DAYS), min_length=1, description="The days on which it begins, such as [mon, fri].")
    begin: TimeOfDay = Field(description='The local time at which the barrier opens, such as "07:00".')
    end: TimeOfDay = Field(
        description="The local time at which it closes. If that is not later than begin, it lies on the next day."
    )


class LaneSettings(Section):
    """One lane: a way in or out with its cameras and its barrier."""

    cameras: list[str] = Field(
        min_length=1, description="The cameras that see the plates of vehicles before its barrier."
    )
    way: Way = Field(Way.IN, description="The way of its vehicles; both: they come and go here.")
    mode: LaneMode = Field(
        LaneMode.MANUAL,
        description="manual: people open. suggest: the page also says what automatic would do. automatic: the barrier "
        "opens for a vehicle that may pass.",
    )
    barrier: str | None = Field(None, description="The barrier of the section barriers. Without it nothing is moved.")
    bar: float = Field(
        0.95,
        ge=0,
        le=1,
        description="A reading with less confidence opens nothing. It is a bar of its own, above "
        "sightings.min_confidence.",
    )
    unknown: AskOrDeny = Field("ask", description="The decision on a plate without a permit.")
    invalid: AskOrDeny = Field("ask", description="The decision on a plate whose permit is not valid now and here.")
    inexact: Literal["ask", "allow"] = Field(
        "ask",
        description="The decision on a plate that is one likely misread away from exactly one plate with a permit, "
        "and from no other within two.",
    )
    passback: Annotated[Passback, BeforeValidator(_off)] = Field(
        Passback.OFF,
        description="What follows if a vehicle that is inside comes in again, or one that is not inside leaves.",
    )
    ask_program: ProgramSettings | None = Field(
        None, description="An existing parking program that is asked before the barrier opens."
    )
    hold_open: list[HoldOpenSettings] = Field([], description="Times in which the barrier is held open.")

    @field_validator("cameras", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class AccessSettings(Section):
    """What counts for all lanes."""

    max_opens: int = Field(
        3, ge=0, description="A plate for which the lane has opened so often within opens_within is asked. 0: no limit."
    )
    opens_within: Seconds = Field(600.0, gt=0, description="The time in which openings for one plate are counted.")
    max_age: Seconds = Field(3.0, gt=0, le=30, description="Nothing opens later than this after the plate was read.")
    max_picture_age: Seconds = Field(
        15.0,
        gt=0,
        le=120,
        description="Nothing opens for a picture that is older, such as one that waited for the paid service.",
    )
    cool_down: Seconds = Field(5.0, ge=0, description="The time after an opening in which the barrier is not opened.")
    list_max_age: Seconds | None = Field(
        None,
        gt=0,
        description="A list of permits that was last written or imported longer ago opens nothing. Without a value any "
        "age will do.",
    )

    @field_validator("max_opens")
    @classmethod
    def _is_countable(cls, value: int) -> int:
        if value > 1000:
            raise ValueError("is more than 1000; write 0 for no limit")
        return value


def check_lanes(
    lanes: Mapping[str, LaneSettings], cameras: Mapping[str, object], barriers: Mapping[str, object] | None
) -> None:
    """Raise ValidationError with each name in the lanes that does not fit the other sections.

    barriers: None if they are wrong themselves, which is said already.
    """
    wrong: list[InitErrorDetails] = []
    taken: dict[str, str] = {}

    def say(sentence: str, value: Any, *place: str | int) -> None:
        wrong.append(InitErrorDetails(type=PydanticCustomError("value_error", sentence), loc=place, input=value))

    for name, lane in lanes.items():
        for index, camera in enumerate(lane.cameras):
            place = (name, "cameras", index)
            if camera not in cameras:
                say("is not the name of a camera; add it to cameras, or correct it", camera, *place)
            elif camera in taken:
                say(f"already belongs to the lane {taken[camera]}; a camera sees one lane", camera, *place)
            taken.setdefault(camera, name)
        if lane.barrier is not None and barriers is not None and lane.barrier not in barriers:
            say("is not the name of a barrier; add it to barriers, or correct it", lane.barrier, name, "barrier")
        if lane.barrier is None and lane.mode is LaneMode.AUTOMATIC:
            say("is automatic, but the lane has no barrier; name one, or write suggest", lane.mode, name, "mode")
        if lane.barrier is None and lane.hold_open:
            say("names times, but the lane has no barrier; name one", "", name, "hold_open")
        barrier = (barriers or {}).get(lane.barrier or "")
        if lane.hold_open and barrier is not None and not getattr(barrier, "can_hold", False):
            said = f"names times, but the barrier {lane.barrier} cannot be held open; take them out"
            say(said, "", name, "hold_open")
    if wrong:
        raise ValidationError.from_exception_data("lanes", wrong)
