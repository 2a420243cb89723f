"""Many videos from one list: each is made once, whatever happens in between."""
