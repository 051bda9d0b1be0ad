"""The topics below the prefix.

PREFIX/status                        "online", or "offline" by the last will                      retained
PREFIX/state                         the program: kill switch, vehicles inside                    retained
PREFIX/cameras/ID/state              is it watched?                                               retained
PREFIX/cameras/ID/plate              the last plate                                               retained
PREFIX/cameras/ID/sighting           each sighting, and each correction of one
PREFIX/lanes/ID/state                the lane's mode and barrier                                  retained
PREFIX/lanes/ID/plate                the last plate, and what was decided                         retained
PREFIX/lanes/ID/authorised           "ON" for a minute after `allow`, else "OFF"                  "OFF" is retained
PREFIX/lanes/ID/decision             each decision
PREFIX/barriers/ID/state             position, fault                                              retained
PREFIX/barriers/ID/opening           each opening
PREFIX/health                        each thing that went wrong, or is well again
PREFIX/test                          a person tries this receiver
PREFIX/tracked_object_update         each sighting in Frigate's shape
PREFIX/lanes/ID/open, PREFIX/kill    commands to streamwatch
"""

from dataclasses import dataclass

from streamwatch.outward.mqtt.identifiers import identifier


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one program. discovery: Home Assistant's own prefix; empty: it is told nothing."""

    prefix: str
    discovery: str = ""

    @property
    def device(self) -> str:
        """Return the identifier of this program in Home Assistant."""
        return identifier(self.prefix.replace("/", "_"))

    @property
    def status(self) -> str:
        """Return the topic that says if the program runs."""
        return f"{self.prefix}/status"

    @property
    def kill(self) -> str:
        """Return the topic of the command that stops all openings."""
        return f"{self.prefix}/kill"

    @property
    def config(self) -> str:
        """Return the topic of the description for Home Assistant."""
        return f"{self.discovery}/device/{self.device}/config"

    @property
    def birth(self) -> str:
        """Return the topic on which Home Assistant says that it has started."""
        return f"{self.discovery}/status"

    @property
    def kept(self) -> tuple[str, ...]:
        """Return patterns of the retained topics that a camera, lane or barrier leaves behind when it is removed."""
        return tuple(f"{self.prefix}/{of}" for of in ("+/+/state", "+/+/plate", "lanes/+/authorised"))

    def of(self, kind: str, name: str, what: str) -> str:
        """Return a topic of one thing. kind: cameras, lanes or barriers."""
        return f"{self.prefix}/{kind}/{identifier(name)}/{what}"

    def other(self, what: str) -> str:
        """Return a topic that belongs to no camera, lane or barrier."""
        return f"{self.prefix}/{what}"
