"""What the server writes down: one JSON object a line, and nothing about a person.

No address, no name of a file, no text that a visitor wrote; only what happened, how long it took
and how it ended.
"""

import json
import logging
import os
from collections.abc import Mapping

LOG_VARIABLE = "VORTEX_LP_LOG"
"""Set to ``json`` in the environment, it makes the journal go to standard error."""

_JOURNAL = logging.getLogger("vortex_lp.journal")


def note(event: str, values: Mapping[str, str | int | float | None]) -> None:
    """Write down that `event` happened, with a few facts about it."""
    if _JOURNAL.isEnabledFor(logging.INFO):
        _JOURNAL.info("%s", json.dumps({"event": event, **values}))


def start_journal() -> None:
    """Send the journal to standard error, if the environment asks for it."""
    if os.environ.get(LOG_VARIABLE) != "json" or _JOURNAL.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_Line())
    _JOURNAL.addHandler(handler)
    _JOURNAL.setLevel(logging.INFO)
    _JOURNAL.propagate = False


class _Line(logging.Formatter):
    """The event with its time in front, still as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        when = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")}
        return json.dumps({**when, **json.loads(record.getMessage())})
