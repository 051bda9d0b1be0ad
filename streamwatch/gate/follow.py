"""Which region of this frame is which thing of the frames before."""

from datetime import datetime

from streamwatch.gate.regions import Region
from streamwatch.gate.track import Track

MOST_TRACKS = 8


class Follower:
    """Keeps the tracks of one camera.

    leaving: those that have gone, but whose passage is not closed yet: an answer may make another view worth a call.
    """

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self.leaving: list[Track] = []
        self._passages = 0

    def next_passage(self) -> int:
        """A number no passage had before."""
        self._passages += 1
        return self._passages

    def track_of(self, passage: int) -> Track | None:
        """The track of a passage that is not closed."""
        return next((track for track in (*self.tracks, *self.leaving) if track.passage == passage), None)

    def follow(self, regions: list[Region], captured_at: datetime, at: float) -> None:
        """Gives each region to the track it overlaps most, and new tracks to what is left.

        A vehicle whose middle looks like the road comes in pieces: those above each other inside the place of one
        track are one. Pieces side by side are two vehicles that were one region as long as they were far away.
        """
        found: dict[int, Region] = {}
        born: list[Region] = []
        for region in regions:
            near = max(self.tracks, key=lambda t: t.region.overlap(region), default=None)
            if near is None or near.region.overlap(region) == 0:
                born.append(region)
            elif near.passage not in found:
                found[near.passage] = region
            elif near.region.holds(region) and found[near.passage].shares_columns(region):
                found[near.passage] = found[near.passage].joined(region)
            else:
                born.append(region)
        new = [self._new_track(region, captured_at, at) for region in born[: MOST_TRACKS - len(self.tracks)]]
        for track in self.tracks:
            if track.passage in found:
                track.region, track.last_seen, track.seen_at = found[track.passage], captured_at, at
                track.swallowed = False
                track.frames += 1
            else:
                track.swallowed |= any(region.holds(track.region) for region in found.values())
        self.tracks += new

    def _new_track(self, region: Region, captured_at: datetime, at: float) -> Track:
        torn_off = any(t.paid and t.region.holds(region) for t in self.tracks)
        track = Track(self.next_passage(), region, captured_at, captured_at, at, torn_off)
        track.seen_at = track.improved_at = at
        return track
