"""A photograph as it is shown: upright, without what the telephone wrote into it (place, time, owner).

The bytes that were sent are the evidence and stay as they are; only this copy leaves the house.
"""

import warnings
from io import BytesIO
from pathlib import Path

from PIL import Image

from reviewbot.errors import InvalidInput
from reviewbot.files.store import write_once

QUALITY = 88
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""EXIF's orientations, each with what turns it upright; 1 is upright."""


def plain_copy(original: Path, media_type: str) -> Path:
    """The copy beside the original, made once. Raises InvalidInput for what is no picture, or an absurd one."""
    copy = original.with_name(original.name + ".plain")
    if not copy.exists():
        write_once(copy, _stripped(original.read_bytes(), FORMATS[media_type]))
    return copy


def _stripped(data: bytes, form: str) -> bytes:
    out = BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=[form]) as picture:
                upright = _upright(picture)
                bare = Image.new(upright.mode, upright.size)
                bare.paste(upright)
                if upright.mode == "P" and (palette := upright.getpalette()):
                    bare.putpalette(palette)
        bare.save(out, form, **({"quality": QUALITY} if form == "JPEG" else {"optimize": False}))
    except Exception:  # noqa: BLE001 - a file from outside makes the library raise almost anything
        raise InvalidInput("这张照片已损坏或过大，无法显示；原件仍保存在案。") from None
    return out.getvalue()


def _upright(picture: Image.Image) -> Image.Image:
    """Reads the one tag: the library's own way writes all of them anew and fails at an odd one."""
    turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
    return picture.copy() if turn is None else picture.transpose(turn)
