"""Measuring a finished video: what its mouth, eyes, head, background and clock really do."""
