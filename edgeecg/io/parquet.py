"""Parquet, Feather and Arrow files: tables of columns, or one row whose cell is the recording, decoded by pyarrow.

Formats: https://parquet.apache.org/docs/file-format/, https://arrow.apache.org/docs/format/Columnar.html. The rows that
a file tells of are compared with its size before they are read.
"""

from typing import Any

from ..errors import InputError
from ._arrow_columns import arrow_columns
from ._decode import attempt, import_decoder
from ._files import File
from ._table import Facts, table_source
from ._variables import facts_of
from .recording import Source

__all__ = ["open_source"]


def open_source(file: File, keep_identity: bool = False) -> Source:
    """Open the file: its columns.

    Columns of text are not kept. Raises InputError where the file is damaged, unpacks to too much, or has no column of
    samples.
    """
    arrow = import_decoder("pyarrow", "Parquet and Arrow files", "parquet")
    content = arrow.BufferReader(file.read())
    read = parquet_table if file.read(0, 4) == b"PAR1" else arrow_table
    table = attempt(file.name, "Parquet or Arrow file", read, file, arrow, content)
    said = {
        key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
        for key, value in (table.schema.metadata or {}).items()
    }
    facts = facts_of(
        file.name, {key.removeprefix("edgeecg."): value for key, value in said.items() if len(value) < 200}
    )
    columns = arrow_columns(file.name, table)
    if not columns:
        raise InputError(f"{file.name}: holds no column of numbers")
    return table_source(
        file.name, "Parquet", columns, Facts(facts.rate, None, facts.gain, None, facts.start), file.budget
    )


def parquet_table(file: File, arrow: Any, content: Any) -> Any:
    """The table, after its footer was compared with the size of the file."""
    parquet = import_decoder("pyarrow.parquet", "Parquet files", "parquet")
    opened = parquet.ParquetFile(content)
    meta = opened.metadata
    # of whole groups: pyarrow ends the process where it is asked for a column whose statistics are damaged
    unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    file.afford(3 * max(unpacked, 8 * meta.num_rows * meta.num_columns), f"its {meta.num_rows} rows")
    return opened.read()


def arrow_table(file: File, arrow: Any, content: Any) -> Any:
    """The table of an Arrow file, batch after batch; a batch is read when those before it were within the budget."""
    if file.read(0, 4) == b"FEA1":
        feather = import_decoder("pyarrow.feather", "Feather files", "parquet")
        return feather.read_table(content)
    opened = arrow.ipc.open_file(content)
    batches, total = [], 0
    for i in range(opened.num_record_batches):
        batch = opened.get_batch(i)
        total += batch.nbytes
        file.afford(2 * total, "its batches")
        batches.append(batch)
    return arrow.Table.from_batches(batches, opened.schema)
