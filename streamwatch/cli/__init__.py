"""The command line: one file per verb.

A verb imports what it needs itself: most need neither decoder nor network nor database, which cost a second of CPU.
"""
