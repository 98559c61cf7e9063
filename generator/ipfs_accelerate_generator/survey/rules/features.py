"""What parts of models take from other parts: vectors in a row, maps of them, and vectors of objects in a picture."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_generator.survey.shape import IMAGE_SIZES, Shape, number

_WIDTHS = ("hidden_size", "d_model", "embed_dim", "n_embd", "dim", "hidden_dim")


def width(shape: Shape) -> int:
    """Return how many numbers a vector has, as the outermost configuration that says so has it."""
    return number(shape.config, _WIDTHS, 32)


def _random(generator: Any, *sizes: int) -> Any:
    import torch

    return torch.randn(*sizes, generator=generator)


def rows(shape: Shape) -> int:
    """Return how many rows and columns a map has: the patches of a picture, where it has some."""
    patches = number(shape.config, IMAGE_SIZES, 0) // number(shape.config, ("patch_size",), 1)
    return patches if 1 < patches <= 16 else 8


def in_a_row(shape: Shape, generator: Any) -> Any:
    """Vectors in a row."""
    return _random(generator, shape.batch, shape.tokens, width(shape))


def in_windows(shape: Shape, generator: Any) -> Any:
    """Vectors in rows that are windows of a picture, all those of one picture after another."""
    windows = number(shape.config, ("num_windows",), 1)
    return _random(generator, shape.batch * windows, shape.tokens, width(shape))


def on_a_map(shape: Shape, generator: Any) -> Any:
    """A map, its channels first."""
    return _random(generator, shape.batch, width(shape), rows(shape), rows(shape))


def on_a_map_last(shape: Shape, generator: Any) -> Any:
    """A map, its channels last."""
    return _random(generator, shape.batch, rows(shape), rows(shape), width(shape))


def across(shape: Shape, generator: Any) -> Any:
    """Vectors in a row, their numbers first."""
    return _random(generator, shape.batch, width(shape), shape.tokens)


def one(shape: Shape, generator: Any) -> Any:
    """One vector."""
    return _random(generator, shape.batch, width(shape))


def once(shape: Shape, generator: Any) -> Any:
    """One vector for all places of a row."""
    return _random(generator, shape.batch, 1, width(shape))


def of_a_map(shape: Shape, generator: Any) -> Any:
    """The vectors of a whole map in a row."""
    return _random(generator, shape.batch, rows(shape) ** 2, width(shape))


def seen(shape: Shape, _generator: Any) -> Any:
    """Ones: none of the vectors is padding."""
    import torch

    return torch.ones(shape.batch, shape.tokens, dtype=torch.long)


def seen_flags(shape: Shape, generator: Any) -> Any:
    """The same as truth values."""
    return seen(shape, generator).bool()


def objects(shape: Shape, generator: Any) -> Any:
    """Vectors of what was found in a picture."""
    names = ("visual_feat_dim", "visual_embedding_dim")
    return _random(generator, shape.batch, shape.tokens, number(shape.config, names, 64))


def boxes_found(shape: Shape, generator: Any) -> Any:
    """Where it was found, as shares of the picture's sides."""
    import torch

    sizes = shape.batch, shape.tokens, number(shape.config, ("visual_pos_dim",), 4)
    return torch.rand(*sizes, generator=generator)


def task_words(shape: Shape, generator: Any) -> Any:
    """Ids of the words that name a task."""
    import torch

    most = number(shape.config, ("text_encoder_vocab_size", "vocab_size"), 50)
    sizes = shape.batch, number(shape.config, ("task_seq_len",), 8)
    return torch.randint(min(20, most // 2), most, sizes, generator=generator)


def words(shape: Shape, generator: Any) -> Any:
    """Ids of words of a second text."""
    import torch

    most = number(shape.config, ("vocab_size",), 64)
    return torch.randint(min(20, most // 2), most, (shape.batch, shape.tokens), generator=generator)


def words_of_documents(shape: Shape, generator: Any) -> Any:
    """Ids of the words of several documents for each text, all in rows of their own."""
    import torch

    most = number(shape.config, ("vocab_size",), 64)
    sizes = shape.batch * number(shape.config, ("n_docs",), 1), shape.tokens
    return torch.randint(min(20, most // 2), most, sizes, generator=generator)


def documents_seen(shape: Shape, generator: Any) -> Any:
    """Ones: no word of a document is padding."""
    import torch

    return torch.ones_like(words_of_documents(shape, generator))


def scores_of_documents(shape: Shape, generator: Any) -> Any:
    """How well each of them answers its text."""
    return _random(generator, shape.batch, number(shape.config, ("n_docs",), 1))


def moments(shape: Shape, generator: Any) -> Any:
    """How far each of a batch has come, from 0 to 1."""
    import torch

    return torch.rand(shape.batch, generator=generator)


def levels(shape: Shape, generator: Any) -> Any:
    """Maps of one size in turn, their channels first, which a model goes through one by one."""
    return _random(generator, 3, shape.batch, width(shape), rows(shape), rows(shape))


def half(shape: Shape, _generator: Any) -> Any:
    """A single number: half of the vectors in a row."""
    import torch

    return torch.tensor(shape.tokens // 2)


def parts_of_rows(shape: Shape, _generator: Any) -> Any:
    """By number, the part of its row that each vector belongs to."""
    import torch

    return (torch.arange(shape.tokens) // 4).repeat(shape.batch, 1)


def places_in_text(shape: Shape, _generator: Any) -> Any:
    """Places of a text, by number."""
    import torch

    return torch.arange(2, shape.tokens, 3).repeat(shape.batch, 1)


def few(shape: Shape, _generator: Any) -> Any:
    """Twos, one for each of those places."""
    import torch

    return torch.full((shape.batch, len(range(2, shape.tokens, 3))), 2)


def first_kind(shape: Shape, _generator: Any) -> Any:
    """Zeros, one for each of those places: the first of all kinds."""
    import torch

    return torch.zeros(shape.batch, len(range(2, shape.tokens, 3)), dtype=torch.long)


def of_one_time(shape: Shape, generator: Any) -> Any:
    """Vectors in a row, one for each code book."""
    count = number(shape.config, ("num_codebooks",), shape.tokens)
    return _random(generator, shape.batch, count, number(shape.config, ("input_size",), width(shape)))


def kinds_by_column(shape: Shape, generator: Any) -> Any:
    """Several kinds of each token, such as its row and column in a table: those that every kind has as many of."""
    import torch

    counts = getattr(shape.config, "type_vocab_sizes", None) or [2]
    return torch.randint(0, min(counts), (shape.batch, shape.tokens, len(counts)), generator=generator)
