"""Phones and visemes as files that other programs read: JSON, CSV, and Rhubarb's TSV."""

import csv
import io
import json
from typing import Any

from vortex_lp.speech.phonemes import viseme_class
from vortex_lp.timebase import frame_time_s, seconds
from vortex_lp.values import SILENCE, VISEME_CHANNELS, MouthTrack

_DIGITS = 4

RHUBARB_SHAPES: dict[str, str] = {
    "silence": "X",
    "PP": "A",
    "FF": "G",
    "TH": "B",
    "DD": "B",
    "kk": "B",
    "CH": "B",
    "SS": "B",
    "nn": "B",
    "RR": "E",
    "aa": "D",
    "E": "C",
    "I": "B",
    "O": "E",
    "U": "F",
}
"""The mouth shape of Rhubarb Lip Sync (A to H and X, as its manual describes them) for each group
of phones; L alone has a shape of its own, H."""


def to_document(mouth: MouthTrack) -> dict[str, Any]:
    """Return `mouth` as JSON values: ``fps``, ``channels``, ``frames`` and ``phones``.

    ``frames`` is one row of three numbers for each frame; each of ``phones`` has ``phone``,
    ``start_s`` and ``stop_s``, and ``word`` where it is known.
    """
    phones = []
    for span in mouth.spans:
        entry: dict[str, Any] = {
            "phone": span.phone,
            "start_s": round(seconds(span.start), _DIGITS),
            "stop_s": round(seconds(span.stop), _DIGITS),
        }
        if span.word is not None:
            entry["word"] = span.word
        phones.append(entry)
    whole = mouth.fps.denominator == 1
    return {
        "fps": int(mouth.fps) if whole else float(mouth.fps),
        "channels": list(VISEME_CHANNELS),
        "frames": [[round(float(v), _DIGITS) for v in row] for row in mouth.visemes],
        "phones": phones,
    }


def to_json(mouth: MouthTrack) -> str:
    """Return `to_document` as text."""
    return json.dumps(to_document(mouth), indent=1) + "\n"


def to_csv(mouth: MouthTrack) -> str:
    """Return one line a frame: its time [s], its visemes, and the phone in its middle."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["time_s", *VISEME_CHANNELS, "phone"])
    index = 0
    for frame, row in enumerate(mouth.visemes):
        time_s = frame_time_s(frame, fps=mouth.fps)
        middle_s = time_s + float(1 / (2 * mouth.fps))
        while index + 1 < len(mouth.spans) and seconds(mouth.spans[index].stop) <= middle_s:
            index += 1
        phone = mouth.spans[index].phone if middle_s < seconds(mouth.spans[-1].stop) else SILENCE
        table.writerow([f"{time_s:.4f}", *(f"{value:.4f}" for value in row), phone])
    return text.getvalue()


def to_rhubarb(mouth: MouthTrack) -> str:
    """Return Rhubarb Lip Sync's TSV: the time at which each mouth shape begins [s], and its letter.

    The last line repeats the end as ``X``, as Rhubarb does.
    """
    lines: list[str] = []
    shown = ""
    for span in mouth.spans:
        shape = "H" if span.phone == "L" else RHUBARB_SHAPES[viseme_class(span.phone)]
        if shape != shown:
            lines.append(f"{seconds(span.start):.2f}\t{shape}")
            shown = shape
    lines.append(f"{seconds(mouth.spans[-1].stop):.2f}\tX")
    return "\n".join(lines) + "\n"
