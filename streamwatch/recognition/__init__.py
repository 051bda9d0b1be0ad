"""JPEG in, plates out.

ocrcars/   the client of the paid service: `client.OcrCars`
local/     the engine that reads by itself: `reader.LocalReader`; and `presence.Presence`, which looks for lettering
"""
