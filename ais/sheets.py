"""Owns reading a table file (CSV in UTF-8 or GB 18030, XLSX) into rows of texts, within limits.

Never interprets a cell beyond making it text.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from core.errors import InputError

_MAX_UNPACKED_BYTES = 512 << 20
_MAX_PARTS = 2_000
_MAX_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class Sheet:
    """Headers, and rows as (line of the file from 1, header to text)."""

    headers: frozenset[str]
    rows: Iterator[tuple[int, dict[str, str]]]


def read_sheet(data: bytes, name: str) -> Sheet:
    """Open a table file; it is an XLSX if it begins like one.

    Raises:
        InputError: empty, not a table, or unpacking to more than the limits.
    """
    return _xlsx(data, name) if data[:4] == b"PK\x03\x04" else _csv(data, name)


def _csv(data: bytes, name: str) -> Sheet:
    text = _decoded(data, name)
    if not text.strip():
        raise InputError("ais.register_empty", name=name)
    if "\0" in text:
        raise InputError("ais.register_not_text", name=name)
    reader = csv.DictReader(io.StringIO(text, newline=""))

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        try:
            for row in reader:
                cells = {(key or "").strip(): value.strip() for key, value in row.items() if isinstance(value, str)}
                yield reader.line_num, cells
        except csv.Error as error:
            raise InputError("ais.register_not_text", name=name) from error

    try:
        headers = frozenset(header.strip() for header in reader.fieldnames or ())
    except csv.Error as error:
        raise InputError("ais.register_not_text", name=name) from error
    return Sheet(headers, rows())


def _decoded(data: bytes, name: str) -> str:
    """UTF-8, else what Chinese office programs write."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError as error:
        raise InputError("ais.register_not_text", name=name) from error


def _xlsx(data: bytes, name: str) -> Sheet:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
            if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > _MAX_UNPACKED_BYTES:
                raise InputError("ais.register_too_large", name=name)
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        lines = book.worksheets[0].iter_rows(max_col=_MAX_COLUMNS, values_only=True)
        headers = [_text(cell) for cell in next(lines, ())]
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError, SyntaxError, OSError) as error:
        raise InputError("ais.register_not_text", name=name) from error

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for line, cells in enumerate(lines, start=2):
            texts = [_text(cell) for cell in cells]
            if any(texts):
                yield line, dict(zip(headers, texts, strict=False))

    return Sheet(frozenset(header for header in headers if header), rows())


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
