"""Owns reading a table file (CSV in UTF-8 or GB 18030, XLSX) into rows of texts, within limits.

Never interprets a cell beyond making it text.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from ais.layouts import FileForm
from core.errors import InputError

_MAX_UNPACKED_BYTES = 512 << 20
_MAX_PARTS = 2_000
_MAX_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class Sheet:
    """Headers, which of them stand there more than once, and rows as (line of the file from 1, header to text)."""

    headers: frozenset[str]
    repeated: frozenset[str]
    rows: Iterator[tuple[int, dict[str, str]]]


def read_sheet(data: bytes, name: str, form: FileForm | None = None) -> Sheet:
    """Open a table file; it is an XLSX if it begins like one.

    Raises:
        InputError: empty, not a table, without the sheet that `form` names, or unpacking to more than the limits.
    """
    form = form or FileForm()
    return _xlsx(data, name, form) if data[:4] == b"PK\x03\x04" else _csv(data, name, form)


def _csv(data: bytes, name: str, form: FileForm) -> Sheet:
    text = _decoded(data, name, form.encoding)
    if not text.strip():
        raise InputError("ais.register_empty", name=name)
    if "\0" in text:
        raise InputError("ais.register_not_text", name=name)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter)
    try:
        lines = ([cell.strip() for cell in line] for line in reader)
        above = sum(1 for _ in islice(lines, form.header_row - 1))  # titles above the headers
        headers = next(lines, []) if above == form.header_row - 1 else []
    except csv.Error as error:
        raise InputError("ais.register_not_text", name=name) from error

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        try:
            for cells in lines:
                if any(cells):
                    yield reader.line_num, dict(zip(headers, cells, strict=False))
        except csv.Error as error:
            raise InputError("ais.register_not_text", name=name) from error

    return _sheet(headers, rows())


def _sheet(headers: Sequence[str], rows: Iterator[tuple[int, dict[str, str]]]) -> Sheet:
    counts = Counter(header for header in headers if header)
    return Sheet(frozenset(counts), frozenset(header for header, count in counts.items() if count > 1), rows)


def _decoded(data: bytes, name: str, encoding: str | None) -> str:
    """As the layout says; else UTF-16 by its mark, UTF-8, or what Chinese office programs write."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    tried = [encoding] if encoding else ["utf-16"] if marked else ["utf-8", "gb18030"]
    for one in tried:
        try:
            return data.decode(one).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    raise InputError("ais.register_not_text", name=name)


def _xlsx(data: bytes, name: str, form: FileForm) -> Sheet:
    from openpyxl import load_workbook  # noqa: PLC0415 - half a second at every start; most sheets are CSV
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
            if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > _MAX_UNPACKED_BYTES:
                raise InputError("ais.register_too_large", name=name)
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        if form.sheet is not None and form.sheet not in book.sheetnames:
            raise InputError("ais.register_no_sheet", name=name, sheet=form.sheet, known=", ".join(book.sheetnames[:20]))
        sheet = book.worksheets[0] if form.sheet is None else book[form.sheet]
        lines = sheet.iter_rows(min_row=form.header_row, max_col=_MAX_COLUMNS, values_only=True)
        headers = [_text(cell) for cell in next(lines, ())]
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError, SyntaxError, OSError) as error:
        raise InputError("ais.register_not_text", name=name) from error

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for line, cells in enumerate(lines, start=form.header_row + 1):
            texts = [_text(cell) for cell in cells]
            if any(texts):
                yield line, dict(zip(headers, texts, strict=False))

    return _sheet(headers, rows())


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
