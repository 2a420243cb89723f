"""How well each recogniser finds phones: flite speech with exact times, and a hand-labelled clip.

    python benchmarks/speech_accuracy.py [--quick] [--recognizers words,phones] [--conditions clean]
        [--peers /path/to/throw-away/venv/bin/python]

Needs Debian's flite. The design set is Harvard list 1 spoken by three voices; twenty more sentences
(lists 2 and 3) join it without ``--quick``. Conditions: clean; white noise 10 dB below the speech;
8 kHz; reverberation (T60 0.5 s, exponentially decaying noise as the room). ``mary`` is
../shared/speech/mary.wav where that folder is there.

Columns: share of hundredths of a second whose viseme class (15 of them) is right; median error of
the boundaries of phones found [ms]; correlation of the jaw curve; precision and recall of closures
(P B M, centre within 60 ms); and, on a clip of 45 s made of the same sentences, CPU seconds and
wall seconds a second of sound.
"""

import argparse
import dataclasses
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from vortex_lp.settings import Settings, load_settings
from vortex_lp.speech.audio import decode_speech
from vortex_lp.speech.ipa import ipa_phones
from vortex_lp.speech.phonemes import viseme_class
from vortex_lp.speech.recognizers import recognize
from vortex_lp.timebase import SPEECH_RATE_HZ
from vortex_lp.values import PhoneSpan

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "speech"
RESULTS = ROOT / "benchmarks" / "results" / "speech_accuracy.json"
VOICES = ("slt", "rms", "awb")
ARPABET = {"pau": "SIL", "el": "L", "em": "M", "en": "N", "hv": "HH", "nx": "N"}
STEP_HZ = 100
NEAR_S = 0.06
SPEED_CLIP_S = 45.0

# IEEE Recommended Practice for Speech Quality Measurements (1969), lists 1 to 3.
HARVARD = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "The hogs were fed chopped corn and garbage.",
    "Four hours of steady work faced us.",
    "A large size in stockings is hard to sell.",
    "The boy was there when the sun rose.",
    "A rod is used to catch pink salmon.",
    "The source of the huge river is the clear spring.",
    "Kick the ball straight and follow through.",
    "Help the woman get back to her feet.",
    "A pot of tea helps to pass the evening.",
    "Smoky fires lack flame and heat.",
    "The soft cushion broke the man's fall.",
    "The salt breeze came across from the sea.",
    "The girl at the booth sold fifty bonds.",
    "The small pup gnawed a hole in the sock.",
    "The fish twisted and turned on the bent hook.",
    "Press the pants and sew a button on the vest.",
    "The swan dive was far short of perfect.",
    "The beauty of the view stunned the young boy.",
    "Two blue fish swam in the tank.",
    "Her purse was full of useless trash.",
    "The colt reared and threw the tall rider.",
    "It snowed, rained, and hailed the same morning.",
    "Read verse out loud for pleasure.",
)


@dataclasses.dataclass(frozen=True)
class Clip:
    """A recording with the truth about it."""

    name: str
    text: str
    samples: np.ndarray
    """(N,) float64 in [-1, 1]."""

    rate_hz: int
    phones: tuple[PhoneSpan, ...]


@dataclasses.dataclass(frozen=True)
class Score:
    """What one recogniser did on some clips."""

    n_clips: int
    class_accuracy: float
    boundary_ms: float
    jaw_correlation: float
    closure_precision: float
    closure_recall: float


def flite_clip(text: str, *, voice: str, folder: Path) -> Clip:
    """Synthesise `text`."""
    file = folder / f"{voice}.wav"
    said = subprocess.run(
        ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(file)],
        check=True,
        capture_output=True,
        text=True,
    )
    phones, start = [], 0
    for item in said.stdout.split():
        name, _, stop_s = item.partition(":")
        stop = round(float(stop_s) * SPEECH_RATE_HZ)
        if stop > start:
            phones.append(PhoneSpan(ARPABET.get(name, name.upper()), start, stop))
        start = stop
    samples, rate_hz = soundfile.read(file)
    return Clip(f"{voice}: {text}", text, samples, rate_hz, tuple(phones))


