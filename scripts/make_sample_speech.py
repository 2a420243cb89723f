"""Make the sample recordings of assets/ and their exact phone times, with Debian's flite.

    apt-get install flite
    python scripts/make_sample_speech.py

flite 2.2 synthesises the text and, with ``-psdur``, says when each phone ends. The same version
gives the same bytes. The phone times go to tests/data/sample_speech_phones.json.
"""

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PHONES_FILE = REPOSITORY / "tests" / "data" / "sample_speech_phones.json"

SAMPLES = {
    "welcome_slt.wav": (
        "slt",
        "Hello, and welcome. A minute ago I was only a photograph. "
        "Now my mouth moves with every word, so please give me something beautiful to say.",
    ),
    "movie_rms.wav": (
        "rms",
        "Good morning. Bring me a portrait and a few brave words, "
        "and by half past two we will have made a movie.",
    ),
}
"""File name: voice and text. The texts are rich in P B M F V and rounded vowels."""

ARPABET = {"pau": "SIL", "el": "L", "em": "M", "en": "N", "hv": "HH", "nx": "N"}
"""flite's phones that have another name in ARPAbet."""


def synthesise(text: str, *, voice: str, file: Path) -> list[tuple[str, float, float]]:
    """Write `text` in `voice` to `file`; return its phones as (phone, start [s], stop [s])."""
    said = subprocess.run(
        ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(file)],
        check=True,
        capture_output=True,
        text=True,
    )
    phones, start_s = [], 0.0
    for item in said.stdout.split():
        name, _, stop = item.partition(":")
        stop_s = float(stop)
        if stop_s > start_s:
            phones.append((ARPABET.get(name, name.upper()), start_s, stop_s))
        start_s = stop_s
    return phones


def main() -> None:
    """Write all samples and their phone times."""
    times = {}
    for name, (voice, text) in SAMPLES.items():
        phones = synthesise(text, voice=voice, file=REPOSITORY / "assets" / name)
        times[name] = {"text": text, "phones": phones}
    PHONES_FILE.parent.mkdir(exist_ok=True)
    lines = ",\n".join(f'"{name}": {json.dumps(entry)}' for name, entry in times.items())
    PHONES_FILE.write_text(f"{{\n{lines}\n}}\n", "utf-8")
    sys.stdout.write(f"wrote {', '.join(SAMPLES)} and {PHONES_FILE.name}\n")


if __name__ == "__main__":
    main()
