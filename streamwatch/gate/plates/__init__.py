"""Plates as shapes and as pictures, and following one from frame to frame."""
