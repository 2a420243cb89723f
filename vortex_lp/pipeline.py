"""Portrait and recording in, video out: the only module that knows every stage.

`animate` is the whole of it. The rest are its parts, for those who want to look in between: the
studio, the tensor interface and the benchmarks.
"""

import functools
import math
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

from vortex_lp.background import Background
from vortex_lp.errors import SettingsError, TimelineError
from vortex_lp.face.landmarker import MAX_FACES, FaceLandmarker
from vortex_lp.face.source import SourceCheck, check_source
from vortex_lp.motion.formats import read_motion, write_motion
from vortex_lp.motion.timeline import parse_timeline as parse_timeline
from vortex_lp.motion.timeline import sequence_clips
from vortex_lp.motion.track import make_track
from vortex_lp.progress import OnProgress, StageClock
from vortex_lp.render.base import Framing
from vortex_lp.render.base import Prepared as Prepared
from vortex_lp.render.portrait import portrait_from_array, read_portrait
from vortex_lp.render.registry import LoadedRenderer as LoadedRenderer
from vortex_lp.render.registry import load_renderer as load_renderer
from vortex_lp.render.warm_up import warm_up
from vortex_lp.request import Act, Analysis, AnimateResult, Performance, Request
from vortex_lp.settings import Settings, load_settings
from vortex_lp.speech.audio import decode_speech, speech_from_samples
from vortex_lp.speech.recognizers import recognize
from vortex_lp.speech.visemes import make_mouth
from vortex_lp.timebase import (
    SPEECH_RATE_HZ,
    exact_fps,
    frame_at,
    frame_count,
    frame_start,
    samples,
    seconds,
)
from vortex_lp.uploads import open_upload
from vortex_lp.values import Clip, FloatArray, Frame, MotionTrack, MouthTrack, Speech
from vortex_lp.video.convert import CONVERSIONS as CONVERSIONS
from vortex_lp.video.convert import convert_video as convert_video
from vortex_lp.video.encoder import check_output, write_video
from vortex_lp.video.label import labelled
from vortex_lp.video.provenance import Origin
from vortex_lp.video.provenance import Statement as Statement
from vortex_lp.video.provenance import read_statement as read_statement
from vortex_lp.video.segments import LIVE_FILE as LIVE_FILE
from vortex_lp.video.segments import LiveStep as LiveStep
from vortex_lp.video.segments import write_live
from vortex_lp.watchdog import watched


def animate(
    request: Request,
    *,
    settings: Settings | None = None,
    renderer: LoadedRenderer | None = None,
    on_progress: OnProgress | None = None,
) -> AnimateResult:
    """Make the video that `request` asks for.

    Args:
        request: What is asked for.
        settings: None for those that come with the package.
        renderer: One that is loaded already, or None to load the one that is asked for.
        on_progress: Called at the start of each stage and after each frame.

    Raises:
        VortexError: One of its kinds, with a sentence for the user.
    """
    settings = settings or load_settings()
    performance = request.performance
    check_output(request.output, inputs=(request.portrait, request.audio))
    check_performance(performance, settings=settings)
    clock = StageClock(on_progress)

    with clock.stage("listen"):
        speech = decode_speech(request.audio, limits=settings.limits)
    with Background(
        lambda report: analyse(speech, performance, settings=settings, on_share=report)
    ) as hearing:
        with clock.stage("prepare"):
            portrait = read_portrait(request.portrait, limits=settings.limits)
            name = request.renderer or settings.request.renderer
            loaded = renderer or load_renderer(name, settings=settings, options=request.options)
            framing = request.framing or settings.request.framing
            prepared = loaded.renderer.prepare(portrait, framing=framing)
            if not hearing.is_done:
                warm_up(loaded.renderer, prepared)
        with clock.stage("recognise"):
            analysis = hearing.result(on_share=clock.report)
    with clock.stage("move"):
        track = make_motion(analysis.mouth, performance, settings=settings)
    path = _film(
        prepared,
        track,
        analysis.speech,
        request.output,
        renderer=loaded.renderer.name,
        settings=settings,
        clock=clock,
    )

    said = (loaded.note, *analysis.notes, prepared.note)
    return AnimateResult(
        path=path,
        speech=analysis.speech,
        recognition=analysis.recognition,
        mouth=analysis.mouth,
        track=track,
        renderer=loaded.renderer.name,
        badge=loaded.renderer.badge,
        size=prepared.size,
        notes=tuple(note for note in said if note),
        timings_s=MappingProxyType(clock.spent_s),
    )


