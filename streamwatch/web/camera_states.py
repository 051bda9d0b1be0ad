"""The state of a camera in words."""

from dataclasses import dataclass

from streamwatch.core.codes import CameraState
from streamwatch.web.catalogue import N_
from streamwatch.web.sentences import CAMERA_STATES


@dataclass(frozen=True, slots=True)
class StateWords:
    """A state for people. word, meaning: source texts; tone: good, info, bad or ""."""

    word: str
    tone: str
    meaning: str


_MEANINGS = {
    CameraState.CONNECTING: N_("It is being opened, and has shown no picture yet."),
    CameraState.ONLINE: N_("Pictures come."),
    CameraState.FROZEN: N_(
        "It repeats one picture again and again, so no vehicle is seen. It is reopened now and then."
    ),
    CameraState.RECONNECTING: N_("No picture comes, so no vehicle is seen. It is opened again and again."),
    CameraState.ENDED: N_("The recording has been played to its end."),
    CameraState.FAILED: N_("Its source can never work as it is set."),
}
UNKNOWN = StateWords(N_("not watched now"), "", N_("No program watches it now."))


def words_of_state(code: str | None) -> StateWords:
    """Return the words for the code of a state; None: nobody watches the camera."""
    return UNKNOWN if code is None else StateWords(*CAMERA_STATES[code], _MEANINGS[CameraState(code)])
