"""Tracks: plates that are followed from frame to frame."""
