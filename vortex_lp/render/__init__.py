"""Drawing: a portrait and a motion track become frames."""
