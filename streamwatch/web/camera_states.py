"""The state of a camera in words."""

from dataclasses import dataclass

from streamwatch.core.codes import CameraState
from streamwatch.web.catalogue import N_


@dataclass(frozen=True, slots=True)
class StateWords:
    """A state for people. word, meaning: source texts; tone: good, warn, bad or ""."""

    word: str
    tone: str
    meaning: str


STATES = {
    CameraState.CONNECTING: StateWords(
        N_("connecting"), "warn", N_("It is being opened, and has shown no picture yet.")
    ),
    CameraState.ONLINE: StateWords(N_("online"), "good", N_("Pictures come.")),
    CameraState.FROZEN: StateWords(
        N_("frozen"),
        "bad",
        N_("It repeats one picture again and again, so no vehicle is seen. It is reopened now and then."),
    ),
    CameraState.RECONNECTING: StateWords(
        N_("no picture"), "bad", N_("No picture comes, so no vehicle is seen. It is opened again and again.")
    ),
    CameraState.ENDED: StateWords(N_("played to the end"), "", N_("The recording has been played to its end.")),
    CameraState.FAILED: StateWords(N_("cannot be opened"), "bad", N_("Its source can never work as it is set.")),
}
UNKNOWN = StateWords(N_("not watched"), "", N_("No program watches it now."))


def words_of_state(code: str | None) -> StateWords:
    """Return the words for the code of a state; None: nobody watches the camera."""
    return UNKNOWN if code is None else STATES[CameraState(code)]
