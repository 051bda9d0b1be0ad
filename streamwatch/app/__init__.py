"""The daemon and what it runs: settings become parts, parts become workers."""
