import threading
import time
from collections.abc import Iterator

import pytest

from vortex_lp.errors import RenderError
from vortex_lp.watchdog import Watchdog, watched


def test_items_come_through_in_order_and_the_thread_is_gone() -> None:
    before = threading.active_count()
    assert list(watched(iter(range(1000)), stall_s=5)) == list(range(1000))
    assert threading.active_count() == before


def test_an_error_comes_through_as_itself() -> None:
    def breaking() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("here")

    items = watched(breaking(), stall_s=5)
    assert next(items) == 1
    with pytest.raises(ZeroDivisionError, match="here"):
        next(items)


def test_a_renderer_that_hangs_is_given_up() -> None:
    released = threading.Event()

    def hanging() -> Iterator[int]:
        yield 1
        released.wait(30)

    items = watched(hanging(), stall_s=0.3)
    assert next(items) == 1
    start = time.monotonic()
    with pytest.raises(RenderError, match=r"no frame for 0\.3 s"):
        next(items)
    assert time.monotonic() - start < 3.0
    released.set()


def test_a_slow_consumer_is_no_fault_of_the_renderer() -> None:
    items = watched(iter("abc"), stall_s=0.2)
    assert next(items) == "a"
    time.sleep(0.5)
    assert list(items) == ["b", "c"]


def test_closing_closes_the_source_and_ends_the_thread() -> None:
    closed_in = []

    def source() -> Iterator[int]:
        try:
            yield from range(1_000_000)
        finally:
            closed_in.append(threading.current_thread().name)

    before = threading.active_count()
    items = watched(source(), stall_s=5)
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert closed_in == ["frames"]
    assert threading.active_count() == before


def test_only_two_items_are_made_ahead_of_the_consumer() -> None:
    n_made = 0

    def counting() -> Iterator[int]:
        nonlocal n_made
        for number in range(100):
            n_made += 1
            yield number

    items = watched(counting(), stall_s=5)
    for n_taken in range(1, 20):
        next(items)
        time.sleep(0.005)
        assert n_made - n_taken <= 2
    items.close()  # type: ignore[attr-defined]


def test_a_dog_bites_once_and_only_when_it_watches() -> None:
    bites: list[float] = []
    with Watchdog(lambda: bites.append(time.monotonic()), stall_s=0.2) as dog:
        time.sleep(0.5)
        assert not bites
        for _ in range(5):
            dog.beat()
            time.sleep(0.05)
        assert not dog.has_bitten
        dog.rest()
        time.sleep(0.4)
        assert not bites
        dog.beat()
        time.sleep(0.6)
    assert len(bites) == 1
    assert dog.has_bitten
