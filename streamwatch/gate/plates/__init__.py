"""Where number plates are in a picture."""
