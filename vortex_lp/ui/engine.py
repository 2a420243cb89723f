"""The pipeline as the studio uses it: loaded once, one render at a time, for all visitors."""

import itertools
import threading
import time
from concurrent.futures import wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vortex_lp.pipeline import (
    LoadedRenderer,
    Prepared,
    analyse,
    check_portrait,
    frame_of,
    listen,
    load_motion,
    load_renderer,
    make_motion,
    prepare,
)
from vortex_lp.request import Analysis, Framing, Performance
from vortex_lp.settings import Settings
from vortex_lp.timebase import SPEECH_RATE_HZ, exact_fps, frame_start
from vortex_lp.ui.sessions import Job, Session
from vortex_lp.ui.zero_gpu import LentRenderer, gpu_lender
from vortex_lp.values import N_BLENDSHAPES, SILENCE, Frame, MotionTrack, MouthTrack, Speech

MIN_PAUSE_S = 0.15
"""Shorter silences are part of speaking, and nothing to snap to."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What tells one recording, and one way of listening to it, from another."""

    audio: Path
    """The recording."""

    performance: Performance
    """Only `recognizer`, `transcript` and `fps` of it matter here."""

    @property
    def key(self) -> tuple[Any, ...]:
        """Return what decides the outcome."""
        wish = self.performance
        return (self.audio, wish.recognizer, wish.transcript, wish.fps)


@dataclass(frozen=True, slots=True)
class Script:
    """What the portrait says and does."""

    speech: Speech
    """What is heard; silence where a motion file came without a recording."""

    analysis: Analysis | None
    """What was recognised; None where a motion file drives the portrait."""

    track: MotionTrack | None
    """The motion file's; None where it is to be made from `analysis`."""


