"""Recordings through the same pipeline: played, explained, measured, compared."""
