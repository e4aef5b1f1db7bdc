"""DSD on maps: the published sum, its special cases, and what goes wrong where."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.dsd import DeepSupervision, DualSelfDistillation
from napari_selfreg.nets.tap_shapes import TapShape
from tests.nets import plain_dsd, volumes

DECODER, ENCODER = ("D2", "D3", "B"), ("E1", "E2", "E3")
SIZE = (8, 16, 8)


def dsd(of: dict[str, TapShape] | None = None, **options: Any) -> DualSelfDistillation:
    torch.manual_seed(3)
    return DualSelfDistillation(of or volumes.shapes(), 2, **options)


def plainly(
    module: DualSelfDistillation, maps: dict[str, Tensor], target: Tensor, **options: Any
) -> Tensor:
    size = tuple(target.shape[1:])
    logits = {b: module.head(b)(maps[b], size) for b in (*DECODER, *ENCODER)}
    return plain_dsd.dsd(logits, target, decoder=DECODER, encoder=ENCODER, **options)


@pytest.mark.parametrize("mode", ["safe", "official"])
@pytest.mark.parametrize(
    ("size", "flat"),
    [
        ((8, 16, 8), ()),
        ((4, 16, 8), ("E2", "E3", "B", "D3", "D2")),  # slices thicker than they are wide
        ((17, 20, 9), ()),
        ((16, 24), ()),
        ((19, 31), ()),
    ],
)
@pytest.mark.parametrize("pool", [1, 2])
def test_total_is_the_published_sum(
    mode: Any, size: tuple[int, ...], flat: tuple[str, ...], pool: int
) -> None:
    of = volumes.shapes(len(size), flat)
    module = dsd(of, alpha=0.7, temperature=2.0, mode=mode, kl_resolution=pool)
    maps, target = volumes.maps(of, size), volumes.labels(size)
    target[0, :3] = 255
    wanted = plainly(
        module,
        maps,
        target,
        alpha=0.7,
        temperature=2.0,
        supervise_teacher=mode == "safe",
        pool=pool,
    )
    torch.testing.assert_close(module(maps, target).total, wanted)


@given(alpha=st.floats(0.01, 4), temperature=st.floats(0.5, 6))
@settings(max_examples=10)
def test_distillation_grows_with_alpha_and_the_square_of_the_temperature(
    alpha: float, temperature: float
) -> None:
    maps, target = volumes.maps(volumes.shapes(), SIZE), volumes.labels(SIZE)
    result = dsd(alpha=alpha, temperature=temperature, mode="official")(maps, target)
    pulled = result.terms["dsd/decoder"] + result.terms["dsd/encoder"]
    wanted = result.terms["deep_supervision"] + alpha * temperature**2 * pulled
    torch.testing.assert_close(result.total.detach(), wanted)
    students = [result.terms[f"dsd/{block}"] for block in ("D3", "B", "E1", "E2")]
    torch.testing.assert_close(pulled, torch.stack(students).sum())
    assert {"dsd/D2", "dsd/E3", "dsd/teacher"}.isdisjoint(result.terms)


@pytest.mark.parametrize("mode", ["safe", "official"])
def test_alpha_zero_is_deep_supervision_with_its_gradients_bit_for_bit(mode: Any) -> None:
    target, results, gradients = volumes.labels(SIZE), [], []
    torch.manual_seed(3)
    for module in (DeepSupervision(volumes.shapes(), 2), dsd(alpha=0.0, mode=mode)):
        maps = volumes.maps(volumes.shapes(), SIZE)
        result = module(maps, target)
        result.total.backward()  # type: ignore[no-untyped-call]
        assert module.blocks == ("B", "D3", "D2")
        results.append(result)
        gradients.append([maps[block].grad for block in DECODER])
        assert all(maps[block].grad is None for block in ENCODER)
    assert torch.equal(results[0].total, results[1].total)
    assert results[0].terms.keys() == results[1].terms.keys()
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))
    assert all(gradient.abs().sum() > 0 for gradient in gradients[0])


def test_deep_supervision_is_the_sum_of_every_decoder_taps_loss() -> None:
    maps, target = volumes.maps(volumes.shapes(), SIZE), volumes.labels(SIZE)
    module = DeepSupervision(volumes.shapes(), 2)
    result = module(maps, target)
    each = {
        block: plain_dsd.supervision(module.head(block)(maps[block], SIZE), target)
        for block in DECODER
    }
    torch.testing.assert_close(result.total, sum(each.values()))
    for block, term in each.items():
        torch.testing.assert_close(result.terms[f"deep_supervision/{block}"], term.detach())


def test_a_block_that_already_agrees_is_pulled_by_nothing() -> None:
    maps, target = volumes.maps(volumes.shapes(), SIZE), volumes.labels(SIZE)
    module = dsd()
    with torch.no_grad():  # every head says the same everywhere
        for head in module.heads.values():
            for layer in head.growths.values():  # type: ignore[union-attr, operator]
                layer.weight.zero_()
                layer.bias.copy_(torch.tensor([0.5, -1.0, 2.0]))
    result = module(maps, target)
    assert result.terms["dsd/decoder"] == 0
    assert result.terms["dsd/encoder"] == 0


def test_predecessors_batchmean_is_larger_by_the_voxels_of_a_sample() -> None:
    maps, target = volumes.maps(volumes.shapes(), SIZE), volumes.labels(SIZE)
    module = dsd(temperature=3.0)
    teacher, student = (module.head(b)(maps[b], SIZE) / 3.0 for b in ("D2", "D3"))
    batchmean = functional.kl_div(student.log_softmax(1), teacher.softmax(1), reduction="batchmean")
    per_voxel = module(maps, target).terms["dsd/D3"]
    torch.testing.assert_close(per_voxel * 8 * 16 * 8, batchmean.detach())


def gradient_of(
    module: DualSelfDistillation, block: str, drop: float | None = None
) -> tuple[Tensor | None, list[Tensor | None]]:
    """Return the gradient that a block's map and its head's parameters receive."""
    maps, target = volumes.maps(volumes.shapes(), SIZE), volumes.labels(SIZE)
    if drop is not None:
        module.temperature = drop
    module(maps, target).total.backward()  # type: ignore[no-untyped-call]
    return maps[block].grad, [p.grad for p in module.head(block).parameters()]


def test_official_mode_drags_the_decoders_teacher_and_safe_mode_does_not() -> None:
    supervised, _ = gradient_of(dsd(alpha=0.0), "D2")
    safe, _ = gradient_of(dsd(share=False), "D2")
    official, _ = gradient_of(dsd(share=False, mode="official"), "D2")
    assert supervised is not None
    assert safe is not None
    assert official is not None
    torch.testing.assert_close(safe, supervised)
    assert (official - supervised).abs().max() > 1e-3 * supervised.abs().max()


def test_safe_modes_encoder_teacher_learns_from_the_target_and_from_nothing_else() -> None:
    module = dsd(share=False)
    gradient, of_head = gradient_of(module, "E3")
    assert all(g is not None and g.abs().sum() > 0 for g in of_head)
    maps, target = volumes.maps(volumes.shapes(), SIZE), volumes.labels(SIZE)
    plain_dsd.supervision(module.head("E3")(maps["E3"], SIZE), target).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(gradient, maps["E3"].grad)


def test_a_detached_encoder_teacher_without_supervision_never_learns() -> None:
    gradient, of_head = gradient_of(dsd(mode="official", detach=True, share=False), "E3")
    assert gradient is None
    assert of_head
    assert all(g is None for g in of_head)
    gradient, of_head = gradient_of(dsd(mode="official", share=False), "E3")
    assert gradient is not None
    assert all(g is not None for g in of_head)


def readable_maps(target: Tensor) -> dict[str, Tensor]:
    """Return maps in which every encoder block plainly shows the target."""
    truth = functional.one_hot(target, 3).movedim(-1, 1).float()
    maps = volumes.maps(volumes.shapes(), tuple(target.shape[1:]))
    for block in ENCODER:
        coarse = functional.adaptive_avg_pool3d(truth, maps[block].shape[2:])
        maps[block] = torch.cat([coarse, maps[block].detach()[:, 3:]], 1)
    return maps


def fitted(mode: Any, steps: int = 150) -> tuple[float, float, float]:
    """Train heads of their own; return KL before and after, and the teacher's loss after."""
    # Cubes of one class as large as a voxel of E3, so that even the coarsest map can tell.
    target = volumes.labels((2, 2, 2))
    for axis in (1, 2, 3):
        target = target.repeat_interleave(4, axis)
    maps = readable_maps(target)
    module = dsd(mode=mode, share=False)
    optimiser = torch.optim.Adam(module.parameters(), 3e-2)
    kl = []
    for _ in range(steps):
        result = module(maps, target)
        optimiser.zero_grad()
        result.total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        kl.append(result.terms["dsd/encoder"].item())
    teacher = module.head("E3")(maps["E3"], (8, 8, 8))
    return kl[0], kl[-1], functional.cross_entropy(teacher, target).item()


