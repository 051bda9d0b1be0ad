"""What all rooms share: types, events, errors, time, texts, the plate grammar. Imports nothing of ours."""
