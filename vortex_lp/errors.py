"""Every error that this package raises on purpose.

    VortexError
    ├── SettingsError (ValueError)     a settings file or option is wrong
    ├── AudioError (ValueError)        a recording cannot be used
    ├── PortraitError (ValueError)     a picture cannot be used
    │   └── NoFaceError                no usable face in it
    ├── TimelineError (ValueError)     an expression timeline is malformed
    ├── MotionError (ValueError)       a motion file or track is malformed
    ├── WeightsError                   model weights are missing, damaged or of another network
    ├── RenderError                    a renderer failed while it was drawing
    ├── EncodeError                    the video could not be written
    ├── ReportError                    a finished video could not be measured
    └── VortexInitializationError      a renderer cannot be set up on this machine

A message is one sentence for the person who made the mistake: what is wrong, which value, what to
do.
"""


class VortexError(Exception):
    """Base of every error that this package raises on purpose."""


class SettingsError(VortexError, ValueError):
    """A settings file, or an option that stands in for one of its values, is wrong."""


class AudioError(VortexError, ValueError):
    """A recording cannot be read, is empty, or is longer than the limits allow."""


class PortraitError(VortexError, ValueError):
    """A picture cannot be read or is outside the limits."""


class NoFaceError(PortraitError):
    """A picture shows no face that can be animated."""


class TimelineError(VortexError, ValueError):
    """An expression timeline is malformed; the message names the entry and the field."""


class MotionError(VortexError, ValueError):
    """A motion file or track is malformed."""


class WeightsError(VortexError):
    """Model weights are missing, damaged, or belong to another network."""


class RenderError(VortexError):
    """A renderer failed while it was drawing."""


class EncodeError(VortexError):
    """The video could not be written."""


class ReportError(VortexError):
    """A finished video could not be measured."""


class VortexInitializationError(VortexError):
    """A renderer that was asked for by name cannot be set up; the message holds the remedy."""
