"""Settings, read once from YAML into frozen models; an unknown key is an error.

Every default stands in ``configs/liveportrait_fp16.yaml`` and nowhere else. The models below
have none on purpose: they say what a value means, its unit and its range, and the file says what
it is.
"""

import difflib
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from vortex_lp.errors import SettingsError
from vortex_lp.resources import resource_folder
from vortex_lp.values import ARKIT_INDEX

DEFAULT_CONFIG = "liveportrait_fp16.yaml"

Share: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
"""A number from 0 to 1."""

Positive: TypeAlias = Annotated[float, Field(gt=0.0)]


def _known_shapes(shape: Mapping[str, float]) -> Mapping[str, float]:
    for name in shape:
        if name not in ARKIT_INDEX:
            raise ValueError(f"{name!r} is no ARKit blendshape{_nearest(name, ARKIT_INDEX)}")
    return shape


class Strict(BaseModel):
    """A frozen group of settings that accepts no unknown key."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class PhoneSettings(Strict):
    """What the mouth does for one phone."""

    visemes: tuple[Share, Share, Share]
    """jaw_open, lip_width, lip_rounding."""

    arkit: dict[str, Share]
    """ARKit weights of the fully articulated phone."""

    _check_names = model_validator(mode="after")(lambda self: (_known_shapes(self.arkit), self)[1])


class PresetSettings(Strict):
    """One expression."""

    intensity: Share
    """How much of `shape` shows."""

    eye_openness: Share
    """0.5 leaves the eyes as they are; more widens them, less lets the lids sink."""

    mouth_scale: Annotated[float, Field(ge=0.0, le=2.0)]
    """Factor on the size of speech movements."""

    head_motion: Share
    """How much the head moves, 1 being the most."""

    shape: dict[str, Share]
    """ARKit weights of the expression at full intensity."""

    _check_names = model_validator(mode="after")(lambda self: (_known_shapes(self.shape), self)[1])


class LimitSettings(Strict):
    """What is accepted from a user."""

    max_pixels: int
    """Pixels of a picture; larger ones are refused unread."""

    min_face_px: int
    """Smaller faces (longer side of the landmarks' box) are refused."""

    max_yaw_deg: float
    """Faces turned further than this are refused as profiles."""

    max_mirror_error: Positive
    """A face whose landmarks move by more than this share of its size when the picture is mirrored
    is refused as not human; where the number comes from stands in `vortex_lp.face.source`."""

    max_detect_px: int
    """Faces are looked for on a copy whose longer side is at most this [px]."""

    max_picture_bytes: Annotated[int, Field(ge=1)]
    """Larger picture files are refused unread."""

    max_audio_bytes: Annotated[int, Field(ge=1)]
    """Larger files of sound are refused unread."""

    max_audio_s: float
    """Longest recording [s]."""

    decode_stall_s: Positive
    """Decoding that brings no sound for so long is stopped [s]."""

    render_stall_s: Positive
    """A renderer that brings no frame for so long is given up [s]."""

    max_timeline_bytes: Annotated[int, Field(ge=1)]
    """Larger timeline files are refused unread."""

    max_clips: Annotated[int, Field(ge=1)]
    """Most entries of an expression timeline."""


class VideoSettings(Strict):
    """How the finished video is encoded."""

    fps: Annotated[float, Field(ge=1.0, le=120.0)]
    """Frames a second where nobody asks for another rate."""

    crf: Annotated[int, Field(ge=0, le=51)]
    """x264's constant rate factor: 0 loses nothing, 18 is hard to tell from the original, 51 is
    worst."""

    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]
    """x264's trade of speed for size."""

    keyframe_s: Positive
    """Longest time between frames that a player can jump to [s]."""

    audio_kbps: Annotated[int, Field(ge=16, le=320)]
    """Bit rate of the AAC sound, which is mono [kbit/s]."""

    stall_s: Positive
    """An encoder that takes no frame, or does not finish, for so long is stopped [s]."""


