"""The map in docs/architecture.md as a test: who may import whom, and where heavy packages live."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "vortex_lp"
CORE = {
    *("errors", "values", "timebase", "settings", "resources", "progress", "uploads", "watchdog"),
    "background",
    "__init__",
}
STAGES = {"face", "speech", "motion", "render", "video", "report"}
MAY_IMPORT = {
    **{name: CORE for name in CORE | STAGES},
    "__init__": CORE | {"pipeline", "request", "model", "tensors"},
    "render": CORE | {"face"},
    "report": CORE | {"face"},
    "request": CORE | STAGES,
    "pipeline": CORE | STAGES | {"request"},
    "exports": CORE | STAGES | {"pipeline", "request"},
    "batch": CORE | {"pipeline", "request"},
    "model": CORE | {"pipeline", "request"},
    "tensors": CORE | {"speech"},
    "ui": CORE | {"pipeline", "request", "exports", "report"},
    "cli": CORE
    | {"pipeline", "request", "report", "exports", "batch", "doctor", "terminal", "ui"}
    | {"commands", "manifest", "options", "upkeep"},
    "options": CORE,
    "upkeep": CORE | {"options", "doctor", "terminal"},
    "commands": CORE | {"pipeline", "manifest", "licenses"},
    "manifest": CORE | STAGES | {"request"},
    "licenses": CORE,
    "terminal": CORE,
    "__main__": {"cli"},
    # The doctor looks at every organ; that is its job.
    "doctor": CORE | STAGES | {"pipeline"},
}
EXCEPTIONS = {"upkeep.py": {"vortex_lp.render.liveportrait.download"}}
"""Modules that a door may open although their layer is closed to it."""

HEAVY = {
    "torch": {"render/liveportrait", "speech/recognizers/wav2vec2.py", "model.py", "tensors.py"},
    "cv2": {"render", "report"},
    "gradio": {"ui"},
    "pocketsphinx": {"speech"},
    "librosa": {"speech"},
    "mediapipe": {"face"},
    "imageio_ffmpeg": {"video", "report", "speech/audio.py"},
    "typer": {"cli.py", "commands.py", "options.py", "upkeep.py"},
    "ray": {"batch/ray_cluster.py"},
}


def imports(path: Path) -> set[str]:
    """Return every dotted name that a module imports, wherever the import stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_module_imports_only_what_its_layer_allows(path: Path) -> None:
    inside = path.relative_to(PACKAGE)
    layer = inside.parts[0].removesuffix(".py")
    assert layer in MAY_IMPORT, f"{inside} is in no layer; give it one in docs/architecture.md"
    for name in imports(path):
        root, _, rest = name.partition(".")
        if name.rpartition(".")[0] in EXCEPTIONS.get(str(inside), ()):
            continue
        if root == "vortex_lp" and rest and rest != "__version__":
            assert rest.split(".")[0] in MAY_IMPORT[layer] | {layer}, f"{inside} imports {name}"
        if root in HEAVY:
            assert any(inside.is_relative_to(home) for home in HEAVY[root]), f"{inside}: {name}"


def test_the_map_names_every_folder() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
    for folder in sorted(STAGES | {"ui"}):
        assert f"`{folder}/`" in page, folder


@pytest.mark.parametrize("module", ["vortex_lp", "vortex_lp.cli", "vortex_lp.pipeline"])
def test_importing_is_free(module: str) -> None:
    """Nothing slow comes in with the doors, so that ``--help`` is quick."""
    code = (
        f"import sys, {module}; "
        "print(*sorted({'torch', 'mediapipe', 'gradio', 'numba', 'librosa', 'scipy', 'cv2', "
        "'pocketsphinx', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
