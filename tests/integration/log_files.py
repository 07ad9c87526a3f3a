# SPDX-License-Identifier: Apache-2.0
"""The files of a stopped node, as docs/wal.md and docs/formats.md describe them: to find a block in
them, to damage it, to see that nothing changed."""
import hashlib
import struct
from pathlib import Path

SEGMENT_HEADER_BYTES = 4096
BLOCK_HEADER = struct.Struct("<IIIIQQQ")
BLOCK_MAGIC = 0x4B4C4257
IDENTITY_PLACES = struct.Struct("<32xQQ16x")  # segment_bytes, first_segment

CRC32C = [0] * 256
for _byte in range(256):
    _crc = _byte
    for _ in range(8):
        _crc = _crc >> 1 ^ (0x82F63B78 if _crc & 1 else 0)
    CRC32C[_byte] = _crc


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC32C[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def segments(data):
    return sorted((Path(data) / "wal").glob("*.seg"))


def blocks(data):
    """(path, offset, used bytes) of each block, from the first that is kept to the last."""
    size, first = IDENTITY_PLACES.unpack((Path(data) / "identity").read_bytes())
    position = first * size
    found = []
    for number, path in enumerate(segments(data), first):
        content = path.read_bytes()
        while position < (number + 1) * size:
            offset = SEGMENT_HEADER_BYTES + position % size
            _, magic, used, span, _, at, _ = BLOCK_HEADER.unpack_from(content, offset)
            if magic != BLOCK_MAGIC or at != position:
                return found
            found.append((path, offset, used))
            position += span
    return found


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))


def set_version(path, version, covered):
    """A file of another format version, its checksum over `covered` bytes being right."""
    with open(path, "r+b") as file:
        head = bytearray(file.read(covered))
        struct.pack_into("<I", head, 8, version)
        struct.pack_into("<I", head, 0, crc32c(head[4:]))
        file.seek(0)
        file.write(head)


def fingerprint(directory):
    """Of every file, but for the lock, which names the process that last tried."""
    return {path.relative_to(directory): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(directory).rglob("*")) if path.is_file() and
            path.name != "lock"}