class Engine:
    """Renderers and the one lock around their use."""

    def __init__(self, settings: Settings) -> None:
        """Load nothing yet; `warm` does."""
        self.settings = settings
        self.render_lock = threading.Lock()
        self.frames_per_s: dict[str, float] = {}
        self._renderers: dict[str, LoadedRenderer] = {}
        self._load_lock = threading.Lock()

    def renderer(self, name: str) -> LoadedRenderer:
        """Return the renderer `name`, loaded once.

        Raises:
            VortexInitializationError: It cannot be set up here; the message holds the remedy.
        """
        with self._load_lock:
            if name not in self._renderers:
                loaded = load_renderer(name, settings=self.settings)
                lend = gpu_lender()
                if lend is not None and loaded.renderer.name == "liveportrait":
                    loaded = replace(loaded, renderer=LentRenderer(loaded.renderer, lend))
                self._renderers[name] = loaded
            return self._renderers[name]

    @property
    def badges(self) -> list[str]:
        """Return what the renderers that are loaded already call themselves."""
        return sorted({loaded.renderer.badge for loaded in list(self._renderers.values())})

    def speech(self, session: Session, audio: Path) -> Job:
        """Decode the recording in the background; the result is a `Speech`."""
        return session.once("speech", audio, lambda _: listen(audio, settings=self.settings))

    def analysis(self, session: Session, voice: Voice) -> Job:
        """Recognise what is said in the background; the result is an `Analysis`."""
        heard = self.speech(session, voice.audio)

        def work(job: Job) -> Analysis:
            return analyse(
                heard.future.result(),
                voice.performance,
                settings=self.settings,
                on_share=job.report,
            )

        return session.once("analysis", voice.key, work)

    def script(
        self, session: Session, wish: Performance, *, audio: Path | None, motion: Path | None
    ) -> Job:
        """Find out what to say and how to move; the result is a `Script`."""
        heard = None if motion or audio is None else self.analysis(session, Voice(audio, wish))
        sound = None if audio is None else self.speech(session, audio)

        def work(job: Job) -> Script:
            if heard is not None:
                while not wait([heard.future], timeout=0.05).done:
                    job.report(heard.share)
                analysis = heard.future.result()
                return Script(speech=analysis.speech, analysis=analysis, track=None)
            assert motion is not None
            track = load_motion(motion, fps=wish.fps)
            n_samples = frame_start(track.n_frames, rate_hz=SPEECH_RATE_HZ, fps=track.fps)
            silence = Speech(samples=np.zeros(max(1, n_samples), np.float32))
            speech = sound.future.result() if sound else silence
            return Script(speech=speech, analysis=None, track=track)

        key = (motion, audio, None if motion else Voice(audio or Path(), wish).key)
        return session.once("script", key, work)

    def check(self, session: Session, portrait: Path) -> Job:
        """Look for the face in the background; the result is a `SourceCheck`."""
        return session.once(
            "check", portrait, lambda _: check_portrait(portrait, settings=self.settings)
        )

    def prepared(self, session: Session, portrait: Path, *, renderer: str, framing: Framing) -> Job:
        """Make the portrait ready in the background; the result is a `Prepared`."""

        def work(job: Job) -> Prepared:
            loaded = self.renderer(renderer)
            ready = prepare(portrait, loaded=loaded, framing=framing, settings=self.settings)
            job.report(0.5)
            self._measure(loaded.renderer.name, ready)
            return ready

        return session.once("prepared", (portrait, renderer, framing), work)

    def _measure(self, name: str, ready: Prepared) -> None:
        """Render a moment of silence, for the estimate and so that the first video starts fast."""
        rate = exact_fps(self.settings.video.fps)
        track = make_motion(
            still_mouth(n_frames=6, fps=float(rate)), Performance(), settings=self.settings
        )
        frames = ready.render(track)
        next(frames)
        start = time.perf_counter()
        n_frames = sum(1 for _ in frames)
        self.frames_per_s[name] = n_frames / max(time.perf_counter() - start, 1e-6)

    def still(self, ready: Prepared, performance: Performance, *, time_s: float) -> Frame:
        """Return how the portrait looks at `time_s` with its mouth at rest.

        Raises:
            VortexError: An expression is unknown, or drawing failed.
        """
        rate = float(exact_fps(performance.fps or self.settings.video.fps))
        n_frames = max(1, int(time_s * rate) + 2)
        track = make_motion(
            still_mouth(n_frames=n_frames, fps=rate), performance, settings=self.settings
        )
        return frame_of(ready, track, time_s=time_s)


def still_mouth(*, n_frames: int, fps: float) -> MouthTrack:
    """Return a mouth that says nothing."""
    visemes = np.zeros((n_frames, 3), np.float32)
    visemes[:, 1] = 0.5
    nothing = np.zeros(n_frames, np.float32)
    return MouthTrack(
        fps=exact_fps(fps),
        visemes=visemes,
        weights=np.zeros((n_frames, N_BLENDSHAPES), np.float32),
        closure=nothing,
        tuck=nothing,
        loudness=nothing,
        spans=(),
    )


def waveform(speech: Speech, *, peaks_hz: float, max_peaks: int) -> list[float]:
    """Return the loudest sample of each stretch of `speech`, scaled so that the largest is 1."""
    duration_s = speech.n_samples / SPEECH_RATE_HZ
    n_peaks = int(np.clip(duration_s * peaks_hz, 100, max_peaks))
    edges = np.linspace(0, speech.n_samples, n_peaks + 1).astype(np.int64)
    peaks = [
        float(np.abs(speech.samples[start:stop]).max(initial=0.0))
        for start, stop in itertools.pairwise(edges)
    ]
    loudest = max(max(peaks), 1e-3)
    return [round(peak / loudest, 3) for peak in peaks]


def pauses(analysis: Analysis) -> list[list[float]]:
    """Return ``[start_s, stop_s]`` of each silence that is worth snapping to."""
    spans = [span for span in analysis.recognition.spans if span.phone == SILENCE]
    times = [[span.start / SPEECH_RATE_HZ, span.stop / SPEECH_RATE_HZ] for span in spans]
    return [[round(a, 3), round(b, 3)] for a, b in times if b - a >= MIN_PAUSE_S]
