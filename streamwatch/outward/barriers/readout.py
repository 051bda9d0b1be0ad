"""What the text of a sensor means."""

import json
import re
from dataclasses import dataclass
from typing import Any

from streamwatch.core.codes import Position
from streamwatch.core.errors import BarrierError

LONGEST_VALUE = 1000
"""Characters of a value that are compared."""


@dataclass(frozen=True, slots=True)
class Readout:
    """Finds a position in a text.

    field: where the value stands in JSON, as names and numbers with dots between them; empty: the whole text. open,
    closed: regular expressions; the whole value must fit one.
    """

    field: str
    open: str
    closed: str

    def position(self, text: str) -> Position | None:
        """Return the position; None if the value fits neither expression. Raise BarrierError if there is no value."""
        value = self._value(text).strip()[:LONGEST_VALUE]
        for expression, position in ((self.open, Position.OPEN), (self.closed, Position.CLOSED)):
            if re.fullmatch(expression, value):
                return position
        return None

    def _value(self, text: str) -> str:
        if not self.field:
            return text
        try:
            found: Any = json.loads(text)
        except (ValueError, RecursionError):
            raise BarrierError("The sensor sends no JSON.", "Check its address, and `field`.") from None
        for part in self.field.split("."):
            if isinstance(found, list) and part.isdigit() and int(part) < len(found):
                found = found[int(part)]
            elif isinstance(found, dict) and part in found:
                found = found[part]
            else:
                raise BarrierError(f"The sensor's JSON has no {self.field[:80]!r}.", "Check `field`.")
        return found if isinstance(found, str) else json.dumps(found)
