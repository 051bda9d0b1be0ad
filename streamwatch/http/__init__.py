"""The HTTP server: its connections with their limits and deadlines, and the applications behind it."""
