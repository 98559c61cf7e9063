"""Values over time: as many as the model looks back, with what is known about each time and whether it was seen."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_generator.survey.shape import Shape, number


def _past(shape: Shape) -> int:
    """Return how many values a model looks back: its context, and the longest lag before it."""
    ahead = number(shape.config, ("prediction_length",), 4)
    context = number(shape.config, ("context_length",), ahead)
    lags: list[int] = getattr(shape.config, "lags_sequence", None) or [0]
    return context + max(lags)


def _several(shape: Shape) -> int:
    return number(shape.config, ("num_input_channels", "input_size"), 1)


def _random(generator: Any, *sizes: int) -> Any:
    import torch

    return torch.randn(*sizes, generator=generator)


def past(shape: Shape, generator: Any) -> Any:
    """Past values, by variable where there is more than one."""
    if hasattr(shape.config, "num_input_channels") or _several(shape) > 1:
        return past_of_several(shape, generator)
    return _random(generator, shape.batch, _past(shape))


def past_of_several(shape: Shape, generator: Any) -> Any:
    """Past values by variable."""
    return _random(generator, shape.batch, _past(shape), _several(shape))


def past_seen(shape: Shape, generator: Any) -> Any:
    """True: each of them was seen."""
    import torch

    return torch.ones_like(past(shape, generator), dtype=torch.bool)


def none_padded(shape: Shape, _generator: Any) -> Any:
    """Zeros: none of them is padding."""
    import torch

    return torch.zeros(shape.batch, _past(shape), dtype=torch.long)


def past_times(shape: Shape, generator: Any) -> Any:
    """What is known about each past time."""
    return _random(generator, shape.batch, _past(shape), getattr(shape.config, "num_time_features", 0) or 0)


def _ahead(shape: Shape) -> int:
    return number(shape.config, ("prediction_length",), 4)


def future(shape: Shape, generator: Any) -> Any:
    """Values to come, which a decoder is given in training."""
    several = (_several(shape),) if _several(shape) > 1 else ()
    return _random(generator, shape.batch, _ahead(shape), *several)


def future_times(shape: Shape, generator: Any) -> Any:
    """What is known about each time to come."""
    return _random(generator, shape.batch, _ahead(shape), getattr(shape.config, "num_time_features", 0) or 0)


def frequency(shape: Shape, _generator: Any) -> Any:
    """Zeros: values that come often."""
    import torch

    return torch.zeros(shape.batch, 1, dtype=torch.long)


def states(shape: Shape, generator: Any) -> Any:
    """What an agent saw at each time."""
    return _random(
        generator, shape.batch, shape.tokens, number(shape.config, ("state_dim", "max_state_dim"), 17)
    )


def actions(shape: Shape, generator: Any) -> Any:
    """What it did at each time."""
    return _random(
        generator, shape.batch, shape.tokens, number(shape.config, ("act_dim", "max_action_dim"), 4)
    )


def rewards(shape: Shape, generator: Any) -> Any:
    """What that was worth."""
    return _random(generator, shape.batch, shape.tokens, 1)


def times(shape: Shape, generator: Any) -> Any:
    """The times by number."""
    import torch

    most = number(shape.config, ("max_ep_len",), 64)
    return torch.randint(0, most, (shape.batch, shape.tokens), generator=generator)
