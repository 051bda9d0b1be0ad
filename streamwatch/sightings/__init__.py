"""From readings to sightings.

cross_check.py   how far a paid reading can be trusted, beside what the local engine reads in the same picture
weighing.py      which vehicles the readings of one passage show, and which text is the plate of each
fusion.py        passages of the same plate become one sighting, with its times
"""
