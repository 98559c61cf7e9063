"""Sounds as models take them: samples, bands by time in either order, codes, and how long each of them is."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_generator.survey.shape import SAMPLES, Shape, number

_BANDS = (
    "num_mel_bins",
    "input_feat_per_channel",
    "feature_size",
    "n_mels",
    "n_mel_bins",
    "num_mel_filters",
    "mel_bins",
    "mel_dim",
    "input_feat_size",
    "model_in_dim",
    "num_mel_channels",
    "input_size",
    "input_dim",
)
_SPEAKER = ("speaker_embedding_dim", "enc_emb_dim", "speaker_dim")
_FRAMES = 96
"""A multiple of whatever encoders shorten by."""
_EVEN_SAMPLES = 7680  # a multiple of the usual hops: 240, 320, 480, 512, 640, 1920


def bands(shape: Shape) -> int:
    """Return how many bands a spectrogram has."""
    return number(shape.config, _BANDS, 80)


def length(shape: Shape) -> int:
    """Return how many frames a spectrogram has: as many as the model has places for, if that is fixed."""
    return shape.stretch * 2 * number(shape.config, ("max_source_positions",), _FRAMES // 2)


def samples(shape: Shape) -> int:
    """Return how many samples a sound has."""
    return SAMPLES * shape.stretch


def _random(generator: Any, *sizes: int) -> Any:
    import torch

    return torch.randn(*sizes, generator=generator)


def _free(shape: Shape) -> int:
    """Return a number of frames that grows with the tokens, so that it is seen whether the length is free."""
    places = number(shape.config, ("max_position_embeddings",), 8 * shape.tokens)
    return shape.stretch * shape.tokens * (8 if places >= 8 * shape.tokens else 4)


def mono(shape: Shape, generator: Any) -> Any:
    """Samples by channel."""
    return _random(generator, shape.batch, number(shape.config, ("audio_channels",), 1), samples(shape))


def even(shape: Shape, generator: Any) -> Any:
    """As many samples as the usual hops divide."""
    return _random(generator, shape.batch, _EVEN_SAMPLES * shape.stretch)


def even_mono(shape: Shape, generator: Any) -> Any:
    """The same by channel."""
    return _random(
        generator, shape.batch, number(shape.config, ("audio_channels",), 1), _EVEN_SAMPLES * shape.stretch
    )


def fixed_spectrogram_bands_last(shape: Shape, generator: Any) -> Any:
    """Bands by time, of the one length that the model is made for."""
    frames = shape.stretch * number(shape.config, ("max_length",), 128)
    return _random(generator, shape.batch, frames, bands(shape))


def bands_last(shape: Shape, generator: Any) -> Any:
    """Frames of bands."""
    return _random(generator, shape.batch, _free(shape), bands(shape))


def bands_first(shape: Shape, generator: Any) -> Any:
    """Bands of frames."""
    return _random(generator, shape.batch, bands(shape), _free(shape))


def stacked_bands_last(shape: Shape, generator: Any) -> Any:
    """Frames of bands, each with some frames beside it."""
    stacked = number(shape.config, ("num_stacked_frames",), 1)
    return _random(generator, shape.batch, _free(shape), stacked * bands(shape))


def bands_in_a_row(shape: Shape, generator: Any) -> Any:
    """Vectors of bands, as many as there are tokens."""
    return _random(generator, shape.batch, shape.tokens, bands(shape))


def bands_of_samples(shape: Shape, generator: Any) -> Any:
    """Frames of bands, as many as the samples beside them make."""
    hop = number(shape.config, ("encoder_hop_length", "hop_length"), 320)
    return _random(generator, shape.batch, _EVEN_SAMPLES * shape.stretch // hop, bands(shape))


def fixed_bands_last(shape: Shape, generator: Any) -> Any:
    """Frames of bands, as many as the model has places for."""
    return _random(generator, shape.batch, length(shape), bands(shape))


def fixed_bands_first(shape: Shape, generator: Any) -> Any:
    """Bands of frames, as many as the model has places for."""
    return _random(generator, shape.batch, bands(shape), length(shape))


def one_picture_bands_last(shape: Shape, generator: Any) -> Any:
    """Frames of bands as a picture of one colour."""
    return _random(generator, shape.batch, 1, length(shape), bands(shape))


def joined(shape: Shape, generator: Any) -> Any:
    """Bands of the frames of all sounds in turn."""
    return _random(generator, bands(shape), shape.batch * length(shape))


def lengths(shape: Shape, _generator: Any) -> Any:
    """How many frames each sound has."""
    import torch

    return torch.full((shape.batch,), shape.heard)


def joined_lengths(shape: Shape, _generator: Any) -> Any:
    """How many frames of those in turn each sound has."""
    import torch

    return torch.full((shape.batch,), shape.heard // shape.batch)


def vectors_each(shape: Shape, _generator: Any) -> Any:
    """How many vectors an encoder makes of the frames of each sound; a shorter piece at the end makes one, too."""
    import torch

    return torch.full((shape.batch,), -(-shape.heard // number(shape.config, ("time_reduction",), 1)))


def sampled_lengths(shape: Shape, _generator: Any) -> Any:
    """How many samples the frames of each sound are made of."""
    import torch

    return torch.full((shape.batch,), shape.heard * number(shape.config, ("hop_length",), 160))


def heard(shape: Shape, _generator: Any) -> Any:
    """Ones: no frame is padding."""
    import torch

    return torch.ones(shape.batch, shape.heard, dtype=torch.long)


def heard_flags(shape: Shape, generator: Any) -> Any:
    """The same as truth values."""
    return heard(shape, generator).bool()


def none_padded(shape: Shape, _generator: Any) -> Any:
    """False: no frame is padding, where true means that one is."""
    import torch

    return torch.zeros(shape.batch, shape.heard, dtype=torch.bool)


def _books(shape: Shape) -> int:
    return number(
        shape.config, ("num_codebooks", "num_quantizers", "n_codebooks", "codebook_num", "num_code_groups"), 4
    )


def _codes(shape: Shape, generator: Any, *sizes: int) -> Any:
    import torch

    names = ("codebook_size", "num_embeddings", "num_embeds", "audio_vocab_size", "vocab_size")
    return torch.randint(0, number(shape.config, names, 16), sizes, generator=generator)


def codes(shape: Shape, generator: Any) -> Any:
    """Codes of each book by time."""
    return _codes(shape, generator, shape.batch, _books(shape), shape.tokens)


def codes_last(shape: Shape, generator: Any) -> Any:
    """Codes by time of each book."""
    return _codes(shape, generator, shape.batch, shape.tokens, _books(shape))


def codes_by_band(shape: Shape, generator: Any) -> Any:
    """Codes by time of each band."""
    return _codes(shape, generator, shape.batch, shape.tokens, bands(shape))


def one_code(shape: Shape, generator: Any) -> Any:
    """Codes by time of a single book."""
    return _codes(shape, generator, shape.batch, shape.tokens)


def codes_in_rows(shape: Shape, generator: Any) -> Any:
    """Codes by time, the books in rows of their own."""
    return _codes(shape, generator, shape.batch * _books(shape), shape.tokens)


def codes_by_channel(shape: Shape, generator: Any) -> Any:
    """Codes by time of each channel."""
    return _codes(shape, generator, shape.batch, shape.tokens, number(shape.config, ("num_channels",), 9))


def speaker(shape: Shape, generator: Any) -> Any:
    """A vector of each speaker."""
    return _random(generator, shape.batch, number(shape.config, _SPEAKER, 64))


def bands_by_code(shape: Shape, generator: Any) -> Any:
    """Frames of bands, several for each code beside them."""
    return _random(generator, shape.batch, _frames_of_codes(shape), bands(shape))


def speaker_by_code(shape: Shape, generator: Any) -> Any:
    """A vector of the speaker for each of these frames."""
    return _random(generator, shape.batch, _frames_of_codes(shape), number(shape.config, _SPEAKER, 64))


def _frames_of_codes(shape: Shape) -> int:
    return shape.tokens * number(shape.config, ("repeats",), 1)


def spoken_before(shape: Shape, generator: Any) -> Any:
    """Frames of bands that a decoder has written already."""
    return _random(generator, shape.batch, shape.tokens, bands(shape))


def codes_of_one_time(shape: Shape, generator: Any) -> Any:
    """One code of each book."""
    return _codes(shape, generator, shape.batch, _books(shape))


def noise(shape: Shape, generator: Any) -> Any:
    """Noise for each frame that a sound is made of."""
    return _random(generator, shape.batch, shape.heard, number(shape.config, ("model_in_channels",), 64))


def bands_first_by_token(shape: Shape, generator: Any) -> Any:
    """Bands of frames, as many as the tokens of a text are heard in: each token goes with a piece of the sound."""
    count = shape.tokens * number(shape.config, ("audio_length_per_tok",), 8)
    return _random(generator, shape.batch, bands(shape), count)
