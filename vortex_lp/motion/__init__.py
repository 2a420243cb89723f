"""Motion: what the mouth says, an expression, blinks, gaze and the head become one motion track."""
