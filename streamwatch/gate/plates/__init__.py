"""Plates in pictures: their shapes, their appearance, and template matching."""
