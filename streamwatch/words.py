"""Figures as people read them."""

from datetime import datetime


def age(seconds: float) -> str:
    """A duration by its largest unit and the next: `0.4 s`, `42 s`, `5 m 3 s`, `26 h 5 m`, `9 d 4 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, name, lower, lower_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        # Two days are still told in hours: outages are.
        if whole >= unit * (2 if name == "d" else 1):
            return f"{whole // unit} {name} {whole % unit // lower} {lower_name}"
    return f"{whole} s"


def signed_age(seconds: float) -> str:
    """Return a difference as `age` tells it: `+13 h 0 m`, `-0.4 s`."""
    return f"{'-' if seconds < 0 else '+'}{age(abs(seconds))}"


def some(count: int, thing: str) -> str:
    """`1 picture`, `7 pictures`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def size(count: int) -> str:
    """Bytes in decimal units: `812 B`, `1.5 MB`."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def when(time: datetime) -> str:
    """Local time with its offset, to the second."""
    return time.astimezone().isoformat(" ", "seconds")
