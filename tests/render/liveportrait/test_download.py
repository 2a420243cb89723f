"""Downloads from a real server on the loopback: whole, interrupted, damaged, refused."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.render.liveportrait.hub_server import COMMIT, HubServer, serve
from tests.render.liveportrait.recipe import TOY
from tests.render.liveportrait.weights_folder import (
    write_official_folder,
    write_safetensors_folder,
)
from vortex_lp.errors import WeightsError
from vortex_lp.render.liveportrait import hub as hub_module
from vortex_lp.render.liveportrait.download import (
    RECORD_NAME,
    Progress,
    download_weights,
    verify_weights,
)
from vortex_lp.render.liveportrait.files import SIZES_NAME, STEMS, find_weights
from vortex_lp.render.liveportrait.weights import load_networks, write_sizes


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "RETRY_WAITS_S", (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy weights in both layouts in one folder, as a repository holds them."""
    folder = tmp_path_factory.mktemp("hub") / "repository"
    write_safetensors_folder(folder, TOY)
    write_official_folder(folder, TOY)
    return folder


@pytest.fixture
def hub(published: Path) -> Iterator[HubServer]:
    with serve(published) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A target that says which sizes belong into it: the server has toy weights."""
    folder = tmp_path / "cache"
    folder.mkdir()
    write_sizes(TOY, folder / SIZES_NAME)
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("source", "suffix"), [("safetensors", "safetensors"), ("official", "pth")]
)
def test_a_download_gives_weights_that_load(
    hub: HubServer, cache: Path, source: str, suffix: str
) -> None:
    seen: list[Progress] = []
    done = download_weights(source, cache, endpoint=hub.address, on_progress=seen.append)  # type: ignore[arg-type]
    assert done.revision == COMMIT
    assert [record.name for record in done.files] == [f"{stem}.{suffix}" for stem in STEMS]
    for record in done.files:
        content = (cache / record.name).read_bytes()
        assert record.sha256 == hashlib.sha256(content).hexdigest()
        assert "MIT" in record.licence
    assert {(p.done_bytes, p.total_bytes) for p in seen} >= {
        (record.n_bytes, record.n_bytes) for record in done.files
    }
    assert names(cache) == {*(record.name for record in done.files), RECORD_NAME, SIZES_NAME}
    load_networks(find_weights(cache))
    assert verify_weights(cache).files == done.files


def test_a_second_download_fetches_nothing(hub: HubServer, cache: Path) -> None:
    download_weights(cache_dir=cache, endpoint=hub.address)
    hub.gets.clear()
    again = download_weights(cache_dir=cache, endpoint=hub.address)
    assert again.n_new == 0
    assert hub.gets == []
    assert download_weights(cache_dir=cache, endpoint=hub.address, force=True).n_new == len(STEMS)


def test_a_cut_connection_is_resumed(
    hub: HubServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The hub's library keeps whole blocks only; its own are larger than all our toy weights.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    hub.cut_after["spade_generator.safetensors"] = 10_000
    download_weights(cache_dir=cache, endpoint=hub.address)
    ranges = [asked for name, asked in hub.gets if name == "spade_generator.safetensors"]
    assert ranges[0] is None
    assert "bytes=10000-" in ranges
    load_networks(find_weights(cache))


def test_a_server_that_is_busy_is_asked_again(hub: HubServer, cache: Path) -> None:
    hub.fail_first = 2
    assert download_weights(cache_dir=cache, endpoint=hub.address).n_new == len(STEMS)


def test_without_a_network_one_sentence_and_nothing_broken(cache: Path) -> None:
    before = names(cache)
    with pytest.raises(WeightsError, match="check the network") as caught:
        download_weights(cache_dir=cache, endpoint="http://127.0.0.1:9")
    assert "\n" not in str(caught.value)
    assert names(cache) == before


def test_an_unknown_file_is_not_retried(hub: HubServer, cache: Path, published: Path) -> None:
    with serve(published / "liveportrait") as other, pytest.raises(WeightsError, match="404"):
        download_weights(cache_dir=cache, endpoint=other.address)


def test_a_wrong_file_never_gets_a_weight_files_name(tmp_path: Path, cache: Path) -> None:
    broken = write_safetensors_folder(tmp_path / "broken", TOY)
    (broken / "warping_module.safetensors").write_bytes(
        (broken / "motion_extractor.safetensors").read_bytes()
    )
    with serve(broken) as server, pytest.raises(WeightsError, match="warping_module"):
        download_weights(cache_dir=cache, endpoint=server.address)
    assert "warping_module.safetensors" not in names(cache)
    assert "motion_extractor.safetensors" in names(cache)


def test_published_sizes_are_demanded_where_nothing_else_is_said(
    hub: HubServer, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match="shape"):
        download_weights(cache_dir=tmp_path / "fresh", endpoint=hub.address)


def test_a_local_folder_serves_without_a_network(published: Path, tmp_path: Path) -> None:
    done = download_weights(cache_dir=tmp_path / "cache", from_dir=published)
    assert done.revision == "local"
    load_networks(find_weights(tmp_path / "cache"))


def test_a_changed_file_fails_verification(published: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    download_weights(cache_dir=cache, from_dir=published)
    path = cache / "motion_extractor.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="has changed"):
        download_weights(cache_dir=cache, verify=True)
