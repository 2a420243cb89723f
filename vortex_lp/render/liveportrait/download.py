"""Fetching LivePortrait's weights, once: checked tensor by tensor, hashed, never half-written.

A file is fetched into a folder of its own below the target, checked there, and only then moved
under its final name, so that an interrupted download is continued and never mistaken for weights.
`RECORD_NAME` keeps the sha256 of everything that was accepted.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from vortex_lp.errors import WeightsError
from vortex_lp.render.liveportrait import hub
from vortex_lp.render.liveportrait.files import (
    RECORD_NAME,
    SIZES_NAME,
    STEMS,
    default_weights_folder,
    find_weights,
)

Source: TypeAlias = Literal["safetensors", "official"]

_STAGING_NAME = ".incoming"
_HASH_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Repository:
    """Where the weights are published."""

    name: str
    """Owner and name on the Hugging Face hub."""

    paths: dict[str, str]
    """Stem → path in the repository."""

    licence: str
    """Under which licence, for people."""


_LICENCE = "MIT License (KwaiVGI/LivePortrait)"
REPOSITORIES: dict[Source, Repository] = {
    "safetensors": Repository(
        name="Kijai/LivePortrait_safetensors",
        paths={stem: f"{stem}.safetensors" for stem in STEMS},
        licence=f"{_LICENCE}; a mirror that states no licence of its own",
    ),
    "official": Repository(
        name="KwaiVGI/LivePortrait",
        paths={
            stem: f"liveportrait/{folder}/{stem}.pth"
            for stem, folder in zip(
                STEMS, (*("base_models",) * 4, "retargeting_models"), strict=True
            )
        },
        licence=_LICENCE,
    ),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is."""

    file: str
    """The file that is being fetched."""

    done_bytes: int
    """How much of it is here."""

    total_bytes: int
    """How large it is; 0 while that is unknown."""

    file_number: int
    """Which file of `n_files`, from 1."""

    n_files: int
    """How many files there are."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One accepted weight file."""

    name: str
    """Its file name."""

    n_bytes: int
    """Its size."""

    sha256: str
    """Its content's hash, in hexadecimal."""

    licence: str
    """Under which licence it is published."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The weights that are in place."""

    folder: Path
    """The folder that holds them."""

    origin: str
    """The repository, or the folder, that they came from."""

    revision: str
    """The commit they came from, or ``"local"``."""

    files: tuple[FileRecord, ...]
    """Every file, in the order of `STEMS`."""

    n_new: int
    """How many of them were not in place before."""


OnProgress: TypeAlias = Callable[[Progress], None]


