"""The ledger of an engine that costs nothing."""

from streamwatch.core.model import CallResult


class NullLedger:
    """Keeps nothing: a reading that costs nothing has no call to write down."""

    def about_to_pay(self, attempt: int, picture: bytes | str) -> None:
        """Do nothing; a local engine never calls this."""

    def ended(self, attempt: int, result: CallResult) -> None:
        """Do nothing; a local engine never calls this."""