class ReachSettings(Strict):
    """How far a phone reaches beyond its own time: before it begins and after it ends [s]."""

    jaw: tuple[Positive, Positive]
    """Reach of the jaw."""

    lips: tuple[Positive, Positive]
    """Reach of the lips but for their rounding."""

    rounding: tuple[Positive, Positive]
    """Reach of pucker and funnel, which begin long before a rounded sound."""


class KindSettings(Strict):
    """How strongly one kind of phone claims each articulator; see `vortex_lp.speech.visemes`."""

    phones: tuple[str, ...]
    """The phones of this kind."""

    jaw: Positive
    """Claim on the jaw."""

    lips: Positive
    """Claim on the lips but for their rounding."""

    rounding: Positive
    """Claim on the rounding of the lips."""


class ContactSettings(Strict):
    """How a contact of the lips (a closure, a tuck) comes and goes."""

    close_s: Positive
    """From open to contact [s]."""

    open_s: Positive
    """From contact to open [s]."""

    hold: Annotated[float, Field(gt=0.0, le=1.0)]
    """Share of the phone during which the contact holds, counted from its beginning."""


class SpeechSettings(Strict):
    """How sound becomes phones, and phones become mouth movement."""

    recognizer: str
    """The recogniser to use where none is named."""

    least_word_score: float
    """Acoustic score a frame below which heard words are not believed."""

    least_phones_hz: Positive
    """Phones a second of sound below which a recogniser is taken to have missed most of it."""

    wav2vec2_model: str
    """Folder, or name on the Hugging Face hub, of the phone network of recogniser ``"wav2vec2"``."""

    glides: dict[str, str]
    """Diphthongs, and the phone whose shape their second half takes."""

    reach: ReachSettings
    kinds: dict[str, KindSettings]
    closure: ContactSettings
    tuck: ContactSettings

    short_silence_s: Positive
    """Silences up to this long leave the mouth to the phones around [s]."""

    full_silence_s: Positive
    """Silences from this long on shut it [s]."""

    loudness_gain: tuple[Positive, Positive]
    """Size of movements in the softest and in the loudest speech."""

    easy_rate_hz: Positive
    """Phones a second up to which movements keep their size."""

    least_rate_gain: Share
    """Size of movements in the fastest speech."""


class RequestSettings(Strict):
    """What is done where nobody asks for anything else."""

    renderer: str
    """``"auto"``, ``"mesh"`` or ``"liveportrait"``."""

    recognizer: str
    """Who finds the phones; ``"auto"`` takes the best that is there."""

    expression: str
    """The preset that shows wherever the timeline says nothing."""

    framing: Literal["crop", "full"]
    """512 x 512 pixels of head and shoulders, or the whole portrait."""

    seed: int
    """Decides blinks, gaze and head movement."""


class BandSettings(Strict):
    """What a measured value is held against; where `good` is below `poor`, less is better."""

    good: float
    """A value at least as good as this passes."""

    poor: float
    """A worse value than this fails; between the two is a warning."""


class MouthBandSettings(Strict):
    """What the measured mouth is held against."""

    lag_frames: BandSettings
    """How far the lips are from the sound, either way [frames]."""

    drift_frames: BandSettings
    """How much the lag changes from the first third of the clip to the last [frames]."""

    correlation: BandSettings
    """Measured against wanted lip aperture, at the best lag."""

    phones_on_time: BandSettings
    """Share of phones around which the mouth's movement comes within two frames."""

    closure_recall: BandSettings
    """Share of P, B and M at which the lips meet."""

    tuck_recall: BandSettings
    """Share of F and V at which the lower lip is at the teeth."""

    silence_shut: BandSettings
    """Share of silent frames in which the mouth is shut."""

    mouth_range: BandSettings
    """How far the mouth opens, as a share of what was wanted (95th percentiles)."""

    frozen_s: BandSettings
    """Longest time for which the mouth stands still though it should move [s]."""


