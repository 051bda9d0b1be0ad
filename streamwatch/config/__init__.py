"""config.yaml: its settings, how it is read, and its problems as sentences."""
