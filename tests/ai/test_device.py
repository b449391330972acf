"""Choosing a device: on this machine for real, and for cards that are not here by what torch would say of them."""

import errno
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from beatflow.ai import device as device_module
from beatflow.ai.device import (
    Device,
    choose_device,
    choose_dtype,
    explain_unfit,
    has_kernels,
    import_torch,
    is_out_of_memory,
    memory_guard,
    release_memory,
)
from beatflow.errors import EngineError, MemoryShortError, UsageError

CPU = Device("cpu", 0, "CPU", 1, 1)
CARD = Device("cuda", 1, "NVIDIA H100", 1, 1)
OLD_WHEEL = ["sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"]


def fake_torch(
    capability: tuple[int, int] = (9, 0),
    archs: list[str] | None = None,
    count: int = 1,
    cuda: str | None = "12.6",
    mps: bool = False,
    hip: str | None = None,
) -> Any:
    """What torch says of itself on a machine with cards."""
    return SimpleNamespace(
        __version__="2.7.0",
        version=SimpleNamespace(cuda=cuda, hip=hip),
        cuda=SimpleNamespace(
            is_available=lambda: count > 0,
            device_count=lambda: count,
            get_device_name=lambda index: "NVIDIA GeForce RTX 5090",
            get_device_capability=lambda index: capability,
            get_arch_list=lambda: OLD_WHEEL if archs is None else archs,
            get_device_properties=lambda index: SimpleNamespace(gcnArchName="gfx1100:xnack-"),
            mem_get_info=lambda index: (3 << 30, 8 << 30),
        ),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        mps=SimpleNamespace(recommended_max_memory=lambda: 1000, driver_allocated_memory=lambda: 400),
    )


def use(monkeypatch: pytest.MonkeyPatch, fake: Any) -> None:
    monkeypatch.setattr(device_module, "import_torch", lambda: fake)


def test_cpu_is_always_there() -> None:
    device = choose_device("cpu")
    assert (device.kind, device.torch_name) == ("cpu", "cpu")
    assert 0 < device.free_bytes <= device.total_bytes


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_without_gpu_auto_is_the_cpu_and_a_gpu_is_refused() -> None:
    assert choose_device() == choose_device("auto") or choose_device().kind == "cpu"
    with pytest.raises(EngineError) as caught:
        choose_device("cuda")
    assert "--device cpu" in (caught.value.hint or "")
    with pytest.raises(EngineError, match="no Apple GPU"):
        choose_device("mps")


@pytest.mark.parametrize("wanted", ["tpu", "cuda:", "cuda:-1", "cpu:0", "", "cuda:99999"])
def test_words_that_are_no_device(wanted: str) -> None:
    with pytest.raises(UsageError):
        choose_device(wanted)


@pytest.mark.parametrize(
    ("capability", "archs", "runs"),
    [
        ((8, 6), ["sm_80"], True),  # machine code of the same generation
        ((8, 0), ["sm_86"], False),
        ((9, 0), ["sm_80"], False),
        ((9, 0), ["sm_80", "compute_80"], True),  # compiled on the spot
        ((12, 0), OLD_WHEEL, False),
        ((12, 0), [*OLD_WHEEL, "compute_90"], True),
        ((12, 0), ["sm_120"], True),
        ((12, 1), ["sm_120"], True),
        ((10, 0), ["sm_90a"], False),
        ((9, 0), ["sm_90a"], True),
        ((10, 3), ["sm_100f"], True),
        ((9, 0), [], True),
        ((6, 1), ["gibberish", "sm_60"], True),
    ],
)
def test_kernels(capability: tuple[int, int], archs: list[str], runs: bool) -> None:
    assert has_kernels(capability, archs) is runs


def test_a_card_without_kernels_is_named_with_the_torch_that_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch, fake_torch((12, 0)))
    with pytest.raises(EngineError) as caught:
        choose_device("cuda")
    assert (
        caught.value.message == "torch 2.7.0 (CUDA 12.6) has no kernels for NVIDIA GeForce RTX 5090 (sm_120)"
    )
    assert "CUDA 12.8" in (caught.value.hint or "")
    assert choose_device("auto").kind == "cpu"


@pytest.mark.parametrize(("capability", "word"), [((5, 0), "CUDA 12.6"), ((8, 9), "pytorch.org")])
def test_other_cards_without_kernels(capability: tuple[int, int], word: str) -> None:
    unfit = explain_unfit(fake_torch(capability, ["sm_100"]), 0)
    assert unfit is not None
    assert word in unfit[1]


def test_amd_cards_are_compared_by_name() -> None:
    assert explain_unfit(fake_torch(hip="6.2", archs=["gfx1100"]), 0) is None
    unfit = explain_unfit(fake_torch(hip="6.2", archs=["gfx90a"]), 0)
    assert unfit is not None
    assert "gfx1100" in unfit[0]