class ReportSettings(Strict):
    """How a finished video is judged."""

    max_lag_s: Positive
    """How far from each other sound and picture are looked for [s]."""

    shut_share: Share
    """A lip aperture under this share of the clip's 95th percentile counts as shut."""

    min_silence_s: Positive
    """Shorter silences may leave the mouth open [s]."""

    settle_s: Positive
    """How long the mouth may take to shut when silence begins, and to open before it ends [s]."""

    blink_drop: Share
    """Eyes blink where their openness falls under this share of their usual one; MediaPipe reads
    shut lids of a filmed face as 0.2, of a drawn or spectacled one as up to 0.6."""

    asked: MouthBandSettings
    """For videos whose motion track is at hand."""

    heard: MouthBandSettings
    """For any other video, held against the phones recognised from its own sound, which are
    uncertain themselves."""

    sound_match: BandSettings
    """Likeness of the file's sound and the one that the motion was made for."""

    blinks_seen: BandSettings
    """Share of asked blinks that shut both eyes in time."""

    blinks_per_min: BandSettings
    """Blinks a minute, where nobody knows how many were asked."""

    head_jitter_deg: BandSettings
    """Shaking of the head from frame to frame [deg]."""

    face_shake_share: BandSettings
    """Shaking of the face in the picture, as a share of the distance between the eyes."""

    still_psnr_db: BandSettings
    """Likeness of the background to that of the first frame [dB]."""

    faceless_share: BandSettings
    """Share of frames in which no face is found."""

    missing_frames: BandSettings
    """Frames that should be there."""

    repeated_frames: BandSettings
    """Frames that repeat the one before while the face should move."""

    offset_frames: BandSettings
    """How far the streams' starts are apart [frames]."""

    end_frames: BandSettings
    """How far the streams' ends are apart [frames]."""


OTHER_RENDERER = "other"
"""The key under `ProvenanceSettings.source_types` for renderers that are not named there."""


def _with_other(words: dict[str, str]) -> dict[str, str]:
    if OTHER_RENDERER not in words:
        raise ValueError(f"the key {OTHER_RENDERER!r} is missing; it stands for any other renderer")
    return words


class ProvenanceSettings(Strict):
    """What a video says about itself; see `vortex_lp.video.provenance`."""

    credentials: bool
    """Whether Content Credentials (C2PA) are put into every video."""

    notice: Annotated[str, Field(min_length=1, max_length=500)]
    """What the video is, in a sentence."""

    source_types: Annotated[dict[str, str], AfterValidator(_with_other)]
    """Renderer → IPTC's word for what it makes; `OTHER_RENDERER` stands for any not named."""

    label: Annotated[str, Field(max_length=80)]
    """Words in a corner of the picture; empty for none."""


class UiSettings(Strict):
    """How the studio looks and what it allows."""

    port: Annotated[int, Field(ge=1, le=65535)]
    """Where the studio listens."""

    max_upload_mb: Annotated[int, Field(ge=1)]
    """Largest file that a visitor may send [MB]."""

    max_json_mb: Annotated[int, Field(ge=1)]
    """Largest request that is no upload [MB]."""

    uploads_per_min: Annotated[int, Field(ge=1)]
    """Files that one visitor may send in a minute."""

    jobs_per_min: Annotated[int, Field(ge=1)]
    """Events, renders among them, that one visitor may start in a minute."""

    min_free_disk_gb: Annotated[float, Field(ge=0.0)]
    """With less room on the disk, the studio calls itself unwell [GB]."""

    consent: str
    """What stands beside the button that starts a render."""

    max_waiting: Annotated[int, Field(ge=1)]
    """Visitors who may wait for the renderer at a time; more are told to come back later."""

    n_threads: Annotated[int, Field(ge=1)]
    """Recordings and portraits that are looked at at a time."""

    idle_s: Positive
    """A visitor who was silent for so long is forgotten, files and all [s]."""

    cache_sweep_s: Annotated[int, Field(ge=1)]
    """How often old files of Gradio's own cache are looked for [s]."""

    cache_age_s: Annotated[int, Field(ge=1)]
    """Files of Gradio's own cache that are older are deleted [s]."""

    segment_s: Annotated[float, Field(ge=0.25, le=10.0)]
    """How long one piece of the live video is [s]."""

    peaks_hz: Positive
    """Points of the waveform for each second of a recording."""

    max_peaks: Annotated[int, Field(ge=100)]
    """Most points of a waveform."""

    first_clip: str
    """The preset that the timeline offers first."""

    colours: Annotated[list[str], Field(min_length=1)]
    """Colours of expression clips, ``"#rrggbb"``, given to the presets in their order, again and
    again."""


