"""Sound to mouth: a recording becomes phones with times, and phones become mouth movement."""
