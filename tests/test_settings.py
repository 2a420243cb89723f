from pathlib import Path
from typing import Any

import pytest
import yaml

from vortex_lp.errors import SettingsError
from vortex_lp.resources import resource_folder
from vortex_lp.settings import DEFAULT_CONFIG, load_settings, parse_settings

TEXT = (resource_folder("configs") / DEFAULT_CONFIG).read_text("utf-8")


def changed(**sections: dict[str, Any]) -> str:
    """Return the default settings with some values of some sections replaced."""
    data = yaml.safe_load(TEXT)
    for name, values in sections.items():
        data.setdefault(name, {}).update(values)
    return yaml.safe_dump(data)


def test_the_defaults_load_and_are_read_once() -> None:
    assert load_settings() is load_settings()
    assert load_settings() == parse_settings(TEXT)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().limits.max_pixels = 3  # type: ignore[misc]


def test_an_unknown_key_is_named_with_the_nearest() -> None:
    with pytest.raises(
        SettingsError,
        match=r"unknown key 'limits.max_pixel'; the nearest known one is 'max_pixels'",
    ):
        parse_settings(changed(limits={"max_pixel": 3}))


def test_an_unknown_section_is_named_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"unknown key 'limit'; .* 'limits'"):
        parse_settings(changed(limit={"max_pixels": 3}))


def test_an_unknown_key_deep_inside_is_named() -> None:
    data = yaml.safe_load(TEXT)
    data["presets"]["happy"]["intensty"] = 0.4
    with pytest.raises(
        SettingsError, match=r"'presets.happy.intensty'; the nearest known one is 'intensity'"
    ):
        parse_settings(yaml.safe_dump(data))
    data = yaml.safe_load(TEXT)
    data["motion"]["blink"]["gap"] = [1, 2]
    with pytest.raises(
        SettingsError, match=r"'motion.blink.gap'; the nearest known one is 'gap_s'"
    ):
        parse_settings(yaml.safe_dump(data))


def test_a_missing_key_is_named() -> None:
    data = yaml.safe_load(TEXT)
    del data["limits"]["max_pixels"]
    with pytest.raises(SettingsError, match=r"key 'limits.max_pixels' is missing"):
        parse_settings(yaml.safe_dump(data))


def test_a_value_out_of_range_is_named_with_the_value() -> None:
    data = yaml.safe_load(TEXT)
    data["presets"]["happy"]["intensity"] = 1.4
    with pytest.raises(SettingsError, match=r"presets.happy.intensity = 1.4 is wrong"):
        parse_settings(yaml.safe_dump(data))


def test_a_range_the_wrong_way_round_is_refused() -> None:
    data = yaml.safe_load(TEXT)
    data["motion"]["blink"]["gap_s"] = [6, 2]
    with pytest.raises(SettingsError, match=r"motion.blink.gap_s .* the smaller one first"):
        parse_settings(yaml.safe_dump(data))


def test_a_shape_that_arkit_lacks_is_named_with_the_nearest() -> None:
    data = yaml.safe_load(TEXT)
    data["presets"]["happy"]["shape"]["mouthSmileLft"] = 0.4
    with pytest.raises(SettingsError, match=r"'mouthSmileLft' is no ARKit .* 'mouthSmileLeft'"):
        parse_settings(yaml.safe_dump(data))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limits: [", "not valid YAML"),
        ("- a\n- b", "must be a mapping of settings, not list"),
        ("", "must be a mapping of settings, not NoneType"),
        ("!!python/object/apply:os.system [ls]", "not valid YAML"),
    ],
)
def test_what_are_no_settings_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_settings(text, name="mine.yaml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere.yaml cannot be read .* give another one"):
        load_settings(tmp_path / "nowhere.yaml")


def test_another_file_can_add_an_expression(tmp_path: Path) -> None:
    sly = {
        "intensity": 0.5,
        "eye_openness": 0.4,
        "mouth_scale": 1.0,
        "head_motion": 0.2,
        "shape": {"mouthSmileLeft": 0.6},
    }
    (tmp_path / "mine.yaml").write_text(changed(presets={"sly": sly}), "utf-8")
    assert load_settings(tmp_path / "mine.yaml").presets["sly"].shape == {"mouthSmileLeft": 0.6}
