"""Opens pictures from outside with care, and writes ours as JPEG."""
