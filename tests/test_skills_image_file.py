"""A picture is read from every form that people keep one in; what is none is named, and nothing else is raised."""

import io
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.evidence.pictures import FORMS, drawn, pictures
from ipfs_accelerate_py.skills.image_file import opened

FORMATS = ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "ICO", "JPEG2000", "AVIF")
JPEG_LOSS = 40  # of 255; lossy formats give nearly the same picture


def _saved(form):
    file = io.BytesIO()
    pictures()[1].convert("P" if form == "GIF" else "RGB").save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_its_picture(form, tmp_path):
    given_, want = drawn(form, tmp_path)
    got = opened(given_)
    assert got.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


def test_a_path_may_be_a_text_a_path_or_named_in_a_dictionary(tmp_path):
    path, want = drawn("grey", tmp_path)
    for item in (path, str(path), {"image_path": str(path)}, {"image_path": path}):
        np.testing.assert_array_equal(np.asarray(opened(item)), np.asarray(want))


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_file_of_any_format_is_read_or_refused_and_raises_nothing_else(form):
    whole = _saved(form)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def damaged(data):
        raw = bytearray(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
        for place, value in data.draw(
            st.lists(st.tuples(st.integers(0, max(0, len(raw) - 1)), st.integers(0, 255)), max_size=4)
        ):
            if raw:
                raw[place] = value
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns of some damage and reads on
                assert opened(bytes(raw)).mode == "RGB"
        except InputError as error:
            assert "cannot be read as an image" in str(error)  # noqa: PT017 - either end is right

    damaged()


def test_a_file_cut_in_half_says_which_and_what_is_wrong(tmp_path):
    path = tmp_path / "half.png"
    path.write_bytes(_saved("PNG")[:200])
    with pytest.raises(InputError, match=r"input 2: .*half\.png: cannot be read as an image: .*truncated"):
        opened(path, 2)


def test_a_text_that_is_called_a_picture_is_refused(tmp_path):
    (tmp_path / "letter.png").write_text("Dear all,\n")
    with pytest.raises(InputError, match=r"letter\.png: cannot be read as an image: cannot identify"):
        opened(tmp_path / "letter.png")


@pytest.mark.parametrize(
    "name", ["", "gone.png", "a/b/c.png", "~nobody/picture.png", "x" * 5000, "a\0b", "\udcff.png"]
)
def test_a_path_to_nothing_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no such image file|cannot be read as an image"):
        opened(name)


def test_a_folder_and_an_empty_file_are_no_pictures(tmp_path):
    (tmp_path / "empty.png").touch()
    for path in (tmp_path, tmp_path / "empty.png"):
        with pytest.raises(InputError, match="cannot be read as an image"):
            opened(path)


def test_a_picture_that_would_fill_the_memory_is_refused_before_it_is_decoded():
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = (60_000).to_bytes(4, "big")
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + size + bytes([8, 2, 0, 0, 0])) + chunk(b"IDAT", b"x")
    with pytest.raises(InputError, match=r"3600000000 pixels.*decompression bomb"):
        opened(bomb)


@pytest.mark.parametrize("item", [7, None, 1.5, [], {}, {"image": "a.png"}, ("a.png",), object()])
def test_what_is_no_picture_at_all_is_named_with_its_place(item):
    with pytest.raises(InputError, match=rf"input 4: is a {type(item).__name__}; this task takes an image"):
        opened(item, 4)


@pytest.mark.parametrize(
    "shape", [(), (5,), (0, 5), (5, 0, 3), (5, 5, 2), (5, 6, 7), (2, 5, 5), (1, 2, 3, 4), (3, 3, 3, 3)]
)
def test_an_array_of_another_shape_is_no_picture(shape):
    with pytest.raises(InputError, match=r"an array of shape .* is no image"):
        opened(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    "kind", [bool, np.int16, np.int64, np.uint16, complex, object, "U3", "datetime64[s]"]
)
def test_an_array_of_another_type_is_no_picture(kind):
    with pytest.raises(InputError, match="an image array is uint8 or floating point"):
        opened(np.zeros((4, 5), dtype=kind))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 1.01, 255.0])
def test_fractions_outside_their_range_are_refused(value):
    values = np.full((4, 5, 3), 0.5)
    values[2, 3, 1] = value
    with pytest.raises(InputError, match=r"not finite|values from 0 to 1"):
        opened(values)


def test_files_are_closed_again(tmp_path):
    import gc

    path, _ = drawn("animated", tmp_path)
    broken = tmp_path / "broken.gif"
    broken.write_bytes(path.read_bytes()[:40])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        opened(path)
        with pytest.raises(InputError):
            opened(broken)
        gc.collect()


def test_an_image_of_the_users_stays_as_it_is():
    mine = Image.new("LA", (3, 4), (7, 8))
    opened(mine)
    assert (mine.mode, mine.size, mine.getpixel((0, 0))) == ("LA", (3, 4), (7, 8))
