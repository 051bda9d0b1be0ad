"""What can be said of a snapshot: codes with values, and the English sentences for them.

A page in another language translates `TEXTS` and `ADVICE` and formats the values itself. A field names how its value is
written: `{since:moment}` is a time, `{free:size}` a number of bytes. `EnglishFormatter` has the list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from string import Formatter
from typing import Any

from streamwatch.core.codes import FindingCode
from streamwatch.core.sentences import in_words
from streamwatch.core.text import age, day_of, part_of_day, size, some, when


class Topic(StrEnum):
    """What a remark is about; pages group by it."""

    PROGRAM = "program"
    CAMERA = "camera"
    CALLS = "calls"
    STORAGE = "storage"
    DISK = "disk"
    CLOCK = "clock"
    BARRIER = "barrier"


class RemarkCode(StrEnum):
    """What can be said beside the findings of `FindingCode`."""

    THREAD_STALLED = "thread_stalled"
    DATABASE_FAILED = "database_failed"
    DISK_FULL = "disk_full"
    CAMERA_FROZEN = "camera_frozen"
    CAMERA_FAILED = "camera_failed"
    CAMERA_AWAY = "camera_away"
    CAMERA_SENT_NOTHING = "camera_sent_nothing"
    HELD_BACK = "held_back"
    HELD_BACK_UNTIL = "held_back_until"
    ANSWER_OVERDUE = "answer_overdue"
    BUDGET_USED_UP = "budget_used_up"
    CAMERA_BUDGET_USED_UP = "camera_budget_used_up"
    WAITING_LONG = "waiting_long"
    NO_CONSOLE = "no_console"
    SUBSTREAM_DOWN = "substream_down"
    CLOCK_DOUBTED = "clock_doubted"
    NO_VEHICLE_FOR_DAYS = "no_vehicle_for_days"
    BARRIER_FAULT = "barrier_fault"
    BARRIER_NOT_RELEASED = "barrier_not_released"
    KILL_SWITCH_ON = "kill_switch_on"
    RECEIVER_PAUSED = "receiver_paused"
    EVENTS_LOST = "events_lost"


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence as data. camera: "" if it is about none. values: of the fields of its text."""

    code: RemarkCode | FindingCode
    topic: Topic
    camera: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return the English text with its fields."""
        return TEXTS[self.code]

    @property
    def advice(self) -> str:
        """Return what to do about it, in English."""
        return ADVICE[self.code]


TEXTS: Mapping[RemarkCode | FindingCode, str] = {
    RemarkCode.THREAD_STALLED: "Thread {thread} makes no progress.",
    RemarkCode.DATABASE_FAILED: "The database has not been writable since {since:moment}: {why}",
    RemarkCode.DISK_FULL: "The disk is nearly full: {free:size} are free, {floor:size} must be.",
    RemarkCode.CAMERA_FROZEN: "Camera {camera} has been frozen since {since:moment}: it sends the same picture.",
    RemarkCode.CAMERA_FAILED: "Camera {camera} cannot work: {why}",
    RemarkCode.CAMERA_AWAY: "Camera {camera} has been away since {since:moment}: {why}",
    RemarkCode.CAMERA_SENT_NOTHING: "Camera {camera} has been away since {since:moment}: no picture came.",
    RemarkCode.HELD_BACK: "Calls are held back ({breaker:breaker}): {why}",
    RemarkCode.HELD_BACK_UNTIL: "Calls are held back ({breaker:breaker}) until {until:moment}: {why}",
    RemarkCode.ANSWER_OVERDUE: "An answer is overdue: a call has been running for {oldest:age}.",
    RemarkCode.BUDGET_USED_UP: "The budget for this {window:window} is used up: {used} of {limit} calls.",
    RemarkCode.CAMERA_BUDGET_USED_UP: (
        "The budget of camera {camera} for this {window:window} is used up: {used} of {limit} calls."
    ),
    RemarkCode.WAITING_LONG: "Waiting for the engine: {items:pictures}, the oldest for {oldest:age}.",
    RemarkCode.NO_CONSOLE: "There is no console: {why}",
    RemarkCode.SUBSTREAM_DOWN: "The substream of camera {camera} cannot be watched, so only the main stream is. {why}",
    RemarkCode.CLOCK_DOUBTED: "The clock is not trusted: no time server has set it, or it was stepped.",
    RemarkCode.BARRIER_FAULT: "Barrier {barrier} has not worked since {since:moment}: {why}",
    RemarkCode.BARRIER_NOT_RELEASED: "Barrier {barrier} may stand open since {since:moment}: {why}",
    RemarkCode.KILL_SWITCH_ON: "The kill switch is on: no barrier opens.",
    FindingCode.NO_VEHICLE: "No vehicle for {lasting:age} at {camera}, where {before:count} an hour come at this time.",
    RemarkCode.NO_VEHICLE_FOR_DAYS: "No vehicle for {lasting:age} at {camera}, where {before:count} a day come.",
    RemarkCode.RECEIVER_PAUSED: "Receiver {receiver} has taken no events since {since:moment}: {why}",
    RemarkCode.EVENTS_LOST: "Receiver {receiver} has missed {lost:count} events: too many waited for it.",
    FindingCode.READ_RATE_FELL: (
        "The read rate at {camera} has fallen from {before:percent} to {now:percent} since {since:part_of_day}."
    ),
    FindingCode.READ_RATE_FELL_AT_NIGHT: (
        "By night, the read rate at {camera} has fallen from {before:percent} to {now:percent} since "
        "{since:part_of_day}."
    ),
    FindingCode.PLATES_SHRUNK: (
        "Plates at {camera} have shrunk from {before:count} to {now:count} pixels since {since:day}: "
        "was the camera moved?"
    ),
    FindingCode.PLATES_GROWN: (
        "Plates at {camera} have grown from {before:count} to {now:count} pixels since {since:day}: "
        "was the camera moved?"
    ),
    FindingCode.PLATES_SHRUNK_AT_NIGHT: (
        "By night, plates at {camera} have shrunk from {before:count} to {now:count} pixels since {since:day}."
    ),
    FindingCode.PLATES_GROWN_AT_NIGHT: (
        "By night, plates at {camera} have grown from {before:count} to {now:count} pixels since {since:day}."
    ),
    FindingCode.PLATES_MOVED: (
        "Plates at {camera} have been {now:count} pixels from their old place since {since:day}: was the camera moved?"
    ),
}

_LOOK = "Look at its live picture: is it turned, covered, dirty or out of focus? Is the zone still right?"
_ZONE = "If the camera was moved, turn it back or draw its zone anew, and check that plates are wide enough."
_LAMP = "Look at its picture by night: do the lamps and the infrared light work, and is it in focus?"
ADVICE: Mapping[RemarkCode | FindingCode, str] = {
    RemarkCode.THREAD_STALLED: "The service manager restarts the daemon. If it comes again, the log says more.",
    RemarkCode.DATABASE_FAILED: "Nothing is lost: it is written as soon as possible. Check disk and server.",
    RemarkCode.DISK_FULL: "Free some space on this disk. Until then the oldest pictures are deleted.",
    RemarkCode.CAMERA_FROZEN: "It is opened again by itself. If that does not help, restart the camera.",
    RemarkCode.CAMERA_FAILED: "Correct its source in the configuration, then reload.",
    RemarkCode.CAMERA_AWAY: "It is tried again by itself. Check its power, its cable, its address and its password.",
    RemarkCode.CAMERA_SENT_NOTHING: "It is tried again by itself. Check its power, its cable and its address.",
    RemarkCode.HELD_BACK: "Nothing is paid now; pictures wait. Do what the reason says, then restart the daemon.",
    RemarkCode.HELD_BACK_UNTIL: "Nothing is paid until then; pictures wait. It is tried again by itself.",
    RemarkCode.ANSWER_OVERDUE: "Check the connection to the internet. Pictures wait meanwhile, or are read here.",
    RemarkCode.BUDGET_USED_UP: "Nothing more is paid in this time. If that is too little, raise it.",
    RemarkCode.CAMERA_BUDGET_USED_UP: "Nothing more is paid for it in this time. If that is too little, raise it.",
    RemarkCode.WAITING_LONG: "Check the connection to the internet, the budget, and what the service answers.",
    RemarkCode.NO_CONSOLE: "It is tried again by itself. The cameras are watched meanwhile.",
    RemarkCode.SUBSTREAM_DOWN: "Plates are read as before, which costs more CPU. Check the second address, watch.",
    RemarkCode.CLOCK_DOUBTED: "Connect this machine to a time server; timedatectl shows its state.",
    RemarkCode.BARRIER_FAULT: "Check the relay's power, cable and address; `streamwatch barrier test` tries it.",
    RemarkCode.BARRIER_NOT_RELEASED: "Look at the barrier now. Its relay is told again and again until it obeys.",
    RemarkCode.KILL_SWITCH_ON: "Turn it off when barriers may open again.",
    FindingCode.NO_VEHICLE: _LOOK,
    RemarkCode.NO_VEHICLE_FOR_DAYS: _LOOK,
    RemarkCode.RECEIVER_PAUSED: "It is tried again by itself, and nothing is lost. Do what the reason says.",
    RemarkCode.EVENTS_LOST: "Let the receiver fetch them by the API, or raise outward.max_events.",
    FindingCode.READ_RATE_FELL: _LOOK,
    FindingCode.READ_RATE_FELL_AT_NIGHT: _LAMP,
    FindingCode.PLATES_SHRUNK: _ZONE,
    FindingCode.PLATES_GROWN: _ZONE,
    FindingCode.PLATES_SHRUNK_AT_NIGHT: _LAMP,
    FindingCode.PLATES_GROWN_AT_NIGHT: _LAMP,
    FindingCode.PLATES_MOVED: _ZONE,
}


class EnglishFormatter(Formatter):
    """Fills the fields of a text. Another language has a subclass with other `writers`."""

    def __init__(self, now: datetime) -> None:
        """now: for days of the last week, which are called by their weekday."""
        self.writers: dict[str, Callable[[Any], str]] = {
            "": str,
            "moment": when,
            "age": age,
            "size": size,
            "count": lambda value: f"{value:.0f}",
            "percent": lambda value: f"{value:.0%}",
            "pictures": lambda value: some(value, "picture"),
            "breaker": lambda breaker: breaker.label,
            "window": in_words,
            "day": lambda at: day_of(at, now),
            "part_of_day": lambda at: part_of_day(at, now),
        }

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value as its field says."""
        return self.writers[format_spec](value)


def in_english(remark: Remark, now: datetime) -> str:
    """Return the sentence."""
    return EnglishFormatter(now).vformat(remark.text, (), remark.values)
