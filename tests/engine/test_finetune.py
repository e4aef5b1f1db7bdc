"""The fine-tuning job from fields to a bundle."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_selfreg.core.errors import BadInputError, DeviceError
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.events import Event, Notice, StepDone, ValidationDone, run
from napari_selfreg.engine.finetune import (
    BaseScored,
    FinetuneField,
    FinetuneResult,
    Planned,
    RolledBack,
    finetune,
    settings_of,
)
from napari_selfreg.engine.finetune_fields import prepare
from napari_selfreg.engine.object_classes import by_class
from tests.bundles import FEATURES
from tests.engine.corrections import base_model, corrected, request


def _weights(result: FinetuneResult) -> dict[str, torch.Tensor]:
    return dict(result.model.network.state_dict())


def _same(first: FinetuneResult, second: FinetuneResult) -> bool:
    return all(torch.equal(t, _weights(second)[name]) for name, t in _weights(first).items())


def test_the_base_is_scored_first_and_never_changed(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    before = {name: t.clone() for name, t in base.network.state_dict().items()}
    events: list[Event] = []
    result = run(finetune(request(base)), events.append)
    kinds = [type(event) for event in events]
    assert kinds.index(BaseScored) < kinds.index(Planned) < kinds.index(StepDone)
    assert kinds.count(StepDone) == result.steps == 3
    assert isinstance(events[-2], ValidationDone)
    assert all(torch.equal(t, before[name]) for name, t in base.network.state_dict().items())
    assert any(not torch.equal(t, before[name]) for name, t in _weights(result).items())
    assert result.verdict.n == len(result.base_scores) == len(result.tuned_scores) == 2
    losses = next(event for event in events if isinstance(event, StepDone)).losses
    assert {"total", "ce", "dice", "contour"} <= set(losses)


def test_the_card_says_where_it_comes_from_and_nothing_of_the_person(tmp_path: Path) -> None:
    base = base_model(tmp_path / "secret place")
    output = tmp_path / "Mine 2.safetensors"
    result = run(finetune(request(base, output=output, lambda_scr=0.01, lambda_ifd=0.02)))
    card = load_model(output).card
    assert card == result.model.card
    assert card.name == "mine-2"
    assert (card.licence, card.terms, card.research_only) == (
        base.card.licence,
        base.card.terms,
        base.card.research_only,
    )
    assert card.um_per_px == base.card.um_per_px
    record: Any = card.training
    assert record["base"]["name"] == "tiny"
    assert len(record["base"]["sha256"]) == 64
    assert record["plan"] == [[0, 3]]
    assert record["fields"]["count"] == len(record["fields"]["sha256"]) == 2
    assert record["validation"]["n"] == 2
    recipe: Any = card.recipe
    assert recipe["finetune"]["lambda_scr"] == 0.01
    (scored,) = card.metrics
    assert (scored.n, scored.lambda_ifd) == (2, 0.02)
    text = card.to_json()
    for private in ("secret", str(tmp_path), "field 0"):
        assert private not in text


def test_the_same_request_gives_the_same_weights(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    first, again = (run(finetune(request(base, steps=6, seed=3))) for _ in range(2))
    assert _same(first, again)
    assert not _same(first, run(finetune(request(base, steps=6, seed=4))))


def test_dropout_draws_from_seed_and_step_too(tmp_path: Path) -> None:
    dropping = {"features": FEATURES, "dropout": 0.3}
    asked = request(base_model(tmp_path, architecture_args=dropping), seed=3)
    state = torch.random.get_rng_state()
    first = run(finetune(asked))
    assert torch.equal(state, torch.random.get_rng_state())
    torch.rand(7)
    assert _same(first, run(finetune(asked)))


def test_a_run_by_the_clock_can_be_repeated_from_its_card(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    first = run(finetune(request(base, steps=None, minutes=0.05)))
    plan: Any = first.model.card.training["plan"]
    assert first.steps == plan[-1][1] >= 1
    again = run(finetune(request(base, steps=None, plan=tuple(map(tuple, plan)))))
    assert _same(first, again)


def test_a_run_without_time_still_makes_a_model(tmp_path: Path) -> None:
    result = run(finetune(request(base_model(tmp_path), steps=None, minutes=1e-6)))
    assert 1 <= result.steps <= 5
    assert result.best_step > 0


def test_enough_keeps_the_best_so_far(tmp_path: Path) -> None:
    asked: list[bool] = []

    def enough() -> bool:
        asked.append(True)
        return len(asked) == 2

    output = tmp_path / "m.safetensors"
    job = finetune(request(base_model(tmp_path), steps=50, enough=enough, output=output))
    result = run(job)
    assert (result.steps, result.stopped) == (2, True)
    assert load_model(output).card.training["stopped"] is True


@pytest.mark.parametrize("moment", ["BaseScored", "StepDone", "ValidationDone"])
def test_closing_at_any_phase_leaves_the_best_or_nothing(tmp_path: Path, moment: str) -> None:
    output = tmp_path / "m.safetensors"
    job = finetune(request(base_model(tmp_path), steps=16, output=output))
    for event in job:
        if type(event).__name__ == moment:
            break
    job.close()
    if moment == "BaseScored":
        assert not output.exists()
    else:
        assert load_model(output).card.training["steps"] >= 1


def test_train_longer_goes_on_from_the_result(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    first = run(finetune(request(base)))
    longer = run(finetune(request(base, start=first.model, stay_close=0.0)))
    assert longer.base is base
    assert longer.base_scores == first.base_scores
    assert longer.model.card.training["continued"] is True


def test_what_learned_from_little_is_drawn_back_further(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    material = prepare((corrected(),), base.card)
    asked = request(base)
    for reviewed, usual in ((1, 0.7), (99_999, 0.7), (100_000, 0.4), (250_000, 0.3), (10**9, 0.3)):
        much = replace(material, reviewed=reviewed)
        assert settings_of(asked, base, much).stay_close == usual
        assert settings_of(replace(asked, stay_close=0.0), base, much).stay_close == 0


def test_small_reviewed_parts_are_learned_from_in_more_and_smaller_crops(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    whole = settings_of(request(base), base, prepare((corrected(256),), base.card))
    part = np.zeros((256, 272), bool)
    part[100:160, 100:160] = True
    sparse = settings_of(request(base), base, prepare((corrected(256, reviewed=part),), base.card))
    assert (whole.batch, whole.crop, sparse.batch, sparse.crop) == (2, 224, 4, 160)
    assert sparse.learning_rate < whole.learning_rate


@pytest.mark.parametrize("stay_close", [0.25, 1.0])
def test_the_weights_are_drawn_back_to_the_base(tmp_path: Path, stay_close: float) -> None:
    base = base_model(tmp_path)
    free = run(finetune(request(base, stay_close=0.0)))
    close = run(finetune(request(base, stay_close=stay_close)))
    for name, old in base.network.named_parameters():
        expected = torch.lerp(_weights(free)[name], old, stay_close)
        assert torch.allclose(_weights(close)[name], expected, atol=1e-6)


def test_a_fine_tuned_model_can_be_fine_tuned(tmp_path: Path) -> None:
    first = run(finetune(request(base_model(tmp_path), output=tmp_path / "one.safetensors")))
    second = run(finetune(request(first.model, output=tmp_path / "two.safetensors")))
    base: Any = second.model.card.training["base"]
    assert base["name"] == "one"
    assert second.model.card.title == first.model.card.title
    assert len(second.model.card.data) == 2


def test_divergence_is_rolled_back_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_selfreg.engine import finetune_fit

    real = finetune_fit.training_losses
    calls: list[int] = []

    def broken(*args: Any, **options: Any) -> Any:
        total, terms = real(*args, **options)
        calls.append(1)
        return (total * float("nan"), terms) if len(calls) == 4 else (total, terms)

    monkeypatch.setattr(finetune_fit, "training_losses", broken)
    events: list[Event] = []
    result = run(finetune(request(base_model(tmp_path), steps=8)), events.append)
    (back,) = (event for event in events if isinstance(event, RolledBack))
    assert back.step == 4
    assert result.notes == (back.message,)
    assert all(torch.isfinite(t).all() for t in _weights(result).values())


def test_a_loss_that_explodes_goes_back_to_the_best_weights_with_smaller_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_selfreg.engine import finetune_fit

    real = finetune_fit.training_losses
    calls: list[int] = []

    def broken(*args: Any, **options: Any) -> Any:
        total, terms = real(*args, **options)
        calls.append(1)
        return (total * 1e6, terms) if len(calls) == 5 else (total, terms)

    monkeypatch.setattr(finetune_fit, "training_losses", broken)
    events: list[Event] = []
    result = run(finetune(request(base_model(tmp_path), steps=9)), events.append)
    assert [event.step for event in events if isinstance(event, RolledBack)] == [5]
    rates = {entry["step"]: entry["learning_rate"] for entry in result.history if "total" in entry}
    assert rates[6] < 0.5 * rates[4]
    assert all(torch.isfinite(t).all() for t in _weights(result).values())


def test_a_gradient_that_overflows_is_rolled_back_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_selfreg.engine import finetune_fit

    real = finetune_fit.training_losses

    def steep(*args: Any, **options: Any) -> Any:
        total, terms = real(*args, **options)
        return total + 1e25 * (total - total.detach()), terms  # of the usual size

    monkeypatch.setattr(finetune_fit, "training_losses", steep)
    events: list[Event] = []
    result = run(finetune(request(base_model(tmp_path), steps=20)), events.append)
    assert [event.step for event in events if isinstance(event, RolledBack)] == [1, 2, 3, 4]
    assert "ended" in result.notes[-1]
    assert result.steps == 4


def _break_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_selfreg.engine import finetune_fit

    def broken(*_: Any, **__: Any) -> Any:
        return torch.tensor(float("nan"), requires_grad=True), {}

    monkeypatch.setattr(finetune_fit, "training_losses", broken)


def test_a_run_that_only_breaks_gives_the_old_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_every_step(monkeypatch)
    base = base_model(tmp_path)
    result = run(finetune(request(base, steps=20)))
    assert result.steps < 20
    assert "ended" in " ".join(result.notes)
    for name, tensor in base.network.state_dict().items():
        if tensor.is_floating_point():
            assert torch.equal(tensor, _weights(result)[name])


def test_a_step_that_memory_does_not_hold_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: Any, **__: Any) -> Any:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("napari_selfreg.engine.finetune_fit.training_losses", too_large)
    with pytest.raises(DeviceError, match=r"^Memory does not suffice.*device cpu"):
        run(finetune(request(base_model(tmp_path))))


def _shifted(base: Model) -> Model:
    """Return the model of an earlier run: other weights than the base's."""
    network = copy.deepcopy(base.network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.01)
    return replace(base, network=network)


