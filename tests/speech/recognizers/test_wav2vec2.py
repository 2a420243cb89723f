import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.speech.recognizers.test_recognize import SETTINGS, assert_gap_free
from tests.speech.sounds import sample
from vortex_lp.errors import WeightsError
from vortex_lp.settings import Settings
from vortex_lp.speech.recognizers import recognize
from vortex_lp.speech.recognizers.wav2vec2 import hear_marks, is_available, load_network

VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", "p", "b", "aɪ", "uː", "t", "s", "ʃ", "ɛ", "m"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny network with random weights, as transformers saves one."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    torch.manual_seed(3)
    config = Wav2Vec2Config(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )
    path = tmp_path_factory.mktemp("wav2vec2")
    Wav2Vec2ForCTC(config).save_pretrained(path)
    (path / "vocab.json").write_text(
        json.dumps({token: index for index, token in enumerate(VOCABULARY)}), "utf-8"
    )
    return path


def settings_for(name: object) -> Settings:
    speech = SETTINGS.speech.model_copy(update={"wav2vec2_model": str(name)})
    return SETTINGS.model_copy(update={"speech": speech})


class ScriptedNetwork:
    """Stands in for the arithmetic only: gives the outputs that a test writes down."""

    def __init__(self, tokens: list[str]) -> None:
        import torch

        self.weight = torch.zeros(1)
        self.scores = torch.zeros(1, len(tokens), len(VOCABULARY))
        for index, token in enumerate(tokens):
            self.scores[0, index, VOCABULARY.index(token)] = 1.0

    def parameters(self) -> Any:
        return iter([self.weight])

    def __call__(self, wave: Any) -> Any:
        return type("Output", (), {"logits": self.scores})


def test_the_network_is_loaded_from_safetensors_and_heard(folder: Path) -> None:
    network = load_network(str(folder))
    assert network.tokens == tuple(VOCABULARY)
    assert network.blank == 0
    sound = np.random.default_rng(0).integers(-9000, 9000, 32_000).astype(np.int16)
    words = hear_marks(network, sound)
    phones = {mark.phone for word in words for mark in word}
    assert phones <= {"P", "B", "AY", "UW", "T", "S", "SH", "EH", "M"}
    assert all(0 <= mark.time_s <= 2 for word in words for mark in word)
    assert words == hear_marks(network, sound)


def test_recognition_with_it_covers_the_recording(folder: Path) -> None:
    recognition = recognize(
        sample("movie_rms.wav"), recognizer="wav2vec2", settings=settings_for(folder)
    )
    assert recognition.recognizer in {"wav2vec2", "energy"}
    assert_gap_free(recognition, sample("movie_rms.wav"))


def test_repeats_collapse_and_blanks_part_them(folder: Path) -> None:
    network = load_network(str(folder))
    tokens = ["<pad>", "p", "p", "aɪ", "<pad>", "aɪ", "|", "ʃ", "<unk>", "uː"]
    scripted = type(network)(ScriptedNetwork(tokens), network.tokens, network.blank)
    words = hear_marks(scripted, np.zeros(3_200, np.int16))
    assert [[mark.phone for mark in word] for word in words] == [["P", "AY", "AY"], ["SH", "UW"]]
    assert words[0][0].time_s == pytest.approx(0.03)
    assert words[1][1].time_s == pytest.approx(0.19)


def test_auto_takes_it_where_its_weights_are(folder: Path, tmp_path: Path) -> None:
    assert is_available(settings_for(folder))
    assert not is_available(settings_for(tmp_path))
    assert not is_available(settings_for(f"nobody/none-{random.random()}"))


def test_missing_and_foreign_weights_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_network(str(tmp_path))
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "vocab.json").write_text(json.dumps({"p": 99}), "utf-8")
    with pytest.raises(WeightsError, match="does not belong"):
        load_network(str(tmp_path))
