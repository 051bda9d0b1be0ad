"""Change against the empty scene: where something moves."""
