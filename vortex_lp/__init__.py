"""One portrait and one recording in, one talking-head video out."""

__version__ = "0.1.0"
