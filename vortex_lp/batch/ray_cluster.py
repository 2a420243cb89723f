"""The same rows on a Ray cluster; Ray decides what runs where, and tries again what breaks down.

Every machine of the cluster needs vortex_lp and sees the same files under the same paths. A row
takes one core, and one GPU where it names LivePortrait outright: Ray hides GPUs from whoever asks
for none, so ``"auto"`` means mesh there.
"""

import importlib
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from vortex_lp.batch import worker
from vortex_lp.batch.worker import Answer, Order
from vortex_lp.errors import VortexInitializationError

LOCAL = "local"
"""The address of a cluster that is made on this machine for one batch."""

_RETRIES = 2


class RayCluster:
    """A connection to a Ray cluster; a context manager."""

    def __init__(self, address: str, *, n_jobs: int | None) -> None:
        """Connect to `address` with at most `n_jobs` rows in work at a time, or what has room.

        Raises:
            VortexInitializationError: Ray is not installed, or there is no cluster.
        """
        try:
            self._ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise VortexInitializationError(
                "Ray is not installed; pip install 'vortex-lp[ray]', or leave --ray out"
            ) from error
        self._n_jobs = n_jobs
        self._is_ours = not self._ray.is_initialized()
        if not self._is_ours:
            return
        options = {"num_cpus": n_jobs, "include_dashboard": False} if address == LOCAL else {}
        try:
            self._ray.init(address, log_to_driver=False, logging_level="ERROR", **options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise VortexInitializationError(
                f"there is no Ray cluster at {address!r} ({error}); start one with "
                f"'ray start --head', or use --ray {LOCAL}"
            ) from error

    def work(self, orders: Iterable[tuple[int, Order]]) -> Iterator[tuple[int, Answer]]:
        """Yield the answer to each of `orders` under its number, as they come."""
        ray = self._ray
        make = ray.remote(worker.make)
        waiting: dict[Any, int] = {}
        for number, order in orders:
            if self._n_jobs is not None and len(waiting) >= self._n_jobs:
                yield self._next(waiting)
            needs_gpu = order["row"]["renderer"] == "liveportrait"
            task = make.options(num_cpus=1, num_gpus=int(needs_gpu), max_retries=_RETRIES)
            waiting[task.remote(order)] = number
        while waiting:
            yield self._next(waiting)

    def _next(self, waiting: dict[Any, int]) -> tuple[int, Answer]:
        (done,), _ = self._ray.wait(list(waiting), num_returns=1)
        number = waiting.pop(done)
        try:
            answer: Answer = self._ray.get(done)
        except self._ray.exceptions.RayError as error:
            said = str(error).strip().splitlines()
            answer = Answer(reason=f"Ray gave it up: {said[-1] if said else error!r}", told={})
        return number, answer

    def __enter__(self) -> "RayCluster":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_ours:
            self._ray.shutdown()
