"""One file of a Hugging Face repository, fetched with `huggingface_hub`, which resumes.

Failures that may pass are tried again with growing waits; the hub library's own retries and log
lines are kept short, because the caller wants one sentence.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vortex_lp.errors import WeightsError

RETRY_WAITS_S = (1.0, 2.0, 4.0)
"""How long to wait before each new attempt [s]."""

_HEAD_TIMEOUT_S = 10.0
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})

OnBytes = Callable[[int, int], None]
"""Called with how many bytes of a file are here and how many it has."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the hub."""

    repository: str
    """Owner and name."""

    path: str
    """The file's path in the repository."""

    endpoint: str | None
    """Another server that speaks the hub's protocol, or None for the hub."""


@dataclass(frozen=True, slots=True)
class RemoteVersion:
    """Which version of a file a revision stands for."""

    commit: str
    """The commit."""

    n_bytes: int
    """The file's size; 0 where the server does not say."""


def look_up(file: RemoteFile, *, revision: str) -> RemoteVersion:
    """Return the version of `file` at `revision`, a branch, tag or commit.

    Raises:
        WeightsError: The hub cannot be reached, or has no such file or revision.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(file.repository, file.path, revision=revision, endpoint=file.endpoint)
    metadata = _with_retries(
        lambda: get_hf_file_metadata(url, timeout=_HEAD_TIMEOUT_S, endpoint=file.endpoint),
        file=file,
        revision=revision,
    )
    if metadata.commit_hash is None:
        raise WeightsError(
            f"{file.endpoint} does not answer as a Hugging Face hub; give another endpoint"
        )
    return RemoteVersion(commit=metadata.commit_hash, n_bytes=metadata.size or 0)


def fetch(file: RemoteFile, version: RemoteVersion, *, folder: Path, on_bytes: OnBytes) -> Path:
    """Fetch `file` into `folder`, going on where an earlier attempt stopped; return its path.

    Raises:
        WeightsError: As `look_up`, or the connection keeps failing.
    """
    from huggingface_hub import hf_hub_download

    bar = _bar_class(on_bytes, n_bytes=version.n_bytes)
    with _quiet_hub():
        path = _with_retries(
            lambda: hf_hub_download(
                file.repository,
                file.path,
                revision=version.commit,
                local_dir=folder,
                endpoint=file.endpoint,
                etag_timeout=_HEAD_TIMEOUT_S,
                tqdm_class=bar,
            ),
            file=file,
            revision=version.commit,
        )
    return Path(path)


def _with_retries(attempt: Callable[[], _Result], *, file: RemoteFile, revision: str) -> _Result:
    failures: tuple[type[Exception], ...] = (OSError, *_transport_errors())
    for wait_s in (*RETRY_WAITS_S, None):
        try:
            return attempt()
        # The hub's errors, and those of the HTTP library below it, are OSErrors of many names;
        # a refused look-up of a file and a server that went silent differ in the status only.
        except failures as error:
            problem = _permanent_problem(error, file=file, revision=revision)
            if problem is not None:
                raise WeightsError(problem) from error
            if wait_s is None:
                raise WeightsError(
                    f"{file.path} of {file.repository} cannot be fetched "
                    f"({_cause(error)}); check the network and run the same command again, "
                    "it goes on where it stopped, or use --from FOLDER"
                ) from error
        time.sleep(wait_s)
    raise AssertionError("the last wait is None")


def _permanent_problem(error: Exception, *, file: RemoteFile, revision: str) -> str | None:
    """Return what no retry will mend, or None."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status is not None and status not in _PASSING_STATUS:
        return (
            f"the hub refuses {file.path} of {file.repository} at revision {revision!r} "
            f"(status {status}); check --revision and --source"
        )
    if isinstance(error, PermissionError) or getattr(error, "errno", None) == 28:
        return f"{file.path} cannot be written ({error}); free some space or give --cache-dir"
    return None


def _cause(error: BaseException) -> str:
    """Return the innermost reason, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _transport_errors() -> tuple[type[Exception], ...]:
    """Return the base error of the HTTP library that this version of the hub's library uses."""
    from huggingface_hub.errors import HfHubHTTPError

    names = {"HTTPError", "RequestException"}
    return tuple(base for base in HfHubHTTPError.__mro__ if base.__name__ in names)


def _bar_class(on_bytes: OnBytes, *, n_bytes: int) -> type[Any]:
    """Return a progress bar that draws nothing and tells `on_bytes` instead."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:  # tqdm's own signature is this wide
            kwargs["disable"] = True
            self.done = int(kwargs.get("initial") or 0)
            super().__init__(*args, **kwargs)

        def update(self, n: float | None = 1) -> bool | None:
            self.done += int(n or 0)
            on_bytes(self.done, n_bytes)
            return None

    return Bar


@contextlib.contextmanager
def _quiet_hub() -> Iterator[None]:
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