def test_official_encoder_heads_of_their_own_agree_on_anything() -> None:
    # Nothing ties them to the target: their KL vanishes while the teacher knows no class, though
    # its map shows them. Supervised, the same teacher reads them off.
    before, after, knows = fitted("official")
    assert after < 1e-3 * before
    assert knows > 1.0  # guessing is ln 3 = 1.1
    _, _, supervised = fitted("safe")
    assert supervised < 0.1


def test_heads_are_shared_by_channels_and_scale() -> None:
    module = dsd()
    assert list(module.heads) == ["D2", "D3", "B", "E1"]
    assert module.head("E2") is module.head("D2")
    assert module.head("E3") is module.head("D3")
    alone = dsd(share=False)
    assert list(alone.heads) == [*DECODER, *ENCODER]
    wider = volumes.shapes() | {"E2": TapShape(7, (1, 1, 1)), "E3": TapShape(8, (1, 2, 2))}
    assert list(dsd(wider).heads) == [*DECODER, *ENCODER]


def test_a_shared_head_is_supervised_by_the_decoder_even_in_official_mode() -> None:
    _, of_head = gradient_of(dsd(mode="official", detach=True), "E3")
    assert all(g is not None and g.abs().sum() > 0 for g in of_head)


def test_taps_go_no_deeper_than_the_papers() -> None:
    of = {f"E{i + 1}": TapShape(4, (i, i, i)) for i in range(5)}
    of |= {"B": TapShape(4, (5, 5, 5))}
    of |= {f"D{i + 1}": TapShape(4, (i, i, i)) for i in reversed(range(5))}
    module = dsd(of, share=False)
    assert module.blocks == ("E1", "E2", "E3", "E4", "D5", "D4", "D3", "D2")
    assert dsd(of, encoder=["E5", "E1"], decoder=["D2", "B"]).blocks == ("E1", "E5", "B", "D2")