def test_train_longer_goes_back_to_where_it_went_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_every_step(monkeypatch)
    base = base_model(tmp_path)
    start = _shifted(base)
    result = run(finetune(request(base, steps=4, start=start, stay_close=0.0)))
    for name, tensor in start.network.state_dict().items():
        assert torch.equal(tensor, _weights(result)[name])


def test_without_usable_weights_train_longer_keeps_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = base_model(tmp_path)
    start = _shifted(base)
    monkeypatch.setattr("napari_selfreg.engine.finetune_loop._finite", lambda weights: False)
    result = run(finetune(request(base, start=start)))
    assert "equals the old one" in result.notes[0]
    for name, tensor in start.network.state_dict().items():
        assert torch.equal(tensor, _weights(result)[name])
    own = run(finetune(request(start)))
    assert result.tuned_scores == own.base_scores


@pytest.mark.parametrize(("label", "said"), [(0, "No object lies"), (1, "inside of objects")])
def test_regions_of_one_class_or_none_are_no_fault_but_said(
    tmp_path: Path, label: int, said: str
) -> None:
    field = corrected()
    flat = replace(field, labels=np.full_like(field.labels, label))
    events: list[Event] = []
    result = run(finetune(request(base_model(tmp_path), flat, steps=4)), events.append)
    (notice,) = (event for event in events if isinstance(event, Notice))
    assert said in notice.message
    assert all(torch.isfinite(t).all() for t in _weights(result).values())
    assert np.isfinite(result.verdict.difference)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fields": ()}, "review a region"),
        ({"minutes": float("nan")}, "minutes"),
        ({"steps": 0}, "step"),
        ({"stay_close": 2.0}, "between 0 and 1"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**70}, "seed"),
        ({"what": "nothing"}, "nothing"),
        ({"output": "model.pt"}, r"\.safetensors"),
        ({"lambda_scr": -1.0}, "weight"),
    ],
)
def test_what_cannot_be_done_is_refused(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    asked = replace(request(base_model(tmp_path)), **changes)
    with pytest.raises(BadInputError, match=reason):
        run(finetune(asked))


def test_unknown_devices_and_misfits_are_refused(tmp_path: Path) -> None:
    base, field = base_model(tmp_path), corrected()
    with pytest.raises(DeviceError, match="abacus"):
        run(finetune(request(base, device="abacus")))
    with pytest.raises(BadInputError, match="differ in size"):
        run(finetune(request(base, replace(field, labels=field.labels[1:]))))
    with pytest.raises(BadInputError, match="RGB"):
        run(finetune(request(base, replace(field, picture=field.picture[..., 0]))))
    with pytest.raises(BadInputError, match="larger region"):
        none = np.zeros(field.labels.shape, bool)
        run(finetune(request(base, replace(field, reviewed=none))))


def test_several_classes_are_class_ids(tmp_path: Path) -> None:
    base = base_model(tmp_path, classes=["gland", "tumour"], separation=None)
    result = run(finetune(request(base, corrected())))
    assert result.verdict.n == 1
    wrong = corrected()
    with pytest.raises(BadInputError, match="class 7"):
        bad = FinetuneField(wrong.picture, wrong.labels * 0 + 7, name="x")
        run(finetune(request(base, bad)))


def test_types_load_neither_torch_nor_monai() -> None:
    code = (
        "import sys, napari_selfreg.engine.finetune_types;"
        "assert not {'torch', 'monai'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_objects_without_a_class_are_said_by_the_run(tmp_path: Path) -> None:
    base = base_model(tmp_path, classes=["gland", "tumour"], separation=None)
    field = by_class(corrected(), {1: "tumour"}, base.card.classes)
    events: list[Event] = []
    result = run(finetune(request(base, field)), events.append)
    (notice,) = (event.message for event in events if isinstance(event, Notice))
    assert notice.startswith("1 reviewed object has no class of this model")
    assert result.steps == 3
