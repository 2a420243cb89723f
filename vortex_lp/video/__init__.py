"""Frames and sound to files, and back: the only place that starts ffmpeg for video."""
