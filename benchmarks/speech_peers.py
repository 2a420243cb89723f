"""What public Python packages hear, for `benchmarks/speech_accuracy.py --peers`.

Runs in a throw-away environment (``pip install pylipsync openfacefx``) and needs nothing of ours:
standard input holds JSON ``[[file, text], …]``, the last line of standard output is JSON, a row of
``[phone, start_s, stop_s]`` for each file. Each shape stands as the ARPAbet phone it means.

pylipsync hears five vowels. openfacefx places the phones of a given text by their usual lengths,
which is its no-model path with phones; it is told the text, unlike everybody else.
"""

import contextlib
import json
import sys
from collections.abc import Callable

Phones = list[tuple[str, float, float]]

PYLIPSYNC = {"aa": "AA", "ee": "EH", "ih": "IY", "oh": "OW", "ou": "UW", "silence": "SIL"}


def hear_with_pylipsync() -> Callable[[str, str], Phones]:
    """Return a function from file and text to phones."""
    from pylipsync import PhonemeAnalyzer

    analyzer = PhonemeAnalyzer()

    def hear(file: str, text: str) -> Phones:
        segments = analyzer.extract_phoneme_segments(file, return_seconds=True)
        return [
            (PYLIPSYNC.get(s.dominant_phoneme.name, "SIL"), float(s.start), float(s.end))
            for s in segments
        ]

    return hear


def hear_with_openfacefx() -> Callable[[str, str], Phones]:
    """Return a function from file and text to phones."""
    from openfacefx.pipeline import naive_segments, wav_duration

    def hear(file: str, text: str) -> Phones:
        segments = naive_segments(text, wav_duration(file))
        return [
            ("SIL" if s.phoneme.lower() == "sil" else s.phoneme.rstrip("012"), s.start, s.end)
            for s in segments
        ]

    return hear


def main() -> None:
    """Answer for the package named on the command line."""
    peers = {"pylipsync": hear_with_pylipsync, "openfacefx": hear_with_openfacefx}
    with contextlib.redirect_stdout(sys.stderr):
        hear = peers[sys.argv[1]]()
        answers = [hear(file, text) for file, text in json.load(sys.stdin)]
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
