"""The machine below: service manager and watchdog, memory, files, network connections, what C libraries print."""