def analyse(
    speech: Speech,
    performance: Performance,
    *,
    settings: Settings,
    on_share: Callable[[float], None] | None = None,
) -> Analysis:
    """Return what is said in `speech` and what the mouth does to say it.

    Args:
        speech: The recording; what goes beyond the video's length is left out.
        performance: `recognizer`, `transcript`, `fps` and `duration_s` of it count here.
        settings: Everything that can be set.
        on_share: Called with the share that is done, from 0 to 1.

    Raises:
        SettingsError: There is no such recogniser, frame rate or duration.
        AudioError: The recogniser stopped.
    """
    fps = exact_fps(performance.fps or settings.video.fps)
    n_frames = _n_frames(speech, performance.duration_s, fps=fps)
    kept, cut_note = _cut(speech, n_samples=frame_start(n_frames, rate_hz=SPEECH_RATE_HZ, fps=fps))
    recognition = recognize(
        kept,
        recognizer=performance.recognizer or settings.request.recognizer,
        settings=settings,
        transcript=performance.transcript,
        on_progress=on_share,
    )
    mouth = make_mouth(recognition, kept, fps=fps, n_frames=n_frames, settings=settings)
    notes = tuple(note for note in (speech.note, cut_note, recognition.note) if note)
    return Analysis(speech=kept, recognition=recognition, mouth=mouth, notes=notes)


def make_motion(mouth: MouthTrack, performance: Performance, *, settings: Settings) -> MotionTrack:
    """Return what the portrait does: `mouth` with expressions, blinks, gaze and head.

    Raises:
        SettingsError: An expression is unknown.
        TimelineError: Sequence and timeline are both given, or a clip is malformed.
    """
    duration_s = float(mouth.n_frames / mouth.fps)
    seed = settings.request.seed if performance.seed is None else performance.seed
    return make_track(
        mouth,
        clips=_clips(performance, duration_s=duration_s, settings=settings),
        base=performance.expression or settings.request.expression,
        seed=seed,
        settings=settings,
        options=performance.motion,
        base_intensity=performance.intensity,
    )


def rehearse(
    image: Frame,
    audio: FloatArray,
    *,
    rate_hz: int,
    performance: Performance,
    loaded: LoadedRenderer,
    settings: Settings,
) -> Act:
    """Return everything but the frames of `image` saying `audio`, both being in memory already.

    Args:
        image: (H, W, 3) uint8 RGB, animated whole (framing ``"full"``).
        audio: (N,) mono in [-1, 1] at `rate_hz`.
        rate_hz: Samples a second of `audio`.
        performance: How it is to be said.
        loaded: The renderer.
        settings: Everything that can be set.

    Raises:
        VortexError: One of its kinds, with a sentence for the user.
    """
    check_performance(performance, settings=settings)
    prepared = loaded.renderer.prepare(portrait_from_array(image), framing="full")
    speech = speech_from_samples(audio, rate_hz=rate_hz)
    analysis = analyse(speech, performance, settings=settings)
    track = make_motion(analysis.mouth, performance, settings=settings)
    return Act(analysis=analysis, track=track, prepared=prepared)


def frame_of(prepared: Prepared, track: MotionTrack, *, time_s: float) -> Frame:
    """Return the one frame that is on screen at `time_s`; the last one for any later time."""
    number = frame_at(samples(max(0.0, time_s)), rate_hz=SPEECH_RATE_HZ, fps=track.fps)
    number = min(number, track.n_frames - 1)
    closure = None if track.closure is None else track.closure[number : number + 1]
    single = MotionTrack(
        fps=track.fps,
        weights=track.weights[number : number + 1],
        head_deg=track.head_deg[number : number + 1],
        closure=closure,
    )
    return next(prepared.render(single))


def listen(file: Path, *, settings: Settings) -> Speech:
    """Return the sound of the file `file`.

    Raises:
        AudioError: It cannot be used; the message says why.
    """
    return decode_speech(file, limits=settings.limits)


def prepare(
    file: Path, *, loaded: LoadedRenderer, framing: Framing, settings: Settings
) -> Prepared:
    """Return the picture `file`, ready to be animated by `loaded`.

    Raises:
        PortraitError: It cannot be read, or shows no face that can be animated.
    """
    portrait = read_portrait(file, limits=settings.limits)
    return loaded.renderer.prepare(portrait, framing=framing)


def film_live(
    prepared: Prepared,
    track: MotionTrack,
    speech: Speech,
    folder: Path,
    *,
    renderer: str,
    settings: Settings,
    segment_s: float,
) -> Iterator[LiveStep]:
    """Render and encode into the empty `folder`, telling of each piece that can be played already.

    At the end ``folder / LIVE_FILE`` is the video; whoever closes the iterator before stops all
    work at once.

    Raises:
        RenderError: Drawing failed.
        EncodeError: The video could not be written.
    """
    return write_live(
        _drawn(prepared.render(track), settings=settings),
        speech,
        folder,
        fps=track.fps,
        size=prepared.size,
        n_frames=track.n_frames,
        settings=settings.video,
        segment_s=segment_s,
        origin=Origin(renderer, settings.provenance),
    )


