"""One file for each schema version. A released file is never changed; the next change is the next file."""
