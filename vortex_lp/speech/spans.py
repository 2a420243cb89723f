"""Gap-free rows of phones: the form in which every recogniser answers."""

from collections.abc import Iterable, Sequence

from vortex_lp.speech.segments import Stretch
from vortex_lp.values import SILENCE, PhoneSpan


def fill_gaps(spans: Iterable[PhoneSpan], *, n_samples: int) -> list[PhoneSpan]:
    """Return `spans` with silence wherever nothing is said, from 0 to `n_samples`.

    Overlaps are cut from the later span, and neighbouring silences become one.
    """
    row: list[PhoneSpan] = []
    for span in sorted(spans, key=lambda s: (s.start, s.stop)):
        at = row[-1].stop if row else 0
        start, stop = max(span.start, at), min(span.stop, n_samples)
        if at < start < n_samples:
            _append(row, PhoneSpan(SILENCE, at, start))
        if start < stop:
            _append(row, PhoneSpan(span.phone, start, stop, span.word))
    at = row[-1].stop if row else 0
    if at < n_samples:
        _append(row, PhoneSpan(SILENCE, at, n_samples))
    return row


def silence_over(spans: Sequence[PhoneSpan], *, silent: Sequence[Stretch]) -> list[PhoneSpan]:
    """Return gap-free `spans` with silence laid over them where the recording is `silent`."""
    n_samples = spans[-1].stop
    kept: list[PhoneSpan] = []
    index = 0
    for span in spans:
        while index < len(silent) and silent[index].stop <= span.start:
            index += 1
        at, ahead = span.start, index
        while ahead < len(silent) and silent[ahead].start < span.stop:
            if silent[ahead].start > at:
                kept.append(PhoneSpan(span.phone, at, silent[ahead].start, span.word))
            at = max(at, silent[ahead].stop)
            ahead += 1
        if at < span.stop:
            kept.append(PhoneSpan(span.phone, at, span.stop, span.word))
    return fill_gaps(kept, n_samples=n_samples)


def _append(row: list[PhoneSpan], span: PhoneSpan) -> None:
    if row and span.phone == row[-1].phone == SILENCE:
        row[-1] = PhoneSpan(SILENCE, row[-1].start, span.stop)
    else:
        row.append(span)
