"""From readings to sightings: which texts are one vehicle, which text is right, and is it the same vehicle again?"""
