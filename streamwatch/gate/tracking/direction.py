"""The direction of a vehicle, from its plate at the beginning and at the end of its way."""

from streamwatch.core.model import Box, Direction

GREW = 1.2  # ratio of widths from which a plate came nearer or went away
GREW_MUCH = 1.5  # the same for a plate that also crosses the picture
ASIDE = 1.5  # widths of the plate; movement to the side from which it crosses the picture
DOWN = 1.0  # widths; movement down from which it comes, as a camera above the lane looks down


def direction(first: Box, last: Box) -> Direction:
    """Return the direction from the first to the last box of a plate, or of a vehicle without one, in frame pixels."""
    across = (last.x + last.width / 2) - (first.x + first.width / 2)
    down = (last.y + last.height / 2) - (first.y + first.height / 2)
    wide = max(first.width, last.width)
    if wide >= GREW_MUCH * min(first.width, last.width):
        return Direction.COMING if last.width > first.width else Direction.GOING
    if abs(across) >= ASIDE * wide and abs(across) > 2 * abs(down):
        return Direction.CROSSING
    if last.width >= GREW * first.width:
        return Direction.COMING
    if first.width >= GREW * last.width:
        return Direction.GOING
    if abs(down) >= DOWN * wide:
        return Direction.COMING if down > 0 else Direction.GOING
    return Direction.UNKNOWN
