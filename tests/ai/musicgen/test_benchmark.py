"""The benchmark of generation runs every loop that is at hand, and tells what it measured."""

import pytest
import torch

from benchmarks import generation, generation_worker, quantising


@pytest.mark.parametrize("variant", ["plain", "stereo-melody"])
def test_a_worker_draws_and_decodes(variant):
    loop = generation_worker.Ours(variant, "tiny", "cpu", "float32")
    took = generation_worker.measure(loop, {"steps": 3, "takes": 2, "sound": True}, "cpu")
    assert took["sound"] is True
    assert took["wall_s"] > 0.0
    assert took["peak_bytes"] > 2**20


def test_transformers_loop_is_timed_without_its_codec():
    loop = generation_worker.Transformers("plain", "tiny", "cpu", "float32")
    decode = loop._model.audio_encoder.decode
    took = generation_worker.measure(loop, {"steps": 3, "takes": 1, "sound": False}, "cpu")
    assert took["sound"] is False
    assert loop._model.audio_encoder.decode == decode, "and has its codec back"
    assert generation_worker.measure(loop, {"steps": 5, "takes": 1, "sound": True}, "cpu")["sound"] is True


def test_the_table_compares_with_transformers():
    options = generation.parse(["--takes", "1", "2", "--steps", "10"])
    assert options.dtypes == ["float32", "int8"]
    assert generation.parse(["--device", "cuda:0"]).steps == 1500
    contenders = []
    for label, wall_s in (("ours, float32", 2.0), ("transformers, float32", 4.0)):
        contender = generation.Contender(label, None)
        contender.best = {n: {"wall_s": wall_s * n, "cpu_s": wall_s * n, "peak_bytes": 2**30} for n in (1, 2)}
        contender.first = {"wall_s": 3.0, "sound": label.startswith("ours")}
        contenders.append(contender)
    table = generation.tabulate(contenders, options)
    first = [cell.strip() for cell in table.splitlines()[2].split("|")[1:-1]]
    assert first == ["ours, float32", "1", "5.00", "0.200", "20", "0.100", "3.0", "1.00", "2.00"]
    assert table.splitlines()[4].split("|")[7].strip() == "", "no sound, no time of it"


def test_the_cost_of_8_bits_is_small_and_of_none_nothing():
    model = generation_worker.build("plain", "tiny")
    with torch.inference_mode():
        conditions = generation_worker.make_conditions(model, 1, "cpu")
    decoder = quantising.Decoder(model.decoder, "cpu", "float32")
    tokens = decoder.sample(conditions, 12, quantising.DRAWN, [1])
    exact = quantising.find_logits(decoder, conditions, tokens)
    assert quantising.compare(exact, exact)["likeliest the same, %"] == 100.0
    rough = quantising.find_logits(
        quantising.Decoder(generation_worker.build("plain", "tiny").decoder, "cpu", "int8"),
        conditions,
        tokens,
    )
    figures = quantising.compare(exact, rough)
    assert figures["logit error, dB"] < -20.0
    assert figures["KL divergence, nats"] < 0.01
