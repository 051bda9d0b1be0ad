"""Plates in pictures: found, followed, compared."""
