"""One door to every regularizer: chosen and combined by name, as a recipe does.

regularization = Regularization.build(
    {"dsd": {"alpha": 1.0}, "scr": {"weight": 0.015}},
    network, spec, sample=(2, 1, 32, 32, 32), n_classes=2, seed=0,
)
optimiser = AdamW([*network.parameters(), *regularization.parameters()])
with spec.open(network, regularization.blocks) as taps:
    logits = network(volume)
    extra = regularization(taps, logits=logits, target=target, step=step)
(criterion(logits, target) + extra.total).backward()
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.dsd import DeepSupervision, DualSelfDistillation
from napari_selfreg.nets.missu import MissuBranch
from napari_selfreg.nets.scr import check_pairing
from napari_selfreg.nets.selfreg import RegularizerTerms, SelfRegularization, step_generator
from napari_selfreg.nets.tap_shapes import TapShape, tap_shapes
from napari_selfreg.nets.tapspec import TapSpec

NAMES = ("scr", "ifd", "decorrelation", "deep_supervision", "dsd", "missu")
"""The names of all regularizers, in the order in which their terms are added up."""


class Regularization(nn.Module):
    """Regularizers by name, added up; in training only.

    ``parameters()`` are the training-only heads and branches: give them to the optimiser beside
    the network's own, and never write them into a bundle. ``state_dict()`` holds them for a
    resume; nothing else has a state.

    Parameters
    ----------
    members
        Regularizers by name; each has ``blocks`` and is called as ``(taps, target, step=step)``.
    spec
        The network's taps.
    """

    def __init__(self, members: Mapping[str, nn.Module], spec: TapSpec) -> None:
        super().__init__()
        self.members = nn.ModuleDict(members)
        wanted = {block for member in members.values() for block in _blocks(member)}
        self.blocks: tuple[str, ...] = tuple(block for block in spec.blocks if block in wanted)

    @classmethod
    def build(
        cls,
        terms: Mapping[str, Mapping[str, Any]],
        network: nn.Module,
        spec: TapSpec,
        *,
        sample: tuple[int, ...],
        n_classes: int,
        seed: int,
    ) -> Regularization:
        """Return the regularizers that ``terms`` names, on the network's device, of its type.

        Parameters
        ----------
        terms
            Options by name out of :data:`NAMES`; ``{}`` for the published values. ``scr``,
            ``ifd`` and ``decorrelation`` take ``weight`` and the options of
            :class:`~napari_selfreg.nets.selfreg.SelfRegularization` that concern them;
            ``deep_supervision``, ``dsd`` and ``missu`` those of
            :class:`~napari_selfreg.nets.dsd.DeepSupervision`,
            :class:`~napari_selfreg.nets.dsd.DualSelfDistillation` and
            :class:`~napari_selfreg.nets.missu.MissuBranch`.
        network
            Run once without gradients, if heads must know its taps; otherwise untouched.
        spec
            The network's taps.
        sample
            Shape ``(N, C, *spatial)`` of a training patch.
        n_classes
            Foreground classes K; logits have ``K + 1`` channels.
        seed
            Of the heads' first weights and of the channels that SCR draws. torch's global
            generators are not touched.

        Returns
        -------
        Regularization

        Raises
        ------
        BadInputError
            If a name, an option or the sample's shape cannot be used.
        """
        check_terms(terms)
        members: dict[str, nn.Module] = {}
        shapes: dict[str, TapShape] | None = None
        for name in NAMES:
            if name not in terms:
                continue
            if name in _ON_TAPS:
                members[name] = _make(name, _OnTaps, terms[name], name=name, spec=spec, seed=seed)
                continue
            shapes = shapes or tap_shapes(network, spec, sample)
            # On the CPU and apart from the global generators, so that a network trains the same
            # whatever heads are built beside it.
            with torch.random.fork_rng(devices=[]):
                first = step_generator(seed, _SEED_OF[name]).initial_seed()
                torch.default_generator.manual_seed(first)
                members[name] = _make(
                    name, _HEADS[name], terms[name], shapes=shapes, n_classes=n_classes
                )
        return cls(members, spec).to(_weight(network))

    @property
    def active(self) -> bool:
        """False without any regularizer: no taps are needed."""
        return len(self.members) > 0

    def forward(
        self, taps: Mapping[str, Tensor], *, logits: Tensor, target: Tensor, step: int
    ) -> RegularizerTerms:
        """Return the weighted total and the named terms of one step.

        Parameters
        ----------
        taps
            Feature maps by block name, of one forward pass; :attr:`blocks` must be open.
        logits
            ``(N, K + 1, *spatial)``, the network's main output, whose loss is the caller's.
        target
            ``(N, *spatial)`` class ids, 255 = ignore.
        step
            Number of the optimisation step; seeds the channels that SCR draws.

        Returns
        -------
        RegularizerTerms
        """
        total = torch.zeros((), device=logits.device)
        terms: dict[str, Tensor] = {}
        for member in self.members.values():
            extra: RegularizerTerms = member(taps, target, step=step)
            total = total + extra.total
            terms |= extra.terms
        return RegularizerTerms(total, terms)


def _weight(network: nn.Module) -> Tensor:
    """Return a parameter that says where the network is, and of which floating type."""
    parameters = list(network.parameters())
    return next((each for each in parameters if each.is_floating_point()), parameters[0])


class _OnTaps(nn.Module):
    """SCR, IFD or decorrelation: functions of the taps alone, without parameters."""

    def __init__(
        self, *, name: str, spec: TapSpec, seed: int, weight: float = 0.015, **options: Any
    ) -> None:
        super().__init__()
        self.spec = spec
        self.blocks = (*spec.student_blocks, spec.teacher_block)
        weights: dict[str, Any] = {f"lambda_{other}": 0.0 for other in _ON_TAPS} | {
            f"lambda_{name}": weight
        }
        self.regularize = SelfRegularization(**weights, **options, seed=seed)

    def forward(self, taps: Mapping[str, Tensor], _: Tensor, *, step: int) -> RegularizerTerms:
        """Return the weighted term."""
        return self.regularize(taps, self.spec, step=step)


_ON_TAPS: dict[str, tuple[str, ...]] = {
    "scr": ("weight", "pairing", "normalize"),
    "ifd": ("weight", "sort", "detach_top", "normalize"),
    "decorrelation": ("weight",),
}
_HEADS: dict[str, Callable[..., nn.Module]] = {
    "deep_supervision": DeepSupervision,
    "dsd": DualSelfDistillation,
    "missu": MissuBranch,
}
# Heads start from a number per name: the same whatever else is combined with them, and those of
# deep supervision as those of DSD.
_SEED_OF = {"deep_supervision": 0, "dsd": 0, "missu": 1}


def check_terms(terms: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what `Regularization.build` could not build, as far as that needs no network.

    Parameters
    ----------
    terms
        Options by name.

    Raises
    ------
    BadInputError
        If a name, an option or SCR's pairing is unknown.
    """
    for name in terms:
        if name not in NAMES:
            raise BadInputError(
                f"There is no regularizer {name!r}; choose from {', '.join(NAMES)}."
            )
    if "dsd" in terms and "deep_supervision" in terms:
        raise BadInputError("DSD has deep supervision in it: choose one of the two.")
    for name, options in terms.items():
        _check_options(name, options)
    check_pairing(terms.get("scr", {}).get("pairing", "random"))


def _check_options(name: str, options: Mapping[str, Any]) -> None:
    known = _options(name)
    for option in options:
        if option not in known:
            raise BadInputError(
                f"The regularizer {name!r} has no option {option!r}; it takes {', '.join(known)}."
            )


def _options(name: str) -> tuple[str, ...]:
    """Return the options of one regularizer."""
    if name in _ON_TAPS:
        return _ON_TAPS[name]
    parameters = inspect.signature(_HEADS[name]).parameters.values()
    return tuple(each.name for each in parameters if each.kind is each.KEYWORD_ONLY)


def _make(
    name: str, kind: Callable[..., nn.Module], options: Mapping[str, Any], /, **given: Any
) -> nn.Module:
    try:
        return kind(**given, **options)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"The regularizer {name!r} cannot be built: {error}.") from error


def _blocks(member: nn.Module) -> tuple[str, ...]:
    blocks: tuple[str, ...] = member.blocks  # type: ignore[assignment]
    return blocks