def download_weights(
    source: Source = "safetensors",
    cache_dir: Path | None = None,
    *,
    revision: str = "main",
    force: bool = False,
    verify: bool = False,
    from_dir: Path | None = None,
    on_progress: OnProgress | None = None,
    endpoint: str | None = None,
) -> Downloaded:
    """Put LivePortrait's weights in place and return what is there.

    Args:
        source: Which of `REPOSITORIES`.
        cache_dir: The folder to put them in; None is the user's cache, where they are found again.
        revision: Branch, tag or commit of the repository.
        force: Fetch again what is there already.
        verify: Only check what is there, hashes and tensors; nothing is fetched.
        from_dir: Take them from this folder instead of the network.
        on_progress: Called often while a file is fetched, from any thread.
        endpoint: Another server that speaks the hub's protocol, such as a mirror.

    Raises:
        WeightsError: The network, the disk or a file failed; the message is one sentence. What was
            accepted before stays, and nothing else gets a weight file's name.
    """
    folder = cache_dir or default_weights_folder()
    if verify:
        return verify_weights(folder)
    report = on_progress or (lambda _: None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if from_dir is not None:
            return _copy(from_dir, folder, report=report)
        return _fetch(
            REPOSITORIES[source],
            folder,
            revision=revision,
            force=force,
            report=report,
            endpoint=endpoint,
        )
    except OSError as error:
        raise WeightsError(
            f"LivePortrait's weights cannot be written to {folder} ({error}); free some space or "
            "give another --cache-dir"
        ) from error


def verify_weights(folder: Path) -> Downloaded:
    """Return what is in `folder` after checking its hashes and every tensor.

    Raises:
        WeightsError: A file is missing, is not what was recorded, or holds wrong tensors.
    """
    found = find_weights(folder)
    recorded = _read_record(folder)
    known = {record.name: record for record in recorded.files} if recorded else {}
    files = []
    for stem, path in found.by_stem.items():
        record = _record(path, licence="unknown")
        if path.name in known:
            if known[path.name].sha256 != record.sha256:
                raise WeightsError(
                    f"{path} has changed since it was fetched (sha256 {record.sha256[:12]}…, not "
                    f"{known[path.name].sha256[:12]}…); run `vortex-lp download --force`"
                )
            record = known[path.name]
        _check_tensors(path, stem=stem, sizes_file=found.sizes_file)
        files.append(record)
    return Downloaded(
        folder=folder,
        origin=recorded.origin if recorded else str(folder),
        revision=recorded.revision if recorded else "local",
        files=tuple(files),
        n_new=0,
    )


def _copy(from_dir: Path, folder: Path, *, report: OnProgress) -> Downloaded:
    found = find_weights(from_dir)
    staging = _make_staging(folder)
    if found.sizes_file is not None:
        shutil.copyfile(found.sizes_file, folder / SIZES_NAME)
    files = []
    for number, (stem, path) in enumerate(found.by_stem.items(), start=1):
        staged = staging / path.name
        shutil.copyfile(path, staged)
        files.append(_accept(staged, folder, stem=stem, licence=f"as in {from_dir}"))
        size = files[-1].n_bytes
        report(Progress(path.name, size, size, number, len(STEMS)))
    return _finish(
        Downloaded(folder, str(from_dir), revision="local", files=tuple(files), n_new=len(files))
    )


def _fetch(
    repository: Repository,
    folder: Path,
    *,
    revision: str,
    force: bool,
    report: OnProgress,
    endpoint: str | None,
) -> Downloaded:
    known = None if force else _read_record(folder)
    in_place = {record.name: record for record in known.files} if known else {}
    if known and all(_is_in_place(folder, in_place.get(Path(p).name)) for p in _paths(repository)):
        return replace(known, folder=folder, n_new=0)
    commit = ""
    files: list[FileRecord] = []
    n_new = 0
    for number, (stem, path) in enumerate(repository.paths.items(), start=1):
        name = Path(path).name
        file = hub.RemoteFile(repository.name, path, endpoint)
        version = hub.look_up(file, revision=commit or revision)
        # The first answer pins the commit, so that all the files belong together.
        commit = commit or version.commit
        record = in_place.get(name)
        if record and known and known.revision == commit and _is_in_place(folder, record):
            files.append(record)
            continue
        staged = hub.fetch(
            file, version, folder=_make_staging(folder), on_bytes=_reporter(report, name, number)
        )
        files.append(_accept(staged, folder, stem=stem, licence=repository.licence))
        n_new += 1
        # Recorded file by file: what is accepted is never fetched again after an interruption.
        _write_record(Downloaded(folder, repository.name, commit, tuple(files), n_new))
    return _finish(Downloaded(folder, repository.name, commit, tuple(files), n_new))


def _paths(repository: Repository) -> tuple[str, ...]:
    return tuple(repository.paths.values())


def _reporter(report: OnProgress, name: str, number: int) -> hub.OnBytes:
    return lambda done, total: report(Progress(name, done, total, number, len(STEMS)))


def _make_staging(folder: Path) -> Path:
    staging = folder / _STAGING_NAME
    staging.mkdir(exist_ok=True)
    return staging


def _accept(staged: Path, folder: Path, *, stem: str, licence: str) -> FileRecord:
    """Check a staged file, then give it its final name."""
    sizes_file = folder / SIZES_NAME
    try:
        _check_tensors(staged, stem=stem, sizes_file=sizes_file if sizes_file.is_file() else None)
    except WeightsError:
        # A file that is complete and wrong would only be found wrong again.
        staged.unlink(missing_ok=True)
        raise
    record = _record(staged, licence=licence)
    staged.replace(folder / staged.name)
    return record


def _check_tensors(path: Path, *, stem: str, sizes_file: Path | None) -> None:
    # torch takes seconds to import, and most calls find everything in place.
    from vortex_lp.render.liveportrait.weights import check_weight_file

    check_weight_file(path, stem=stem, sizes_file=sizes_file)


def _record(path: Path, *, licence: str) -> FileRecord:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_HASH_BLOCK_BYTES):
            digest.update(block)
    return FileRecord(path.name, path.stat().st_size, digest.hexdigest(), licence)


def _is_in_place(folder: Path, record: FileRecord | None) -> bool:
    """Return whether the recorded file is there; its size stands for it, `--verify` hashes it."""
    if record is None:
        return False
    path = folder / record.name
    return path.is_file() and path.stat().st_size == record.n_bytes


def _finish(done: Downloaded) -> Downloaded:
    shutil.rmtree(done.folder / _STAGING_NAME, ignore_errors=True)
    _write_record(done)
    return done


def _write_record(done: Downloaded) -> None:
    data = {
        "origin": done.origin,
        "revision": done.revision,
        "files": [asdict(record) for record in done.files],
    }
    partial = done.folder / f"{RECORD_NAME}.partial"
    partial.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    partial.replace(done.folder / RECORD_NAME)


def _read_record(folder: Path) -> Downloaded | None:
    """Return what was recorded, or None where nothing readable was."""
    try:
        data = json.loads((folder / RECORD_NAME).read_text("utf-8"))
        files = tuple(
            FileRecord(
                name=str(entry["name"]),
                n_bytes=int(entry["n_bytes"]),
                sha256=str(entry["sha256"]),
                licence=str(entry["licence"]),
            )
            for entry in data["files"]
        )
        return Downloaded(folder, str(data["origin"]), str(data["revision"]), files, n_new=0)
    except (OSError, ValueError, TypeError, KeyError):
        return None