def _rising(pair: tuple[float, float]) -> tuple[float, float]:
    if not 0.0 <= pair[0] <= pair[1]:
        raise ValueError(f"{list(pair)} must be two numbers, not negative, the smaller one first")
    return pair


Range: TypeAlias = Annotated[tuple[float, float], AfterValidator(_rising)]
"""The least and the most of something that is drawn by chance."""


class BlinkSettings(Strict):
    """When people blink, and how; where the numbers come from stands in `vortex_lp.motion.eyes`."""

    first_s: Range
    """When the first blink comes [s]."""

    gap_s: Range
    """Time from a blink to the next [s], where no phrase ends before."""

    phrase_share: Share
    """How many phrase ends make somebody blink."""

    phrase_gap_s: Positive
    """A phrase end sooner after a blink makes nobody blink again [s]."""

    min_gap_s: Positive
    """No two blinks come within this [s], however high the rate."""

    close_s: Range
    """How long the lids fall [s]."""

    hold_s: Range
    """How long they stay shut [s]; at least one frame."""

    open_s: Range
    """How long they rise [s]."""


class GazeSettings(Strict):
    """Where eyes look."""

    full_deg: Positive
    """The angle that an eyeLook weight of 1 means [deg]; our own estimate."""

    target_deg: Positive
    """How far the eyes turn towards a gaze target of 1 [deg]."""

    fixation_s: Range
    """The shortest and the longest rest of the eyes on one spot [s]."""

    fixation_spread_s: Positive
    """How much longer than the shortest they rest on average [s]."""

    small_deg: tuple[float, float]
    """Spread of the small saccades, sideways and up [deg]."""

    away_share: Share
    """How many rests look aside."""

    away_deg: Range
    """How far aside [deg]."""

    away_s: Range
    """How long [s]."""

    drift_deg: Annotated[float, Field(ge=0.0)]
    """Slow drift, root mean square [deg]."""

    follow: Share
    """How much of a turn of the head the eyes make up for, to stay on the viewer."""


class LidSettings(Strict):
    """How lids follow mood and gaze."""

    wide: Share
    """eyeWide at the most `eye_openness`."""

    sink: Share
    """eyeBlink at the least `eye_openness`."""

    follow_up: Share
    """eyeWide for a full look up."""

    follow_down: Share
    """eyeBlink for a full look down."""

    most_sunk: Share
    """eyeBlink never stands higher than this between blinks."""


class HeadSettings(Strict):
    """How the head moves at a `head_motion` of 1."""

    limit_deg: Positive
    """No angle goes beyond this [deg]."""

    sway_deg: tuple[float, float, float]
    """Root mean square of the sway in pitch, yaw and roll [deg]."""

    sway_hz: Annotated[tuple[Positive, Positive], AfterValidator(_rising)]
    """The band of the sway [Hz]."""

    onset_s: Positive
    """How long the head takes from the portrait's own pose into its movement [s]."""

    idle: Share
    """The share of the sway that is left in a long pause."""

    rest_after_s: Positive
    """How long a pause is before the head begins to settle [s]."""

    rest_s: Positive
    """How long it takes to settle [s]."""

    wake_s: Positive
    """How long before speech it begins to move again [s]."""

    nod_deg: Range
    """Size of a nod on a stressed syllable [deg]."""

    nod_fall_s: Positive
    """How long a nod falls [s]."""

    nod_rise_s: Positive
    """How long it rises [s]."""

    accent_gap_s: Positive
    """A syllable is stressed when none within this is louder [s]."""

    accent_loudness: Share
    """Syllables softer than this are never stressed."""

    accent_share: Share
    """How many stressed syllables are marked."""

    brow: Share
    """How much the brows rise with the strongest nod."""


class MouthMotionSettings(Strict):
    """How speech and expression share the mouth."""

    shut_s: Positive
    """How soon after a phrase the lips are shut [s]."""

    part_s: Positive
    """How long before the next phrase they may begin to part [s]."""

    open_at: Positive
    """The jawOpen of speech at which an expression's pressed lips have let go."""

    smile_yields: Share
    """How much of a smile is gone where speech rounds the lips fully."""


