"""What 8 bits cost MusicGen in quality: ``python -m benchmarks.quantising``.

One model in float32 and in another number format hears the same tokens, drawn by the float32 one, and their logits are
compared step by step after guidance. With random weights the layers' products are as in a trained model of this size,
the distributions are not: they are flatter, so that agreement is the worse and divergence the smaller figure.
"""

import argparse
from typing import Any

import torch

from beatflow.ai.engine import Sampling
from beatflow.ai.musicgen.decoder import Conditions, Decoder
from beatflow.ai.musicgen.delay import build_grid, get_offsets
from beatflow.ai.musicgen.sampling import guide
from beatflow.ai.musicgen.session import PACES, Session, Shape
from benchmarks.generation_worker import GUIDANCE, SEED, TOP_K, build, make_conditions

FORCED = Sampling(top_k=1, guidance=GUIDANCE)
DRAWN = Sampling(1.0, TOP_K, 0.0, GUIDANCE)


@torch.inference_mode()
def find_logits(decoder: Decoder, conditions: Conditions, tokens: torch.Tensor) -> torch.Tensor:
    """Logits of every step of given tokens, guidance done, shape (steps, codebooks, vocabulary)."""
    transformer = decoder._transformer
    offsets = get_offsets(transformer.codebooks, 1)
    grid = build_grid(tokens, 0, offsets, transformer.vocabulary)
    rows, length = conditions.states.shape[:2]
    shape = Shape(1, rows, grid.shape[2], length, conditions.prefix, False, FORCED)
    session = Session(transformer, shape, PACES["cpu"])
    session.start(grid, conditions.states, torch.ones((rows, length)), 0)
    heard: list[torch.Tensor] = []
    plain = transformer.get_logits

    def listen(states: torch.Tensor) -> torch.Tensor:
        logits = plain(states)
        heard.append(guide(logits, GUIDANCE)[0])
        return logits

    transformer.get_logits = listen  # type: ignore[method-assign]  # only here somebody listens
    for _ in session.run(0, None):
        pass
    # The first and the last columns, where some codebooks are padding, do not count.
    return torch.stack(heard)[max(offsets) : -max(offsets)]


def compare(exact: torch.Tensor, rough: torch.Tensor) -> dict[str, float]:
    """Error of the logits to their spread, agreement of the likeliest tokens, divergence of what is drawn from."""
    spread = exact - exact.mean(-1, keepdim=True)
    error = (rough - rough.mean(-1, keepdim=True)) - spread
    first, second = exact.log_softmax(-1), rough.log_softmax(-1)
    count = min(TOP_K, exact.shape[-1] // 8)
    kept = exact.topk(count).indices
    shared = torch.zeros_like(exact).scatter_(-1, rough.topk(count).indices, 1.0).gather(-1, kept)
    return {
        "logit error, dB": 20.0 * float((error.square().mean() / spread.square().mean()).sqrt().log10()),
        "likeliest the same, %": 100.0 * float((exact.argmax(-1) == rough.argmax(-1)).float().mean()),
        "top k the same, %": 100.0 * float(shared.mean()),
        "KL divergence, nats": float((first.exp() * (first - second)).sum(-1).mean()),
    }


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quantising", description=__doc__)
    parser.add_argument("--model", default="small", choices=("tiny", "small", "medium", "large"))
    parser.add_argument("--dtypes", nargs="+", default=["int8"], help="int8 bfloat16 float16")
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()

    def make(dtype: str) -> tuple[Decoder, Any]:
        model = build("plain", options.model)
        with torch.inference_mode():
            conditions = make_conditions(model, 1, "cpu")
        return Decoder(model.decoder, "cpu", dtype), conditions

    decoder, conditions = make("float32")
    tokens = decoder.sample(conditions, options.steps, DRAWN, [SEED])
    exact = find_logits(decoder, conditions, tokens)
    del decoder
    for dtype in options.dtypes:
        decoder, conditions = make(dtype)
        drawn = decoder.sample(conditions, options.steps, DRAWN, [SEED])
        figures = compare(exact, find_logits(decoder, conditions, tokens))
        figures["drawn with the same seed the same, %"] = 100.0 * float((drawn == tokens).float().mean())
        print(f"{dtype}: " + "; ".join(f"{name} {figure:.4g}" for name, figure in figures.items()))


if __name__ == "__main__":
    main()
