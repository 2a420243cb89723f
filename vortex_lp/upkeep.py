"""Commands that look after an installation: fetch the weights, and see what is wrong."""

from pathlib import Path
from typing import Annotated

import typer

from vortex_lp.errors import SettingsError
from vortex_lp.options import EXIT_MISTAKE, Device, Weights
from vortex_lp.terminal import progress_bar


def download(
    source: Annotated[str, typer.Option(help="safetensors or official.")] = "safetensors",
    cache_dir: Annotated[
        Path | None, typer.Option(help="Where to put them.", show_default="the user's cache")
    ] = None,
    revision: Annotated[str, typer.Option(help="Branch, tag or commit.")] = "main",
    from_dir: Annotated[
        Path | None, typer.Option("--from", help="Take them from this folder, not the network.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is there.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Only check what is there.")] = False,
) -> None:
    """Fetch LivePortrait's weights, once, and check every tensor of them."""
    from vortex_lp.render.liveportrait.download import REPOSITORIES, download_weights

    known = {name: name for name in REPOSITORIES}
    if source not in known:
        raise SettingsError(f"there is no source {source!r}; use {' or '.join(known)}")
    with progress_bar(in_bytes=True) as show:
        done = download_weights(
            known[source],
            cache_dir,
            revision=revision,
            force=force,
            verify=verify,
            from_dir=from_dir,
            on_progress=lambda step: show(
                f"{step.file} ({step.file_number} of {step.n_files})",
                step.done_bytes,
                step.total_bytes,
            ),
        )
    for record in done.files:
        size = f"{record.n_bytes / 1e6:.1f} MB"
        typer.echo(f"{record.name}  {size}  sha256 {record.sha256}  {record.licence}")
    what = "checked" if verify else f"{done.n_new} new"
    typer.echo(f"{done.folder}: {len(done.files)} files, {what}, from {done.origin}")


def doctor(weights: Weights = None, device: Device = None) -> None:
    """Look at this machine: what is there, what is missing, and which renderer it would use."""
    from vortex_lp.doctor import examine

    findings = examine(weights=weights, device=device)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = {True: "ok ", False: "NO ", None: "-  "}[finding.is_good]
        typer.echo(f"{mark} {finding.name:<{width}}  {finding.value}")
    if any(finding.is_good is False for finding in findings):
        raise typer.Exit(EXIT_MISTAKE)
