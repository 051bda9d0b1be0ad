"""config.yaml: all that it may hold, how it is read, and what is wrong in it, as sentences."""
