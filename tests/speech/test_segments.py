import itertools

import numpy as np
import pytest

from tests.speech.sounds import sample, tone
from vortex_lp.speech.samples import DECIMATION, HOP, level_db, recognizer_gain, recognizer_pcm
from vortex_lp.speech.segments import MOST_HOPS, pieces, quiet_hops, silences
from vortex_lp.values import Speech


def joined(*parts: np.ndarray) -> Speech:
    return Speech(samples=np.concatenate(parts).astype(np.float32))


def gap(duration_s: float) -> np.ndarray:
    return 1e-4 * np.random.default_rng(0).standard_normal(round(duration_s * 48_000))


def test_silence_is_found_to_a_few_hundredths_of_a_second() -> None:
    speech = joined(tone(1.0), gap(0.5), tone(1.0))
    (found,) = silences(level_db(speech), n_samples=speech.n_samples)
    assert abs(found.start - 48_000) <= 3 * HOP
    assert abs(found.stop - 72_000) <= 3 * HOP


def test_speech_is_cut_at_pauses_and_nothing_loud_is_left_out() -> None:
    speech = joined(*[part for _ in range(8) for part in (tone(3.0), gap(0.6))])
    level = level_db(speech)
    found = pieces(level, n_samples=speech.n_samples)
    assert len(found) > 2
    heard = np.zeros(len(level), bool)
    for piece in found:
        assert piece.start % DECIMATION == 0
        assert piece.stop - piece.start <= MOST_HOPS * HOP
        heard[piece.start // HOP : -(-piece.stop // HOP)] = True
    assert heard[~quiet_hops(level)].all()


def test_speech_without_a_pause_is_cut_all_the_same() -> None:
    speech = joined(tone(60.0))
    found = pieces(level_db(speech), n_samples=speech.n_samples)
    assert max(piece.stop - piece.start for piece in found) <= MOST_HOPS * HOP
    assert found[0].start == 0
    assert found[-1].stop == speech.n_samples
    assert all(a.stop == b.start for a, b in itertools.pairwise(found))


def test_pieces_for_recognisers_join_without_a_seam() -> None:
    speech = sample("movie_rms.wav")
    whole = recognizer_pcm(speech, start=0, stop=speech.n_samples, gain=1.0)
    assert len(whole) == -(-speech.n_samples // DECIMATION)
    cuts = [0, 30_000, 90_480, speech.n_samples]
    parts = [recognizer_pcm(speech, start=a, stop=b, gain=1.0) for a, b in itertools.pairwise(cuts)]
    assert np.abs(np.concatenate(parts).astype(int) - whole).max() <= 2


def test_soft_recordings_are_raised_for_recognisers() -> None:
    loud = sample("movie_rms.wav")
    soft = Speech(samples=loud.samples * np.float32(0.1))
    a, b = recognizer_gain(loud), recognizer_gain(soft)
    assert b == pytest.approx(10 * a, rel=0.01)
    pcm = recognizer_pcm(soft, start=0, stop=96_000, gain=b)
    assert 2_000 < np.abs(pcm.astype(int)).max() <= 32_767
