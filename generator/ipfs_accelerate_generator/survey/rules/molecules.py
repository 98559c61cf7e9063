"""Molecules as their folding reads them: tokens in chains, the atoms of each token, and sequences that are alike."""

from __future__ import annotations

from typing import Any, Final

from ipfs_accelerate_generator.survey.shape import Shape, number

MOLECULES: Final = ("msa", "msa_attention_mask", "has_deletion", "deletion_value", "deletion_mean")
"""What goes with a sequence of residues, if a class takes it: sequences that are like it, and what they lack."""

_ATOMS_EACH = 3
_TOKENS_EACH = 6  # of a residue: what tells its tokens apart matters within it alone
_ALIKE_EACH = 6  # for so many tokens there is one more sequence that is alike: any number of them will do
_CHAINS = 2


def atoms(shape: Shape, generator: Any) -> dict[str, Any]:
    """Atoms of each token, where a reference has them; the last row has fewer."""
    import torch

    count = _ATOMS_EACH * shape.tokens
    where = torch.arange(shape.tokens).repeat_interleave(_ATOMS_EACH).repeat(shape.batch, 1)
    letters = number(shape.config, ("max_chars",), 4)
    return {
        "ref_pos": torch.randn(shape.batch, count, 3, generator=generator),
        "ref_charge": torch.randn(shape.batch, count, generator=generator),
        "atom_attention_mask": seen(shape, generator).repeat_interleave(_ATOMS_EACH, dim=1),
        "ref_element": _drawn(shape, generator, "max_atomic_number", 128, count),
        "ref_atom_name_chars": _drawn(shape, generator, "char_vocab_size", 64, count, letters),
        "ref_space_uid": where,
        "atom_to_token": where,
    }


def seen(shape: Shape, _generator: Any) -> Any:
    """Which tokens there are: the last row is a third shorter."""
    import torch

    mask = torch.ones(shape.batch, shape.tokens, dtype=torch.bool)
    mask[-1, shape.tokens - shape.tokens // 3 :] = False
    return mask


def places(shape: Shape, _generator: Any) -> Any:
    """The tokens, counted through all chains."""
    import torch

    return torch.arange(shape.tokens).repeat(shape.batch, 1)


def residues(shape: Shape, generator: Any) -> Any:
    """Which residue each token is of: several are of one."""
    return places(shape, generator) // _TOKENS_EACH


def chains(shape: Shape, generator: Any) -> Any:
    """Which chain each token is in: one, and then another."""
    return places(shape, generator) * _CHAINS // shape.tokens


def copies(shape: Shape, generator: Any) -> Any:
    """Which copy of its kind that chain is: for some tokens this one, for the others that."""
    return places(shape, generator) % _CHAINS


def proteins(shape: Shape, generator: Any) -> Any:
    """Zeros, for proteins, but for a last token that is of another kind."""
    return places(shape, generator) // (shape.tokens - 1)


def amino_acids(shape: Shape, generator: Any) -> Any:
    """The kind of each residue."""
    return _drawn(shape, generator, "num_res_types", 33, shape.tokens)


def bonds(shape: Shape, generator: Any) -> Any:
    """Which tokens are bound to which."""
    import torch

    return torch.rand(shape.batch, shape.tokens, shape.tokens, 1, generator=generator)


def alike(shape: Shape, generator: Any) -> Any:
    """Sequences of residues that are like this one."""
    return _drawn(shape, generator, "num_res_types", 33, _depth(shape), shape.tokens)


def alike_seen(shape: Shape, generator: Any) -> Any:
    """Which tokens there are in them."""
    return seen(shape, generator).unsqueeze(1).repeat(1, _depth(shape), 1)


def lost(shape: Shape, generator: Any) -> Any:
    """Whether residues are missing in them before each token."""
    return counted(shape, generator) > 1


def counted(shape: Shape, generator: Any) -> Any:
    """How many are."""
    import torch

    return 2 * torch.rand(shape.batch, _depth(shape), shape.tokens, generator=generator)


def meant(shape: Shape, generator: Any) -> Any:
    """How many are in the mean."""
    return counted(shape, generator).mean(dim=1)


def _depth(shape: Shape) -> int:
    return max(shape.tokens // _ALIKE_EACH, 1)


def _drawn(shape: Shape, generator: Any, field: str, usual: int, *sizes: int) -> Any:
    import torch

    highest = number(shape.config, (field,), usual)
    return torch.randint(highest, (shape.batch, *sizes), generator=generator)
