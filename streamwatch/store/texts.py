"""Texts from outside, made so that every database takes them."""


def storable(text: str) -> str:
    """Return the text with U+FFFD in place of what PostgreSQL cannot store: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