def test_networks_without_one_of_the_sides() -> None:
    of = {block: shape for block, shape in volumes.shapes().items() if block in ("B", "D1")}
    maps, target = volumes.maps(of, SIZE), volumes.labels(SIZE)
    result = dsd(of)(maps, target)
    assert set(result.terms) == {
        "deep_supervision/B",
        "deep_supervision",
        "dsd/decoder",
        "dsd/encoder",
    }
    assert torch.equal(result.total.detach(), result.terms["deep_supervision"])
    with pytest.raises(BadInputError, match="no decoder block beside the last one"):
        dsd({"E1": of["B"], "D1": of["D1"]})
    with pytest.raises(BadInputError, match="two classes or more"):
        DualSelfDistillation(volumes.shapes(), 0)


def test_ignored_voxels_teach_no_class_but_are_compared() -> None:
    maps, target = volumes.maps(volumes.shapes(), SIZE), volumes.labels(SIZE)
    module = dsd()
    nothing = module(maps, torch.full_like(target, 255))
    assert nothing.terms["dsd/decoder"] == module(maps, target).terms["dsd/decoder"]
    assert nothing.terms["deep_supervision"].abs() < 1e-4
    nothing.total.backward()  # type: ignore[no-untyped-call]
    assert all(torch.isfinite(maps[block].grad).all() for block in (*DECODER, *ENCODER))


def test_reduced_resolution_changes_only_the_distillation() -> None:
    maps, target = volumes.maps(volumes.shapes(), SIZE), volumes.labels(SIZE)
    full, reduced = dsd()(maps, target), dsd(kl_resolution=4)(maps, target)
    for name, term in full.terms.items():
        same = torch.equal(term, reduced.terms[name])
        assert same == name.startswith(("deep_supervision", "dsd/teacher")), name
    # Averages of logits differ less than the logits do.
    assert reduced.terms["dsd/decoder"] < full.terms["dsd/decoder"]


def test_terms_are_float32_under_autocast() -> None:
    maps, target = volumes.maps(volumes.shapes(), SIZE), volumes.labels(SIZE)
    module = dsd()
    with torch.autocast("cpu", torch.bfloat16):
        inside = module(maps, target)
    inside.total.backward()  # type: ignore[no-untyped-call]
    assert inside.total.dtype == torch.float32
    assert all(term.dtype == torch.float32 for term in inside.terms.values())
    torch.testing.assert_close(inside.total, module(maps, target).total, rtol=0.02, atol=0.02)