def test_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, fake_torch(count=2))
    device = choose_device("CUDA:1")
    assert (device.torch_name, device.total_bytes, device.free_bytes) == ("cuda:1", 8 << 30, 3 << 30)
    assert choose_device("auto").torch_name == "cuda:0"
    with pytest.raises(EngineError, match="the last is cuda:1"):
        choose_device("cuda:2")


def test_a_card_that_torch_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, fake_torch(count=0))
    with pytest.raises(EngineError, match="driver"):
        choose_device("cuda")
    use(monkeypatch, fake_torch(count=0, cuda=None))
    with pytest.raises(EngineError, match="for the CPU alone"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("words", "error"), [("CUDA error: out of memory", MemoryShortError), ("device lost", EngineError)]
)
def test_a_card_that_does_not_answer(
    words: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_torch()

    def fail(index: int) -> None:
        raise RuntimeError(words)

    fake.cuda.mem_get_info = fail
    use(monkeypatch, fake)
    with pytest.raises(error):
        choose_device("cuda")


def test_apple_silicon(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, fake_torch(count=0, cuda=None, mps=True))
    device = choose_device()
    assert (device.kind, device.torch_name, device.total_bytes, device.free_bytes) == (
        "mps",
        "mps",
        1000,
        600,
    )


@pytest.mark.parametrize(
    ("device", "capability", "wanted", "dtype"),
    [
        (CPU, (0, 0), "auto", "float32"),
        (CPU, (0, 0), "bfloat16", "bfloat16"),
        (CPU, (0, 0), "int8", "int8"),
        (CARD, (9, 0), "auto", "float16"),
        (CARD, (6, 1), "auto", "float32"),
        (CARD, (9, 0), "bfloat16", "bfloat16"),
        (Device("mps", 0, "", 1, 1), (0, 0), "auto", "float32"),
    ],
)
def test_dtype(
    device: Device, capability: tuple[int, int], wanted: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, fake_torch(capability))
    assert choose_dtype(device, wanted) == dtype


@pytest.mark.parametrize(
    ("device", "wanted", "error"),
    [
        (CPU, "float16", EngineError),
        (CARD, "int8", EngineError),
        (CARD, "bfloat16", EngineError),
        (CPU, "float8", UsageError),
    ],
)
def test_dtype_that_cannot_be(
    device: Device, wanted: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, fake_torch((7, 5)))
    with pytest.raises(error):
        choose_dtype(device, wanted)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryShortError("no"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
        RuntimeError("Invalid buffer size: 16.00 GiB"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."
        ),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_errors_that_mean_memory(error: Exception) -> None:
    assert is_out_of_memory(error)
    wrapped = ValueError("while loading")
    wrapped.__cause__ = error
    assert is_out_of_memory(wrapped)


def test_errors_that_mean_something_else() -> None:
    assert not is_out_of_memory(RuntimeError("size mismatch"))
    assert not is_out_of_memory(ValueError("out of memory"))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))
    circle = RuntimeError("a")
    circle.__cause__ = circle
    assert not is_out_of_memory(circle)


def test_guard_turns_the_cpus_own_error_into_ours() -> None:
    with (
        pytest.raises(MemoryShortError, match=r"musicgen-large does not fit .*bytes more") as caught,
        memory_guard("musicgen-large", "--engine musicgen-small"),
    ):
        torch.empty(1 << 55)
    assert caught.value.hint == "--engine musicgen-small"
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_guard_lets_the_rest_through() -> None:
    with pytest.raises(ZeroDivisionError), memory_guard("it", "smaller"):
        1 / 0  # noqa: B018
    ours = MemoryShortError("already said", "hint")
    with pytest.raises(MemoryShortError) as caught, memory_guard("it", "smaller"):
        raise ours
    assert caught.value is ours


def test_guard_lets_go_of_what_the_failed_call_held() -> None:
    class Held:
        gone = False

        def __del__(self) -> None:
            Held.gone = True

    def work() -> None:
        held = Held()
        raise MemoryError(held is None)

    with pytest.raises(MemoryShortError), memory_guard("it", "smaller"):
        work()
    assert Held.gone


def test_release_empties_the_caches_that_are_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    emptied = []
    fake = fake_torch(mps=True)
    fake.cuda.is_initialized = lambda: True
    fake.cuda.empty_cache = lambda: emptied.append("cuda")
    fake.mps.empty_cache = lambda: emptied.append("mps")
    monkeypatch.setitem(sys.modules, "torch", fake)
    release_memory()
    assert emptied == ["cuda", "mps"]


def test_release_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    release_memory()


def test_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineError, match="torch") as caught:
        import_torch()
    assert "beatflow[ai]" in (caught.value.hint or "")
