"""The machine below: service manager and watchdog, memory, files, what C libraries print."""
