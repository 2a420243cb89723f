"""The report on a video whose every property is known, and on the same video sabotaged."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.report.conftest import Made
from tests.report.made import BLINK_FRAMES, FPS, ffmpeg, film, make_mouth, make_speech, without
from vortex_lp.report.measure import Measurements, measure_video
from vortex_lp.report.sync import SyncReport, make_report
from vortex_lp.settings import load_settings
from vortex_lp.timebase import SPEECH_RATE_HZ
from vortex_lp.values import FloatArray, PhoneSpan, Speech

COPY_PICTURE = ("-c:v", "copy", "-c:a", "aac")
ENCODE_PICTURE = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-c:a", "copy")


def report_on(measured: Measurements, made: Made) -> SyncReport:
    return make_report(
        measured, track=made.track, mouth=made.mouth, settings=load_settings().report
    )


def failures(report: SyncReport) -> set[str]:
    return {metric.name for metric in report.metrics if metric.status == "fail"}


def test_an_honest_video_passes_in_everything_the_lips_do(made: Made) -> None:
    report = report_on(made.measured, made)
    lips = ("lag_frames", "sound_match", "correlation", "mouth_range", "frozen_s", "drift_frames")
    phones = ("phones_on_time", "closure_recall", "tuck_recall", "silence_shut", "blinks_seen")
    clock = ("missing_frames", "repeated_frames", "offset_frames", "end_frames", "faceless_share")
    for name in (*lips, *phones, *clock):
        assert report.metric(name).status == "pass", report.metric(name)
    assert failures(report) == set()
    assert abs(report.metric("lag_frames").value or 0.0) < 0.5
    assert (report.metric("correlation").value or 0.0) > 0.93


def test_blinks_are_found_where_they_were_asked_for(made: Made) -> None:
    blinks = report_on(made.measured, made).blinks
    assert len(blinks.seen_s) == len(blinks.asked_s) == len(BLINK_FRAMES)
    assert np.abs(np.subtract(blinks.seen_s, np.divide(BLINK_FRAMES, float(FPS)))).max() < 2 / FPS


def test_it_works_without_the_track_from_the_sound_alone(made: Made) -> None:
    report = make_report(made.measured, mouth=made.mouth, settings=load_settings().report)
    assert report.held_against == "its own sound"
    assert report.metric("lag_frames").status == "pass"
    assert report.metric("closure_recall").status == "pass"
    assert report.metric("sound_match").status == "could not measure"


def test_with_nothing_to_hold_it_against_the_mouth_could_not_be_measured(made: Made) -> None:
    report = make_report(made.measured, settings=load_settings().report)
    assert report.held_against == "nothing"
    assert report.metric("lag_frames").status == "could not measure"
    assert report.metric("missing_frames").status == "pass"
    assert report.curves is None


def test_the_report_is_json_with_a_sentence_for_every_finding(made: Made) -> None:
    report = report_on(made.measured, made)
    data = json.loads(report.to_json())
    assert data["video"] == "made.mp4"
    assert {metric["name"] for metric in data["metrics"]} == {m.name for m in report.metrics}
    assert all(metric["why"] for metric in data["metrics"])
    assert len(data["curves"]["measured"]) == len(data["curves"]["wanted"]) == made.track.n_frames
    assert len(report.summary().splitlines()) == 1 + len(report.metrics)


@pytest.mark.parametrize(
    ("options", "ahead"),
    [(("-af", "adelay=125:all=1"), True), (("-af", "atrim=start=0.125,asetpts=N/SR/TB"), False)],
    ids=["sound late", "sound early"],
)
def test_sound_shifted_by_three_frames_is_named(
    made: Made, tmp_path: Path, options: tuple[str, ...], ahead: bool
) -> None:
    bad = ffmpeg(made.video, tmp_path / "bad.mp4", *options, *COPY_PICTURE)
    report = report_on(_with_sound_of(bad, made), made)
    lag = report.metric("lag_frames")
    assert lag.status == "fail"
    assert lag.value == pytest.approx(-3 if ahead else 3, abs=0.4)
    assert ("ahead of the sound" if ahead else "behind the sound") in lag.why


def test_a_stream_that_starts_three_frames_late_is_named(made: Made, tmp_path: Path) -> None:
    bad = ffmpeg(
        made.video, tmp_path / "bad.mp4", "-map", "0:v", "-map", "0:a", "-c:v", "copy",
        "-af", "asetpts=PTS+0.125/TB", "-c:a", "aac",
    )  # fmt: skip
    report = report_on(_with_sound_of(bad, made), made)
    assert report.metric("offset_frames").status == "fail"
    assert report.metric("lag_frames").value == pytest.approx(-3, abs=0.4)


def test_another_speakers_sound_is_named(made: Made, tmp_path: Path) -> None:
    backwards = Speech(samples=made.speech.samples[::-1].copy())
    bad = film_sound(made, backwards, tmp_path)
    report = report_on(_with_sound_of(bad, made), made)
    assert report.metric("sound_match").status == "fail"
    assert "another sound" in report.metric("sound_match").why
    assert report.metric("lag_frames").status == "could not measure"


def test_lips_that_do_not_speak_the_sound_are_named_without_the_track(made: Made) -> None:
    mouth = make_mouth()
    other = replace(mouth, weights=mouth.weights[::-1].copy(), closure=mouth.closure[::-1].copy())
    report = make_report(made.measured, mouth=other, settings=load_settings().report)
    assert "correlation" in failures(report)


def test_lost_frames_are_named(made: Made, tmp_path: Path) -> None:
    lost = "select='not(between(n,60,64))'"
    bad = ffmpeg(
        made.video, tmp_path / "lost.mp4", "-vf", f"{lost},setpts=N/24/TB", "-r", "24",
        *ENCODE_PICTURE,
    )  # fmt: skip
    report = report_on(measure_video(bad), made)
    assert report.metric("missing_frames").value == 5
    assert report.metric("drift_frames").value == pytest.approx(5, abs=0.5)
    assert {"missing_frames", "drift_frames", "end_frames"} <= failures(report)


def test_a_gap_in_the_pictures_clock_is_named(made: Made, tmp_path: Path) -> None:
    bad = ffmpeg(
        made.video, tmp_path / "gap.mp4", "-vf", "select='not(between(n,60,64))'",
        "-fps_mode", "passthrough", *ENCODE_PICTURE,
    )  # fmt: skip
    report = report_on(measure_video(bad), made)
    assert report.metric("missing_frames").value == 5
    assert "2.4" in report.metric("missing_frames").why
    assert abs(report.metric("lag_frames").value or 9.0) < 0.5


def test_a_frozen_mouth_and_missing_blinks_are_named(made: Made, tmp_path: Path) -> None:
    still = without(made.track, mouth_from=70, blinks=True)
    report = report_on(measure_video(film(still, made.speech, tmp_path / "still.mp4")), made)
    assert report.metric("blinks_seen").value == 0
    assert "frozen" in report.metric("frozen_s").why
    assert {"blinks_seen", "frozen_s", "correlation", "phones_on_time"} <= failures(report)


def test_lips_that_never_quite_meet_are_named(made: Made) -> None:
    """All in time and alike, but a third of the opening is left at every P and in silence."""
    ajar = np.maximum(made.measured.aperture, 0.3 * np.percentile(made.measured.aperture, 95))
    report = report_on(replace(made.measured, aperture=ajar), made)
    assert report.metric("lag_frames").status == "pass"
    assert report.metric("correlation").status == "pass"
    assert report.metric("closure_recall").value == 0
    assert report.metric("silence_shut").value == 0
    assert "not M at 0.29 s" in report.metric("closure_recall").why


def test_frames_without_a_face_are_counted(made: Made) -> None:
    aperture = made.measured.aperture.copy()
    aperture[30:45] = np.nan
    report = report_on(replace(made.measured, aperture=aperture), made)
    assert report.metric("faceless_share").value == pytest.approx(15 / len(aperture))
    assert report.metric("faceless_share").status == "fail"
    assert "1.25 s" in report.metric("faceless_share").why


def test_a_shaking_head_is_named(made: Made) -> None:
    shaken = made.measured.centre_px.copy()
    shaken[1::2, 0] += 3
    report = report_on(replace(made.measured, centre_px=shaken), made)
    assert report.metric("face_shake_share").status == "fail"


def test_a_recording_of_silence_is_no_fault(made: Made) -> None:
    mouth = make_mouth()
    nothing = np.zeros_like(mouth.weights)
    mute = replace(
        mouth,
        weights=nothing,
        closure=np.zeros_like(mouth.closure),
        loudness=np.zeros_like(mouth.loudness),
        spans=(PhoneSpan(phone="SIL", start=0, stop=mouth.spans[-1].stop),),
    )
    shut = replace(
        made.measured,
        aperture=np.full_like(made.measured.aperture, 0.003),
        loudness=np.zeros_like(made.measured.loudness),
    )
    track = replace(made.track, weights=nothing, closure=None)
    report = make_report(shut, track=track, mouth=mute, settings=load_settings().report)
    lips = ("lag_frames", "sound_match", "correlation", "mouth_range", "phones_on_time")
    assert {report.metric(name).status for name in lips} == {"could not measure"}
    assert failures(report) == set()


def test_a_track_at_another_frame_rate_is_compared_in_time(made: Made) -> None:
    """The mouth as an analysis at 48 frames a second gives it, beside a track at 24."""
    mouth, times = made.mouth, np.arange(2 * made.mouth.n_frames) / 2
    frames = np.arange(mouth.n_frames)

    def finer(values: FloatArray) -> FloatArray:
        columns = values.reshape(len(values), -1).T
        fine = np.stack([np.interp(times, frames, column) for column in columns], axis=1)
        return fine.reshape(len(times), *values.shape[1:]).astype(np.float32)

    names = ("visemes", "weights", "closure", "tuck", "loudness")
    double = replace(mouth, fps=2 * FPS, **{name: finer(getattr(mouth, name)) for name in names})
    report = make_report(
        made.measured, track=made.track, mouth=double, settings=load_settings().report
    )
    assert report.metric("sound_match").status == "pass"
    assert report.metric("lag_frames").status == "pass"


def test_a_silent_file_cannot_say_whether_sound_and_lips_agree(made: Made, tmp_path: Path) -> None:
    mute = ffmpeg(made.video, tmp_path / "mute.mp4", "-an", "-c:v", "copy")
    report = report_on(_with_sound_of(mute, made), made)
    assert report.metric("sound_match").status == "could not measure"
    assert report.metric("offset_frames").why == "the file has no sound"


def film_sound(made: Made, speech: Speech, folder: Path) -> Path:
    raw = folder / "other.f32"
    raw.write_bytes(speech.samples.astype("<f4").tobytes())
    out_file = folder / "other.mp4"
    return ffmpeg(
        made.video, out_file, "-f", "f32le", "-ar", str(SPEECH_RATE_HZ), "-ac", "1",
        "-i", str(raw), "-map", "0:v", "-map", "1:a", *COPY_PICTURE,
    )  # fmt: skip


def _with_sound_of(video: Path, made: Made) -> Measurements:
    """Return the measurements of `video`, whose picture is the made one's, frame for frame."""
    from vortex_lp.report.reader import read_container, read_loudness

    container = read_container(video)
    loud = made.measured.loudness[:0] if container.audio_start_s is None else read_loudness(video)
    return replace(made.measured, container=container, loudness=loud)


def test_the_made_up_sentence_is_what_it_says() -> None:
    mouth = make_mouth()
    assert len(make_speech(mouth).samples) == mouth.spans[-1].stop
