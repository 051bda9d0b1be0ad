"""The engines that read a camera's keyframes."""

from collections.abc import Callable
from dataclasses import dataclass

from streamwatch.core.model import Engine, Recognizer
from streamwatch.pipeline.local import LocalHelp


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one camera.

    recognizer: the paid engine, or the local one, which then reads everything. local: how the local engine helps.
    """

    recognizer: Recognizer
    local: LocalHelp

    @property
    def paid(self) -> bool:
        """Return True if calls cost money."""
        return self.recognizer.engine is Engine.OCRCARS


EnginesOf = Callable[[str], Engines]
"""Returns the engines of a camera. It is asked for each keyframe, because a reload may change them."""
