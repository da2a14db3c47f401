"""How does a key come into an app? As a picture that its camera reads, drawn as one SVG path, and as text."""

from base64 import b32encode
from binascii import unhexlify
from dataclasses import dataclass

import qrcode
from django.contrib.auth.models import User
from django_otp.plugins.otp_totp.models import TOTPDevice

QUIET = 4  # white modules around the picture, as the standard asks for


@dataclass(frozen=True, slots=True)
class Offer:
    """A key that an app may take. size: of the picture in modules. text: the key in groups of four, to be typed."""

    path: str
    size: int
    text: str
    url: str


def offer(user: User, key: str) -> Offer:
    """Return the picture and the text of a key given in hex digits."""
    url = TOTPDevice(user=user, key=key).config_url
    code = qrcode.QRCode(border=QUIET, error_correction=qrcode.ERROR_CORRECT_M)
    code.add_data(url)
    rows = code.get_matrix()
    typed = b32encode(unhexlify(key)).decode()
    return Offer(_path(rows), len(rows), " ".join(typed[at : at + 4] for at in range(0, len(typed), 4)), url)


def _path(rows: list[list[bool]]) -> str:
    """Return SVG path data: one rectangle for each run of dark modules of a row."""
    drawn = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end]:
                end += 1
            if end > x:
                drawn.append(f"M{x} {y}h{end - x}v1h-{end - x}z")
            x = end + 1
    return "".join(drawn)