def mary_clip() -> Clip:
    """Return the clip with phone times made by hand."""
    samples, rate_hz = soundfile.read(SHARED / "mary.wav")
    phones = textgrid_phones((SHARED / "mary.TextGrid").read_text("utf-8"))
    return Clip("mary", "Mary rolled the barrel.", samples, rate_hz, phones)


def textgrid_phones(text: str) -> tuple[PhoneSpan, ...]:
    """Return the intervals of the tier ``phone`` of a short Praat TextGrid, in ARPAbet."""
    lines = [line.strip() for line in text.splitlines()]
    at = lines.index('"phone"') + 4
    spans = []
    for index in range(int(lines[at - 1])):
        start_s, stop_s, label = lines[at + 3 * index : at + 3 * index + 3]
        start, stop = (round(float(time_s) * SPEECH_RATE_HZ) for time_s in (start_s, stop_s))
        names = ipa_phones(label.strip('"'))
        spans.append(PhoneSpan(names[0] if names else "SIL", start, stop))
    return tuple(spans)


def with_noise(clip: Clip) -> Clip:
    """Return `clip` in white noise 10 dB below the mean power of its speech."""
    rng = np.random.default_rng(len(clip.text))
    spoken = np.concatenate(
        [
            clip.samples[span.start * clip.rate_hz // SPEECH_RATE_HZ :][
                : (span.stop - span.start) * clip.rate_hz // SPEECH_RATE_HZ
            ]
            for span in clip.phones
            if span.phone != "SIL"
        ]
    )
    noise = rng.standard_normal(len(clip.samples)) * np.sqrt(np.mean(spoken**2) / 10)
    return dataclasses.replace(clip, samples=clip.samples + noise)


def at_8_khz(clip: Clip) -> Clip:
    """Return `clip` as a telephone gives it."""
    import soxr

    samples = soxr.resample(clip.samples, clip.rate_hz, 8_000)
    return dataclasses.replace(clip, samples=samples, rate_hz=8_000)


def with_reverberation(clip: Clip) -> Clip:
    """Return `clip` in a room with a T60 of 0.5 s, the tail 6 dB below the direct sound."""
    rng = np.random.default_rng(0)
    time_s = np.arange(round(0.5 * clip.rate_hz)) / clip.rate_hz
    room = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / 0.5)
    room[: round(0.005 * clip.rate_hz)] = 0.0
    room *= np.sqrt(0.25 / np.sum(room**2))
    room[0] = 1.0
    wet = np.convolve(clip.samples, room)[: len(clip.samples)]
    return dataclasses.replace(clip, samples=0.7 * wet)


CONDITIONS: dict[str, Callable[[Clip], Clip]] = {
    "clean": lambda clip: clip,
    "noise 10 dB": with_noise,
    "8 kHz": at_8_khz,
    "reverberation": with_reverberation,
}


def classes_of(spans: Sequence[PhoneSpan], n_steps: int) -> np.ndarray:
    """Return the viseme class in each hundredth of a second."""
    names = np.full(n_steps, "silence", dtype="<U8")
    for span in spans:
        first, last = (round(t * STEP_HZ / SPEECH_RATE_HZ) for t in (span.start, span.stop))
        names[first:last] = viseme_class(span.phone)
    return names


def jaw_of(spans: Sequence[PhoneSpan], n_steps: int, settings: Settings) -> np.ndarray:
    """Return the jaw curve: the table's values, smoothed over 0.13 s."""
    jaw = np.zeros(n_steps)
    for span in spans:
        first, last = (round(t * STEP_HZ / SPEECH_RATE_HZ) for t in (span.start, span.stop))
        jaw[first:last] = settings.phones[span.phone].visemes[0]
    kernel = np.hanning(15)[1:-1]
    return np.convolve(jaw, kernel / kernel.sum(), mode="same")


