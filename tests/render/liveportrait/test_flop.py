"""The work of a frame, counted: the published graph's, and what the fast path leaves of it."""

from benchmarks.liveportrait_flop import count_flop


def test_the_fast_path_does_a_ninth_less_than_the_published_graph() -> None:
    counts = {name: round(flop / 1e9) for name, flop in count_flop().items()}
    published = {name: counts[name] for name in ("F", "M", "W plain", "G plain")}
    assert published == {"F": 64, "M": 12, "W plain": 342, "G plain": 892}
    plain = counts["W plain"] + counts["G plain"]
    fast = counts["W fast"] + counts["G fast"]
    assert fast / plain < 0.89
