"""The console: pages for people and a JSON API for programs, over one database."""