def check_portrait(file: Path, *, settings: Settings | None = None) -> SourceCheck:
    """Return what a first look at the picture `file` says, for showing beside it at once.

    Raises:
        PortraitError: It cannot be read.
    """
    limits = (settings or load_settings()).limits
    return check_source(read_portrait(file, limits=limits), landmarker=_landmarker(), limits=limits)


def read_timeline(file: Path, *, settings: Settings) -> tuple[Clip, ...]:
    """Return the clips of the JSON file `file`.

    Raises:
        TimelineError: It cannot be read, is no JSON, or an entry is wrong; the message names it.
    """
    with open_upload(
        file,
        what="timeline",
        advice="give a JSON file",
        max_bytes=settings.limits.max_timeline_bytes,
        error=TimelineError,
    ) as source:
        try:
            text = source.read().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TimelineError(
                f"the timeline {file} cannot be read ({error}); give a JSON file"
            ) from error
    return parse_timeline(text, settings=settings)


def save_motion(track: MotionTrack, file: Path, *, settings: Settings) -> Path:
    """Write `track` to `file`: Live Link Face's CSV where its name ends in .csv, else JSON.

    Raises:
        MotionError: The file cannot be written.
    """
    write_motion(track, file, full_deg=settings.motion.gaze.full_deg)
    return file


def load_motion(file: Path, *, fps: float | Fraction | None = None) -> MotionTrack:
    """Return the track that `file` holds: Live Link Face's CSV, or our JSON.

    Raises:
        MotionError: It cannot be read or is malformed; the message names row and column.
    """
    return read_motion(file, fps=fps)


@functools.lru_cache(maxsize=1)
def _landmarker() -> FaceLandmarker:
    return FaceLandmarker(max_faces=MAX_FACES)


def _film(
    prepared: Prepared,
    track: MotionTrack,
    speech: Speech,
    output: Path,
    *,
    renderer: str,
    settings: Settings,
    clock: StageClock,
) -> Path:
    """Render and encode, frame by frame."""
    start = time.perf_counter()
    clock.frame_done(0, track.n_frames)
    path = write_video(
        _drawn(clock.timed(prepared.render(track)), settings=settings),
        speech,
        output,
        fps=track.fps,
        size=prepared.size,
        n_frames=track.n_frames,
        settings=settings.video,
        origin=Origin(renderer, settings.provenance),
        on_frame=clock.frame_done,
    )
    clock.spent_s["encode"] = time.perf_counter() - start - clock.spent_s["render"]
    return path


def _drawn(frames: Iterator[Frame], *, settings: Settings) -> Iterator[Frame]:
    """Return `frames` with the label that is asked for; a renderer that hangs is given up."""
    frames = labelled(frames, settings.provenance.label)
    return watched(frames, stall_s=settings.limits.render_stall_s)


def _n_frames(speech: Speech, duration_s: float | None, *, fps: Fraction) -> int:
    if duration_s is None:
        return frame_count(speech.n_samples, rate_hz=SPEECH_RATE_HZ, fps=fps)
    return math.ceil(Fraction(duration_s).limit_denominator(1_000_000) * fps)


def _cut(speech: Speech, *, n_samples: int) -> tuple[Speech, str | None]:
    """Return the first `n_samples` of `speech` and, where that is a cut, a sentence about it."""
    if speech.n_samples <= n_samples:
        return speech, None
    note = (
        f"the recording of {seconds(speech.n_samples):.1f} s is truncated to the "
        f"{seconds(n_samples):.1f} s of the video"
    )
    return Speech(samples=speech.samples[:n_samples]), note


def _clips(performance: Performance, *, duration_s: float, settings: Settings) -> tuple[Clip, ...]:
    if performance.sequence and performance.timeline:
        raise TimelineError("a sequence and a timeline exclude each other; give one of them")
    if performance.sequence:
        return sequence_clips(performance.sequence, duration_s=duration_s, settings=settings)
    return performance.timeline


def check_performance(performance: Performance, *, settings: Settings) -> None:
    """Refuse what is wrong before anything slow is done."""
    fps = exact_fps(performance.fps or settings.video.fps)
    duration_s = performance.duration_s
    longest_s = settings.limits.max_audio_s
    if duration_s is not None and not 1 / fps <= duration_s <= longest_s:
        raise SettingsError(
            f"a duration of {duration_s} s is outside one frame to {longest_s:g} s; leave it out "
            "for the length of the recording"
        )
    name = performance.expression
    if name is not None and name not in settings.presets:
        raise SettingsError(
            f"there is no expression {name!r}; use one of {', '.join(settings.presets)}"
        )
    _clips(performance, duration_s=duration_s or 1.0, settings=settings)
