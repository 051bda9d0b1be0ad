"""Vehicles, permits and decisions. All is pure: plates, times and lists in, a decision with its reason out.

Nothing here opens a barrier. A decision is stored before anything moves, and what moves is another room's work.
"""
