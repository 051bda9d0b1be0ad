"""Change detection: where a frame differs from the empty scene."""
