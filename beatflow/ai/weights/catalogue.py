"""The weights that BeatFlow knows: where the hub has them, what they are for, their licence and size.

A table and no more: loads nothing and touches neither disk nor network. Sizes are reckoned from the number of
parameters, so they are approximate; digests are not here: the hub tells them when weights are pulled.
"""

from dataclasses import dataclass
from difflib import get_close_matches

from beatflow.errors import EngineError


@dataclass(frozen=True, slots=True)
class Model:
    """Weights that can be pulled.

    Parameters
    ----------
    name : str
        As in ``bf models`` and ``EngineInfo.weights``.
    task : str
        Of the engine's tasks.
    repository : str
        On the Hugging Face hub.
    files : tuple of str
        What is needed of it for the default runtime; patterns as in ``fnmatch``, with ``|`` between alternatives, of
        which the first that is there is taken.
    size_bytes : int
        To download for the default runtime.
    memory_bytes : int
        To run on a GPU, in half precision where it is a generator; see `memory_on`.
    licence : str
        SPDX expression of the weights.
    words : str
        What it is, in a few words.
    extras : tuple of str
        Small files that are fetched as well where there are any; patterns.
    audiocraft_files : tuple of str
        What the audiocraft runtime needs in the place of ``files``; empty where it cannot run it.
    audiocraft_bytes : int
        To download for it.
    """

    name: str
    task: str
    repository: str
    files: tuple[str, ...]
    size_bytes: int
    memory_bytes: int
    licence: str
    words: str
    extras: tuple[str, ...] = ()
    audiocraft_files: tuple[str, ...] = ()
    audiocraft_bytes: int = 0

    def files_for(self, runtime: str) -> tuple[str, ...]:
        """What a runtime needs; ``auto`` is the default one."""
        return self.audiocraft_files if runtime == "audiocraft" and self.audiocraft_files else self.files

    def bytes_for(self, runtime: str) -> int:
        """About how much there is to download for a runtime."""
        return self.audiocraft_bytes if runtime == "audiocraft" and self.audiocraft_files else self.size_bytes

    def memory_on(self, kind: str) -> int:
        """About the memory that it needs on a kind of device: generators compute in half precision on CUDA alone."""
        return (
            self.memory_bytes
            if kind == "cuda" or self.task in ("separate", "mood")
            else 2 * self.memory_bytes
        )


_SAVED = "model*.safetensors|pytorch_model*.bin"
_TRANSFORMERS = ("config.json", "tokenizer.json|spiece.model", _SAVED)
_AUDIOCRAFT = ("state_dict.bin", "compression_state_dict.bin")

# Counted on the architectures: the T5 encoder (t5-base), EnCodec at 32 kHz, and the file of it in audiocraft's format.
_T5 = 109_600_000
_ENCODEC = 56_900_000
_ENCODEC_BYTES = 236_000_000
_DEMUCS_WORKSPACE = 1_300_000_000
"""A window of htdemucs's 7.8 s and the program: 1.26 GB were its most, measured on a CPU; rounded up for CUDA's own."""
_CLAP_WORKSPACE = 500_000_000
_WORKSPACE = 700_000_000
"""CUDA's own context and what the decoder of the codec needs for 30 s."""


def _musicgen(name: str, words: str, width: int, layers: int, task: str = "generate") -> Model:
    """Reckon a MusicGen: layers of 16 width**2 parameters, 12 where the melody goes before and not across."""
    codebooks = 8 if "stereo" in name else 4
    blocks = layers * (12 if "melody" in name else 16) * width**2
    decoder = blocks + 2 * codebooks * 2049 * width
    parameters = decoder + _T5 + _ENCODEC
    # Keys and values of two rows (with and without the prompt), 30 s of 50 steps, 2 bytes each.
    cache = 2 * 1500 * layers * 2 * width * 2
    return Model(
        name,
        task,
        f"facebook/{name}",
        _TRANSFORMERS,
        4 * parameters,
        2 * parameters + cache + _WORKSPACE,
        "CC-BY-NC-4.0",
        words,
        ("*.json", "spiece.model"),
        _AUDIOCRAFT,
        2 * decoder + _ENCODEC_BYTES,
    )


def _demucs(name: str, repository: str, size_bytes: int, words: str) -> Model:
    return Model(
        name,
        "separate",
        f"adefossez/{repository}",
        (f"{name}.yaml|*.yaml", "*.safetensors"),
        size_bytes,
        # The files hold two bytes of a number, memory four.
        _DEMUCS_WORKSPACE + 2 * size_bytes,
        "MIT",
        words,
    )


_SMALL, _MEDIUM, _LARGE = (1024, 24), (1536, 48), (2048, 48)


def _clap(name: str, repository: str, parameters: int, words: str) -> Model:
    return Model(
        name,
        "mood",
        f"laion/{repository}",
        ("config.json", "preprocessor_config.json", "tokenizer.json|vocab.json", _SAVED),
        4 * parameters,
        4 * parameters + _CLAP_WORKSPACE,
        "Apache-2.0",
        words,
        ("*.json", "merges.txt"),
    )


_TABLE = (
    _musicgen("musicgen-small", "words to music", *_SMALL),
    _musicgen("musicgen-medium", "words to music", *_MEDIUM),
    _musicgen("musicgen-large", "words to music", *_LARGE),
    _musicgen("musicgen-melody", "words and a melody to music", *_MEDIUM, "accompany"),
    _musicgen("musicgen-melody-large", "words and a melody to music", *_LARGE, "accompany"),
    _musicgen("musicgen-stereo-small", "words to music, stereo", *_SMALL),
    _musicgen("musicgen-stereo-medium", "words to music, stereo", *_MEDIUM),
    _musicgen("musicgen-stereo-large", "words to music, stereo", *_LARGE),
    _musicgen("musicgen-stereo-melody", "words and a melody to music, stereo", *_MEDIUM, "accompany"),
    _musicgen("musicgen-stereo-melody-large", "words and a melody to music, stereo", *_LARGE, "accompany"),
    _demucs("htdemucs", "HTDemucs", 84_000_000, "a mix to 4 stems"),
    _demucs("htdemucs_ft", "HTDemucs-ft", 336_000_000, "a mix to 4 stems, a model for each"),
    _demucs("htdemucs_6s", "HTDemucs-6s", 55_000_000, "a mix to 6 stems, guitar and piano too"),
    # Counted on transformers' ClapModel, of HTSAT-base and HTSAT-tiny with RoBERTa-base.
    _clap("clap", "larger_clap_music", 193_900_000, "how near music is to words"),
    _clap("clap-general", "clap-htsat-unfused", 153_500_000, "how near any sound is to words"),
    Model(
        "t5-base",
        "generate",
        "google-t5/t5-base",
        ("config.json", "tokenizer.json|spiece.model", "model*.safetensors|pytorch_model*.bin"),
        892_000_000,
        2 * _T5,
        "Apache-2.0",
        "reads the words, for the audiocraft runtime",
        ("*.json", "spiece.model"),
    ),
)

MODELS = {model.name: model for model in _TABLE}
"""Name to model, in the order in which they are shown."""


def get_model(name: str) -> Model:
    """Look a model up; ``facebook/musicgen-small`` is found as well.

    Raises
    ------
    EngineError
        It is not in the table.
    """
    if name in MODELS:
        return MODELS[name]
    for model in _TABLE:
        if model.repository.lower() == name.lower():
            return model
    close = get_close_matches(name, MODELS, 1)
    guess = f"; did you mean {close[0]}?" if close else ""
    raise EngineError(f"no model {name!r}{guess}", hint="bf models list shows them")
