"""Drivers of barriers and of their sensors: plain arguments in, one pulse out.

A driver sends when it is told to and raises BarrierError; it never repeats, waits or decides. What may be sent, and
when, is said by `access/may_open.py`; `app/barrier_worker.py` runs the drivers.
"""
