"""Are these bytes a bundle? A zip of known files in a fixed order, stored as they are, without a time or an owner.

There is one way to write a bundle, so exporting twice gives the same bytes; and what is read has to be what would be
written, so nothing can hide between the files, before or after them. Pure: no file, clock or environment.
Source: DESIGN §13; PKWARE APPNOTE 4.3.
"""

import struct
from collections.abc import Mapping
from zlib import crc32

MANIFEST, ENTRIES, STAMPS, PLAN, POLICIES = (
    "manifest.json", "entries.ndjson", "stamps.ndjson", "plan.json", "policies.ndjson",
)  # fmt: skip
OPENINGS, ERASED, README, VERIFY = "openings.ndjson", "erased.ndjson", "README.txt", "verify.py"
KIB, MIB = 1024, 1024 * 1024
# The files in their order, and how long each may be. Only the openings may be left out.
LIMITS: Mapping[str, int] = {
    MANIFEST: 64 * KIB,
    ENTRIES: 64 * MIB,
    STAMPS: 32 * MIB,
    PLAN: 256 * KIB,
    POLICIES: 16 * MIB,
    OPENINGS: 64 * MIB,
    ERASED: 16 * MIB,
    README: 64 * KIB,
    VERIFY: 64 * KIB,
}
OPTIONAL = frozenset({OPENINGS})
MAX_BYTES = 256 * MIB

Members = Mapping[str, bytes]

_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
_VERSION, _UNIX = 20, 3  # needs nothing newer than the plainest zip; made on Unix, so that the mode is understood
_MIDNIGHT, _FIRST_DAY = 0, 1 << 5 | 1  # 1980-01-01 00:00, the first instant a zip can name
_MODE = 0o100644 << 16


class NotABundle(ValueError):
    """The bytes are no bundle; the message is a sentence."""


def pack(members: Members) -> bytes:
    """Return the one zip file of these members. Raises: NotABundle when a file is missing, unknown or too long."""
    _check(members)
    files, directory = bytearray(), bytearray()
    for name in LIMITS:
        if name not in members:
            continue
        data, title = members[name], name.encode()
        about = (0, 0, _MIDNIGHT, _FIRST_DAY, crc32(data), len(data), len(data), len(title), 0)
        head = (b"PK\x01\x02", _UNIX << 8 | _VERSION, _VERSION, *about, 0, 0, 0, _MODE, len(files))
        directory += _CENTRAL.pack(*head) + title
        files += _LOCAL.pack(b"PK\x03\x04", _VERSION, *about) + title + data
    end = _END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(directory), len(files), 0)
    return bytes(files + directory + end)


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the members of a bundle. Raises: NotABundle."""
    if len(data) > MAX_BYTES:
        raise NotABundle(f"The file is longer than {MAX_BYTES // MIB} MiB; no bundle is.")
    if not data.startswith(b"PK\x03\x04"):
        raise NotABundle("The file is no zip file, or something stands before its first file.")
    members: dict[str, bytes] = {}
    place = 0
    while data.startswith(b"PK\x03\x04", place):
        name, begin, end = _member(data, place)
        if name in members:
            raise NotABundle(f"The zip file holds {name} twice.")
        if name not in LIMITS:
            raise NotABundle(f"The zip file holds {name!r}, which is no file of a bundle.")
        members[name] = data[begin:end]
        place = end
    if pack(members) != data:
        raise NotABundle("The zip file was not written by DEE, or was changed since: it holds more than its files.")
    return members


def _member(data: bytes, place: int) -> tuple[str, int, int]:
    """Return the name of the member whose header begins at a place, and where its bytes begin and end."""
    if len(data) < place + _LOCAL.size:
        raise NotABundle("The zip file is cut off.")
    _, _, flags, method, _, _, _, packed, size, name_length, extra_length = _LOCAL.unpack_from(data, place)
    begin = place + _LOCAL.size + name_length + extra_length
    name = data[place + _LOCAL.size : place + _LOCAL.size + name_length].decode("ascii", "backslashreplace")
    if flags or method or packed != size:
        raise NotABundle(f"{name[:80]!r} is compressed, encrypted or streamed; a bundle stores its files as they are.")
    if begin + size > len(data):
        raise NotABundle(f"The zip file is cut off in {name[:80]!r}.")
    return name[:200], begin, begin + size


def _check(members: Members) -> None:
    for name in LIMITS:
        if name not in members and name not in OPTIONAL:
            raise NotABundle(f"The bundle holds no {name}.")
    for name, data in members.items():
        if name not in LIMITS:
            raise NotABundle(f"{name!r} is no file of a bundle.")
        if len(data) > LIMITS[name]:
            raise NotABundle(f"{name} has {len(data)} bytes; {LIMITS[name]} are allowed.")
