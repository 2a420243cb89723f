"""What a finished video is held against."""

from vortex_lp.settings.base import Positive, Share, Strict


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
