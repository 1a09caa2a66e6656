"""Reads a number as protobuf writes it.

Source: Protocol Buffers encoding, Base 128 Varints.
"""


def read_varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the number that stands at a position, and the position after it.

    Raises: IndexError when the message ends before the number; ValueError over 64 bits.
    """
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
