"""Plates followed from frame to frame."""
