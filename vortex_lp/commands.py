"""Commands about what was made and what it was made with: verify, licenses, and a run once more."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vortex_lp.errors import SettingsError

if TYPE_CHECKING:
    from vortex_lp.manifest import Run
    from vortex_lp.pipeline import Statement
    from vortex_lp.settings import Settings

EXIT_NOT_GENUINE = 1
"""What ``verify`` ends with where a file says nothing about itself, or was changed."""

_VERDICTS = {
    "valid": "Content Credentials are valid: no byte of picture or sound was changed",
    "broken": "Content Credentials are BROKEN: this file was changed after it was signed",
    "absent": "no Content Credentials",
}


def verify(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="An MP4.")],
    trust: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) of those you trust to sign.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what VIDEO says about its origin, and whether it was changed since."""
    import dataclasses
    import json

    from vortex_lp.pipeline import read_statement

    said = read_statement(video, anchors=_anchors(trust))
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(said), indent=1, ensure_ascii=False))
    else:
        typer.echo(f"{video}: {_VERDICTS[said.state]}")
        for name, value in _lines(said):
            typer.echo(f"  {name:<9} {value}")
    if said.state != "valid":
        raise typer.Exit(EXIT_NOT_GENUINE)


def _anchors(trust: Path | None) -> str | None:
    if trust is None:
        return None
    try:
        return trust.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the certificates {trust} cannot be read ({error}); give a PEM file"
        ) from error


def _lines(said: "Statement") -> list[tuple[str, str]]:
    """Return what there is to say, by name."""
    if said.is_test:
        who = "anybody can sign with this certificate; it does not show who made the video"
    else:
        who = "one of those you trust" if said.is_trusted else "nobody that you said you trust"
    lines = [
        ("made by", said.software),
        ("kind", said.source_type),
        ("says", said.description),
        ("signed by", said.signer and f"{said.signer} ({who})"),
        ("comment", said.comment),
        *(("problem", problem) for problem in said.problems),
    ]
    return [(name, value) for name, value in lines if value]


def licenses() -> None:
    """Print every model, program and library with its licence and what that allows."""
    from vortex_lp.licenses import table

    typer.echo(table())


def with_label(settings: "Settings", label: str | None) -> "Settings":
    """Return `settings` with the words `label` on the picture; as they are for None."""
    from pydantic import ValidationError

    from vortex_lp.settings import ProvenanceSettings

    if label is None:
        return settings
    try:
        provenance = ProvenanceSettings.model_validate(
            {**settings.provenance.model_dump(), "label": label}
        )
    except ValidationError as error:
        raise SettingsError(
            f"the label has {len(label)} characters, more than fit on a picture; shorten it"
        ) from error
    return settings.model_copy(update={"provenance": provenance})


def once_more(
    manifest: Path,
    output: Path,
    *,
    portrait: Path | None,
    audio: Path | None,
    weights: Path | None,
) -> "Run":
    """Return the run that `manifest` describes, having said what is other than it was then."""
    from vortex_lp.manifest import read_manifest

    run = read_manifest(manifest, output, portrait=portrait, audio=audio, weights=weights)
    for note in run.notes:
        typer.echo(f"note: {note}", err=True)
    return run


def compare(run: "Run") -> None:
    """Say whether the video that was made again is the one of then."""
    from vortex_lp.manifest import content_sha256

    if content_sha256(run.request.output) == run.content_sha256:
        typer.echo("picture and sound are the same as then, byte for byte")
    else:
        typer.echo("note: picture or sound are not the same bytes as then", err=True)
