"""Types, events, errors, time, texts and the plate grammar, which all rooms share. This room imports no other room."""
