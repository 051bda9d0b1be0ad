"""The frozen types that flow between rooms.

    camera ──Frame──▶ gate ──Keyframe──▶ recognizer ──Reading──▶ fusion ──Sighting──▶ store

A key is a random text (UUID4 hex) that names a thing before the database has given it a row.
All times are aware UTC and are capture times unless the name says otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any, NewType, Protocol

from streamwatch.core.codes import CallOutcome, ViewReason

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Picture = npt.NDArray[np.uint8]

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]
"""Left-top, right-top, right-bottom, left-bottom of a plate as (x, y) in pixels; ocrCars' order of `range`."""
FrameCorners = NewType("FrameCorners", Corners)
"""In pixels of the full-resolution frame."""
JpegCorners = NewType("JpegCorners", Corners)
"""In pixels of the picture that was read, such as a keyframe's JPEG. `imaging.corners` converts them."""


class Engine(StrEnum):
    """The engines that read plates.

    CAMERA: the camera itself, which has sent its reading. OPERATOR: a person who looked at the picture.
    """

    OCRCARS = "ocrcars"
    LOCAL = "local"
    CAMERA = "camera"
    OPERATOR = "operator"


class Attention(Enum):
    """The attention that a camera needs. QUIET: a look now and then is enough while the camera shows nothing new."""

    QUIET = auto()
    ALL = auto()


class Direction(StrEnum):
    """The direction of a vehicle, as the camera sees it. UNKNOWN: it stood, or was seen too briefly."""

    COMING = "coming"
    GOING = "going"
    CROSSING = "crossing"
    UNKNOWN = "unknown"


class SightingStatus(StrEnum):
    """A sighting is provisional from its first reading on and final once its passage has closed."""

    PROVISIONAL = "provisional"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the full-resolution frame."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    luma: (height, width) uint8, the Y plane at full resolution; read-only; access costs nothing. to_bgr: converts the
    full-resolution picture to (height, width, 3) uint8 BGR; costs about a millisecond a call.
    """

    camera: str
    captured_at: datetime
    luma: "Picture"
    to_bgr: Callable[[], "Picture"]


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle's visit to a camera. `last_seen` is the time of the last frame that showed it.

    direction: known once it is closed.
    """

    key: str
    camera: str
    opened_at: datetime
    last_seen: datetime
    closed: bool = False
    direction: Direction = Direction.UNKNOWN


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A view of a passage chosen to be read. `jpeg` is sent, and kept as evidence, byte for byte.

    crop: the part of the frame that the JPEG shows. scale: JPEG pixels per frame pixel, at most 1.
    score: the best-shot score (higher is better; comparable only within one passage). reason: why it was chosen.
    """

    key: str
    passage: str
    camera: str
    captured_at: datetime
    jpeg: bytes
    width: int
    height: int
    crop: Box
    scale: float
    score: float
    reason: ViewReason


@dataclass(frozen=True, slots=True)
class PlateText:
    """One plate as an engine returns it.

    text: raw, as the engine wrote it. confidence: 0 to 1, None if the engine gave none or an impossible one. corners:
    None if the engine gave none. colour: of the plate's background, "blue", "yellow", "green", "white" or "black"; ""
    if the engine gives none.
    """

    text: str
    confidence: float | None
    corners: JpegCorners | None
    colour: str = ""


class Trust(Enum):
    """The trust in a reading, beside its own confidence.

    CONFIRMED: another view of the vehicle gave the same text. UNCHECKED: there is nothing but its confidence. DOUBTED:
    it should be read again. CONTRADICTED: the local engine reads another text in the same picture.
    """

    CONFIRMED = auto()
    UNCHECKED = auto()
    DOUBTED = auto()
    CONTRADICTED = auto()


@dataclass(frozen=True, slots=True)
class JudgedPlate:
    """A plate exactly as an engine returned it, with the trust in it."""

    plate: PlateText
    trust: Trust = Trust.UNCHECKED


@dataclass(frozen=True, slots=True)
class CallResult:
    """The result of one attempt at the paid service, which completes its ledger row.

    outcome: READ, NO_PLATE, or the `outcome` of the error. charged: the answer was HTTP 200 from the service itself
    (None: unknown). fee: charge units as the service says, 1 if it answered without saying. plates: of READ and
    NO_PLATE, in pixels of the picture that the caller gave; None for other outcomes. One field for each column of the
    row.
    """

    outcome: CallOutcome
    charged: bool | None
    fee: int
    latency: float
    http_status: int | None = None
    gateway_code: str = ""
    platform_code: int | None = None
    ret_code: int | None = None
    request_id: str = ""
    answer_id: str = ""
    error: str = ""
    plates: tuple[PlateText, ...] | None = None


class Ledger(Protocol):
    """The record of every attempt at the paid service, written before it is sent and completed after it has ended."""

    def about_to_pay(self, attempt: int, picture: bytes | str) -> None:
        """Store the row safely before returning. Raise StoreError otherwise; then nothing may be sent.

        picture: exactly the JPEG that will be sent (a retry may send a smaller one), or its address for `img_url`.
        """

    def ended(self, attempt: int, result: CallResult) -> None:
        """Complete the row of that attempt."""


class Recognizer(Protocol):
    """An engine that reads the plates in a JPEG."""

    engine: Engine

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """Return all plates of the picture, best first; empty if it shows none. Raise RecognitionError."""

    def close(self) -> None:
        """Close connections and free memory."""


class FreeRecognizer(Recognizer, Protocol):
    """A recognizer that costs nothing but CPU, and less CPU if the caller says where the plates are."""

    def read_near(self, jpeg: bytes, places: Sequence[JpegCorners | None], ledger: Ledger) -> list[PlateText]:
        """Return the plates at the given places, best first. Raise RecognitionError.

        Return all plates of the picture if one of the places is unknown (None), shows no plate, or cannot belong to a
        plate with one line of text.
        """


@dataclass(frozen=True, slots=True)
class Reading:
    """One plate as one engine read it in one keyframe. One field for each column of its row.

    raw: the engine's text. plate: normalised. kind: the grammar's name for it, "" if it fits none.
    repaired: a character was replaced on the way (look-alike or folded O/0, I/1).
    """

    key: str
    keyframe: str
    passage: str
    camera: str
    captured_at: datetime
    engine: Engine
    raw: str
    plate: str
    kind: str
    repaired: bool
    confidence: float | None
    corners: FrameCorners | None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A plate at a camera, fused from readings; one field for each column. `keyframe` is the one that shows it best."""

    key: str
    camera: str
    plate: str
    confidence: float | None
    first_seen: datetime
    last_seen: datetime
    reads: int
    status: SightingStatus
    engine: Engine
    passage: str
    keyframe: str


def __getattr__(name: str) -> Any:
    """Make `Picture` when it is asked for: most verbs need no numpy, whose import costs a tenth of a second of CPU."""
    if name != "Picture":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import numpy as np
    import numpy.typing as npt

    return npt.NDArray[np.uint8]
