"""Parses CamPay's statement (`POST /history/`) as a stream, a row at a time."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

_MAXIMUM_ROW = 1_000_000
"""Characters of a row, as far as it has not arrived whole."""
_LONG_NUMBER = 20
"""Characters. A number that has no more needs no further look."""
_NUMBER = re.compile(r"-?[0-9.]{1,1000}([eE][+-]?[0-9]{1,3})?")
_NO_STATEMENT = "it is no statement in JSON"


class StatementMalformed(Exception):
    """Raised where the answer is no statement or exceeds the bounds."""


def rows_in(chunks: Iterable[bytes], maximum_rows: int) -> Iterator[Mapping[str, Any]]:
    """Yields the rows of either envelope, `{"data": [...]}` or a bare array.

    Elements that are no objects are skipped. Numbers are text, so that money never becomes a float. Raises
    StatementMalformed, also after some rows.
    """
    document = _Document(chunks)
    try:
        for number, row in enumerate(_elements(document), 1):
            if number > maximum_rows:
                raise StatementMalformed(f"there are more than {maximum_rows} rows")
            if isinstance(row, dict):
                yield row
        if document.next():
            raise StatementMalformed(_NO_STATEMENT)
    except UnicodeDecodeError as error:
        raise StatementMalformed(_NO_STATEMENT) from error
    except RecursionError as error:
        raise StatementMalformed("it is nested too deep") from error


def _elements(document: "_Document") -> Iterator[Any]:
    """Yields the elements of the array of rows: the whole document, or the value of `data`."""
    if document.next() == "[":
        yield from document.array()
        return
    is_there = False
    for key in document.members():
        if key == "data" and document.next() == "[":
            is_there = True
            yield from document.array()
        else:
            document.value()
    if not is_there:
        raise StatementMalformed("there is no array of rows in it")


class _Document:
    """A JSON document that arrives in chunks. Keeps what is not consumed yet: one value, and the rest of a chunk.

    Every method raises StatementMalformed, UnicodeDecodeError and RecursionError.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = codecs.iterdecode(iter(chunks), "utf-8")
        self._text, self._at = "", 0

    def array(self) -> Iterator[Any]:
        """Yields the elements of an array."""
        for _ in self._items("[", "]"):
            yield self.value()

    def members(self) -> Iterator[str]:
        """Yields the keys of an object. The caller consumes each value before the next key."""
        for _ in self._items("{", "}"):
            if self.next() != '"':
                raise StatementMalformed(_NO_STATEMENT)
            key: str = self.value()
            self._take(":")
            yield key

    def next(self) -> str:
        """Returns the next character that is no white space, and does not consume it; "" at the end."""
        while not (found := _VISIBLE.search(self._text, self._at)):
            self._at = len(self._text)
            if not self._read_on():
                return ""
        self._at = found.start()
        return found[0]

    def value(self) -> Any:
        """Returns the next value. One that ends where the text ends may go on in the next chunk, as a number does.

        A number also does where a point or an exponent has begun: the decoder takes `5000` from `5000.`.
        """
        self.next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                end = len(self._text)
            if end < len(self._text) and not _GOES_ON.match(self._text, end):
                self._at = end
                return value
            if not self._read_on():
                raise StatementMalformed(_NO_STATEMENT)

    def _items(self, begin: str, end: str) -> Iterator[None]:
        """Stops before each item of an array or an object. The caller consumes it."""
        self._take(begin)
        is_over = self.next() == end
        if is_over:
            self._take(end)
        while not is_over:
            yield
            is_over = self._take("," + end) == end

    def _take(self, expected: str) -> str:
        found = self.next()
        if not found or found not in expected:
            raise StatementMalformed(_NO_STATEMENT)
        self._at += 1
        return found

    def _read_on(self) -> bool:
        """Doubles what is left at least, so that a value in many chunks is decoded few times. False at the end."""
        left = len(self._text) - self._at
        if left > _MAXIMUM_ROW:
            raise StatementMalformed(f"a row is longer than {_MAXIMUM_ROW} characters, or no JSON")
        pieces, read = [self._text[self._at :]], 0
        for piece in self._chunks:
            pieces.append(piece)
            read += len(piece)
            if read > left:
                break
        self._text, self._at = "".join(pieces), 0
        return read > 0


def _number(text: str) -> str:
    """Returns a number as its text. Raises StatementMalformed where it is too long to be one of CamPay's."""
    if len(text) > _LONG_NUMBER and not _NUMBER.fullmatch(text):
        raise StatementMalformed("a number is too long")
    return text


def _no_number(name: str) -> NoReturn:
    raise StatementMalformed(f"{name} is no number of JSON")


_VISIBLE = re.compile(r"[^ \t\n\r]")
_GOES_ON = re.compile(r"[.eE][+-]?\Z")
_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_no_number)
