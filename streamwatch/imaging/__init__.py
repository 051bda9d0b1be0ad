"""Pictures in and out: those from outside are opened with care, ours are written as JPEG."""