class MotionSettings(Strict):
    """How a portrait moves; where the numbers come from stands in `vortex_lp.motion`."""

    ease_s: Positive
    """How long an expression takes to come and to go where a timeline does not say [s]."""

    pause_s: Positive
    """Silences shorter than this do not end a phrase [s]."""

    blink: BlinkSettings
    gaze: GazeSettings
    lids: LidSettings
    head: HeadSettings
    mouth: MouthMotionSettings


class LivePortraitSettings(Strict):
    """How LivePortrait is run."""

    budget_gb: Positive
    """Most GPU memory that the renderer may hold at its peak, weights included [GB of 1e9 bytes];
    the caller's result is not part of it."""

    max_batch: Annotated[int, Field(ge=1)]
    """Most frames that are computed together, however much memory there is."""

    cpu_batch: Annotated[int, Field(ge=1)]
    """Frames that are computed together on a CPU."""

    crop_scale: Positive
    """Side of the square that the networks see over that of the face's box, brows to chin."""

    crop_rise: Share
    """How far the square's centre lies above the box's, as a share of its side."""

    feather: Annotated[float, Field(gt=0.0, le=0.5)]
    """How wide the edge of the square fades into the portrait, as a share of its side."""

    lip_open_ratio: Positive
    """A portrait whose inner lips part by more than this share of the mouth's width has its mouth
    shut by the lip head first."""

    max_head_deg: tuple[Positive, Positive, Positive]
    """Furthest pitch, yaw and roll from the portrait's own pose, either way [deg]; what asks for
    more is bent smoothly to stay within."""


class Settings(Strict):
    """Everything that can be set."""

    limits: LimitSettings
    request: RequestSettings
    video: VideoSettings
    phones: dict[str, PhoneSettings]
    speech: SpeechSettings
    presets: dict[str, PresetSettings]
    motion: MotionSettings
    liveportrait: LivePortraitSettings
    provenance: ProvenanceSettings
    ui: UiSettings
    report: ReportSettings


def load_settings(path: Path | None = None) -> Settings:
    """Return the settings of the file `path`, or of the one that comes with the package.

    Raises:
        SettingsError: The file cannot be read, is no YAML mapping, has an unknown or missing key,
        or a value out of
            range; the message names the key and, for an unknown one, the nearest known one.
    """
    return _load(path or resource_folder("configs") / DEFAULT_CONFIG)


@functools.lru_cache(maxsize=8)
def _load(path: Path) -> Settings:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the settings file {path} cannot be read ({error}); give another one"
        ) from error
    return parse_settings(text, name=path.name)


def parse_settings(text: str, *, name: str = "settings") -> Settings:
    """Return the settings that the YAML `text` holds; `name` is what to call it in messages.

    Raises:
        SettingsError: As `load_settings`.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise SettingsError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise SettingsError(f"{name} must be a mapping of settings, not {type(data).__name__}")
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise SettingsError(_explain(error, name)) from error


def _explain(error: ValidationError, name: str) -> str:
    """Turn the first complaint into one sentence."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        return f"{name}: unknown key {where!r}{_nearest(str(first['loc'][-1]), known)}"
    if first["type"] == "missing":
        return f"{name}: the key {where!r} is missing; copy it from configs/{DEFAULT_CONFIG}"
    return f"{name}: {where} = {first['input']!r} is wrong: {first['msg']}"


def _known_keys(path: tuple[Any, ...]) -> list[str]:
    """Return the keys that the group at `path` may have."""
    model: Any = Settings
    for part in path:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        model = field.annotation if field else _value_type(model)
        if not hasattr(model, "model_fields"):
            model = _value_type(model) or model
    return list(getattr(model, "model_fields", {}))


def _value_type(annotation: Any) -> Any:
    arguments = getattr(annotation, "__args__", ())
    return arguments[-1] if arguments else annotation


def _nearest(name: str, known: Mapping[str, Any] | list[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"; the nearest known one is {close[0]!r}" if close else ""
