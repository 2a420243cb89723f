"""``"wav2vec2"`` (extra): a large phone recogniser of many languages, by transformers.

The weights are a folder, or a model of the Hugging Face hub that is downloaded when this recogniser
is asked for by name; ``"auto"`` uses them only where they are already there. Only safetensors are
read, never a pickle.
"""

import functools
import importlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import SettingsError, WeightsError
from vortex_lp.settings import Settings
from vortex_lp.speech.ipa import ipa_phones
from vortex_lp.speech.phonemes import VISEME_CLASSES
from vortex_lp.speech.pronounce import TO_SPHINX
from vortex_lp.speech.recognizers.marks import Mark, Words, recognize_by_marks
from vortex_lp.timebase import RECOGNIZER_RATE_HZ
from vortex_lp.values import SILENCE, Recognition, Speech

DELAY_S: Mapping[str, float] = dict.fromkeys(VISEME_CLASSES, 0.03)
"""By how much it marks phones after they begin [s]: a guess, half of a short phone, since the
trained weights could not be measured here. It matters only where alignment fails."""

WORD_GAP_S = 0.12
"""Marks further apart than this begin a new group for the alignment [s]."""

_BOUNDARIES = frozenset({"|", " "})


@dataclass(frozen=True, slots=True, eq=False)
class PhoneNetwork:
    """A loaded network."""

    model: Any
    """A ``Wav2Vec2ForCTC``."""

    tokens: tuple[str, ...]
    """What each of its outputs means, in IPA or marks in angle brackets."""

    blank: int
    """The output that means "nothing new"."""


def recognize_wav2vec2(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return the phones that the network hears.

    Raises:
        SettingsError: transformers is not installed.
        WeightsError: There are no weights, or they are no phone recogniser.
    """
    network = load_network(settings.speech.wav2vec2_model)
    return recognize_by_marks(
        speech,
        hear=functools.partial(hear_marks, network),
        delay_s=DELAY_S,
        recognizer="wav2vec2",
        settings=settings,
        on_progress=on_progress,
    )


def is_available(settings: Settings) -> bool:
    """Return whether transformers is installed and the weights are on this machine."""
    if importlib.util.find_spec("transformers") is None:
        return False
    # Looked up by hand: importing transformers for the question alone would take seconds.
    name, files = settings.speech.wav2vec2_model, ("vocab.json", "model.safetensors")
    if Path(name).is_dir():
        return all((Path(name) / file).is_file() for file in files)
    from huggingface_hub import try_to_load_from_cache

    return all(isinstance(try_to_load_from_cache(name, file), str) for file in files)


@functools.lru_cache(maxsize=2)
def load_network(name: str) -> PhoneNetwork:
    """Return the network in the folder `name`, or of that name on the hub.

    Raises:
        SettingsError: transformers is not installed.
        WeightsError: There are no weights, or they are no phone recogniser.
    """
    try:
        transformers: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise SettingsError(
            "recognizer 'wav2vec2' needs transformers; pip install 'vortex-lp[wav2vec2]'"
        ) from error
    import torch

    try:
        vocabulary = transformers.utils.cached_file(name, "vocab.json")
        model = transformers.Wav2Vec2ForCTC.from_pretrained(name, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"the phone recogniser {name} cannot be loaded ({_first_line(error)}); "
            "check the name, the folder or the network, or use recognizer 'ctc'"
        ) from error
    indices = json.loads(Path(str(vocabulary)).read_text("utf-8"))
    if not isinstance(indices, dict) or max(indices.values()) >= model.config.vocab_size:
        raise WeightsError(f"vocab.json of {name} does not belong to its weights; get both again")
    tokens = ["<unk>"] * model.config.vocab_size
    for token, index in indices.items():
        tokens[index] = token
    device = "cuda" if torch.cuda.is_available() else "cpu"
    blank = model.config.pad_token_id
    return PhoneNetwork(model.eval().to(device), tuple(tokens), int(blank or 0))


def hear_marks(network: PhoneNetwork, sound: npt.NDArray[np.int16]) -> Words:
    """Return the phones in `sound` at 16 kHz, in groups between pauses."""
    import torch

    wave = sound.astype(np.float32) / 32768.0
    wave = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
    with torch.inference_mode():
        device = next(network.model.parameters()).device
        scores = network.model(torch.from_numpy(wave)[None].to(device)).logits[0]
    best = scores.argmax(dim=-1).cpu().tolist()
    return _grouped(best, network, step_s=len(sound) / RECOGNIZER_RATE_HZ / max(len(best), 1))


def _grouped(best: list[int], network: PhoneNetwork, *, step_s: float) -> Words:
    words: Words = [[]]
    before = network.blank
    for index, token in enumerate(best):
        name = network.tokens[token]
        if token not in (before, network.blank) and not name.startswith("<"):
            time_s = (index + 0.5) * step_s
            late = words[-1] and time_s - words[-1][-1].time_s > WORD_GAP_S
            if name in _BOUNDARIES or late:
                words.append([])
            for phone in ipa_phones(name):
                if phone != SILENCE:
                    words[-1].append(Mark(TO_SPHINX.get(phone, phone), time_s))
        before = token
    return [word for word in words if word]


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
