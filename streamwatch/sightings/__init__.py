"""From readings to sightings: which texts are of one vehicle, which text is right, and which vehicles came back."""