def closures(spans: Sequence[PhoneSpan]) -> list[float]:
    """Return the middles of P, B and M [s]."""
    return [
        (span.start + span.stop) / 2 / SPEECH_RATE_HZ
        for span in spans
        if viseme_class(span.phone) == "PP"
    ]


def n_near(middles: Sequence[float], others: Sequence[float]) -> int:
    """Return how many of `middles` have one of `others` near."""
    return sum(any(abs(a - b) <= NEAR_S for b in others) for a in middles)


def boundary_errors(truth: Sequence[PhoneSpan], found: Sequence[PhoneSpan]) -> list[float]:
    """Return the errors of both ends of the phones whose class was found in their middle [ms]."""
    errors = []
    for span in truth:
        middle = (span.start + span.stop) // 2
        match = next((s for s in found if s.start <= middle < s.stop), None)
        if match and viseme_class(match.phone) == viseme_class(span.phone):
            errors += [abs(match.start - span.start), abs(match.stop - span.stop)]
    return [error * 1000 / SPEECH_RATE_HZ for error in errors]


def score(pairs: Sequence[tuple[Clip, Sequence[PhoneSpan]]], *, settings: Settings) -> Score:
    """Return the score of recognised spans against the truth of each clip."""
    right = n_steps = 0
    jaws, errors, near_found, near_true, n_found, n_true = [], [], 0, 0, 0, 0
    for clip, found in pairs:
        steps = round(clip.phones[-1].stop * STEP_HZ / SPEECH_RATE_HZ)
        right += int((classes_of(clip.phones, steps) == classes_of(found, steps)).sum())
        n_steps += steps
        a, b = jaw_of(clip.phones, steps, settings), jaw_of(found, steps, settings)
        jaws.append(float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0)
        errors += boundary_errors(clip.phones, found)
        true, heard = closures(clip.phones), closures(found)
        near_found, near_true = near_found + n_near(heard, true), near_true + n_near(true, heard)
        n_found, n_true = n_found + len(heard), n_true + len(true)
    return Score(
        n_clips=len(pairs),
        class_accuracy=right / n_steps,
        boundary_ms=float(np.median(errors)) if errors else float("nan"),
        jaw_correlation=float(np.mean(jaws)),
        closure_precision=near_found / max(n_found, 1),
        closure_recall=near_true / max(n_true, 1),
    )


def hear(clip: Clip, *, recognizer: str, settings: Settings, folder: Path) -> list[PhoneSpan]:
    """Return what `recognizer` hears; ``transcript`` is told the text."""
    file = folder / "clip.wav"
    peak = max(1.0, float(np.abs(clip.samples).max()))
    soundfile.write(file, clip.samples / peak, clip.rate_hz, subtype="PCM_16")
    speech = decode_speech(file, limits=settings.limits)
    text = clip.text if recognizer == "transcript" else None
    heard = recognize(speech, recognizer=recognizer, settings=settings, transcript=text)
    return list(heard.spans)


def hear_peer(
    clips: Sequence[Clip], *, peer: str, python: str, folder: Path
) -> list[list[PhoneSpan]]:
    """Return what another package hears, as phones that stand for its shapes."""
    files = []
    for index, clip in enumerate(clips):
        files.append((str(folder / f"peer{index}.wav"), clip.text))
        peak = max(1.0, float(np.abs(clip.samples).max()))
        soundfile.write(files[-1][0], clip.samples / peak, clip.rate_hz, subtype="PCM_16")
    script = Path(__file__).with_name("speech_peers.py")
    ran = subprocess.run(
        [python, str(script), peer],
        input=json.dumps(files).encode(),
        check=True,
        capture_output=True,
    )
    answers = json.loads(ran.stdout.splitlines()[-1])
    return [
        [
            PhoneSpan(phone, round(start * SPEECH_RATE_HZ), round(stop * SPEECH_RATE_HZ))
            for phone, start, stop in answer
            if round(stop * SPEECH_RATE_HZ) > round(start * SPEECH_RATE_HZ) >= 0
        ]
        for answer in answers
    ]


