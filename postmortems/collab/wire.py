"""The encoding under Yjs messages: variable-length numbers, and bytes and texts behind their length."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_NUMBER = 2**53 - 1
"""What a JavaScript number holds exactly."""
LONGEST_NUMBER = 9
"""Bytes."""


class BadFrame(Exception):
    """Bytes that are no message of ours; the message says what is wrong with them, for the log."""


@dataclass(slots=True)
class Reader:
    """Reads from the front of `data`. Every method raises `BadFrame` where the bytes do not hold what is asked for."""

    data: bytes
    at: int = 0

    @property
    def is_at_end(self) -> bool:
        return self.at >= len(self.data)

    def byte(self) -> int:
        if self.is_at_end:
            raise BadFrame("ends too early")
        value = self.data[self.at]
        self.at += 1
        return value

    def number(self) -> int:
        """An unsigned number of up to 53 bits, seven bits a byte, the lowest first."""
        value = shift = 0
        for byte in self.data[self.at : self.at + LONGEST_NUMBER]:
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                if value > LARGEST_NUMBER:
                    raise BadFrame("a number is too large")
                self.at += shift // 7
                return value
        raise BadFrame("a number is too long" if shift == 7 * LONGEST_NUMBER else "ends too early")

    def chunk(self) -> bytes:
        """Bytes behind their length."""
        length = self.number()
        if length > len(self.data) - self.at:
            raise BadFrame("a length reaches beyond the end")
        self.at += length
        return self.data[self.at - length : self.at]

    def text(self) -> str:
        try:
            return self.chunk().decode()
        except UnicodeDecodeError as error:
            raise BadFrame("a text is not UTF-8") from error

    def end(self) -> None:
        if not self.is_at_end:
            raise BadFrame("something follows the end")


def number(value: int) -> bytes:
    """`value` as `Reader.number` reads it."""
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def chunk(data: bytes) -> bytes:
    return number(len(data)) + data


def text(words: str) -> bytes:
    return chunk(words.encode())