def cost(
    clips: Sequence[Clip], *, recognizer: str, settings: Settings, folder: Path
) -> dict[str, float]:
    """Return CPU and wall seconds a second of sound, on 45 s of `clips` in a row."""
    row = itertools.cycle(clips[:: max(len(clips) // 18, 1)])
    parts, texts, n_samples = [], [], 0
    while n_samples < SPEED_CLIP_S * clips[0].rate_hz:
        clip = next(row)
        parts.append(clip.samples)
        texts.append(clip.text)
        n_samples += len(clip.samples)
    whole = dataclasses.replace(clips[0], samples=np.concatenate(parts), text=" ".join(texts))
    before, began = cpu_s(), time.perf_counter()
    hear(whole, recognizer=recognizer, settings=settings, folder=folder)
    duration_s = n_samples / clips[0].rate_hz
    return {
        "cpu": (cpu_s() - before) / duration_s,
        "wall": (time.perf_counter() - began) / duration_s,
    }


def cpu_s() -> float:
    """Return the CPU time of this process and of those it has waited for [s]."""
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the design set only, no cost")
    parser.add_argument("--recognizers", default="auto,transcript,words,phones,energy")
    parser.add_argument("--conditions", default=",".join(CONDITIONS))
    parser.add_argument("--peers", help="Python of an environment with pylipsync and openfacefx")
    parser.add_argument("--json", type=Path, default=RESULTS)
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = arguments()
    settings = load_settings()
    results: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n_sentences = 10 if options.quick else len(HARVARD)
        clips = [
            flite_clip(text, voice=voice, folder=folder)
            for text in HARVARD[:n_sentences]
            for voice in VOICES
        ]
        sets = {c: [CONDITIONS[c](clip) for clip in clips] for c in options.conditions.split(",")}
        if not options.quick and "clean" in sets:
            sets["clean, design set"] = sets["clean"][: 10 * len(VOICES)]
        if SHARED.is_dir():
            sets["mary"] = [mary_clip()]
        for recognizer in filter(None, options.recognizers.split(",")):
            results[recognizer] = {}
            heard_clean: dict[str, list[PhoneSpan]] = {}
            for condition, members in sets.items():
                pairs = []
                for clip in members:
                    key = clip.name if condition.startswith("clean") else ""
                    found = heard_clean.get(key) or hear(
                        clip, recognizer=recognizer, settings=settings, folder=folder
                    )
                    if key:
                        heard_clean[key] = found
                    pairs.append((clip, found))
                report(results, recognizer, condition, score(pairs, settings=settings))
            if not options.quick:
                speed = cost(clips, recognizer=recognizer, settings=settings, folder=folder)
                results[recognizer]["cost"] = speed
                print(
                    f"{recognizer:11} CPU {speed['cpu']:.3f} s, wall {speed['wall']:.3f} s a second"
                )
        for peer in ("pylipsync", "openfacefx") if options.peers else ():
            results[peer] = {}
            for condition, members in sets.items():
                found_all = hear_peer(members, peer=peer, python=options.peers, folder=folder)
                pairs = list(zip(members, found_all, strict=True))
                report(results, peer, condition, score(pairs, settings=settings))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    sys.stdout.write(f"wrote {options.json}\n")


def report(
    results: dict[str, dict[str, dict[str, float]]], recognizer: str, condition: str, found: Score
) -> None:
    """Print one line of the table and keep it."""
    results[recognizer][condition] = dataclasses.asdict(found)
    print(
        f"{recognizer:11} {condition:18} {found.n_clips:3d} clips  "
        f"class {found.class_accuracy:.3f}  boundary {found.boundary_ms:5.1f} ms  "
        f"jaw {found.jaw_correlation:.3f}  closures "
        f"P {found.closure_precision:.2f} R {found.closure_recall:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
