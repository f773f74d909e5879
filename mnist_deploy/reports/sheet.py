"""Results as CSV, one row for each measurement, for a spreadsheet or pandas.

The columns are the fields of `Measurement` that are one value, last those that follow from others, then those of the
row of parity that belongs to it, then what the whole run has to say. They have the names of the JSON Schema
(`mnist-deploy schema`), nested ones joined by an underscore, and so SI units. A cell is empty where nothing is known.
What was verified but not measured has a row too, without figures of speed: no row of parity is lost.

The file follows RFC 4180: commas, CRLF, quotes where they are needed. A cell of text that a spreadsheet would take for
a formula (it begins with =, +, -, @, a tab or a line break) gets an apostrophe before it, as OWASP's page "CSV
Injection" says; numbers do not.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from mnist_deploy.kinds import CELL, identity
from mnist_deploy.parity import ParityRow
from mnist_deploy.results import Measurement, Results

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def sheet(results: Results) -> str:
    """Return the whole file."""
    installed = {one.runtime: one.installed_bytes for one in results.runtimes}
    run = {
        "created_at": results.created_at.isoformat(),
        "complete": results.complete,
        "quick": results.quick,
        "noisy": results.noise.noisy if results.noise else None,
        "data_sha256": results.data_sha256,
    }
    unknown = _values(Measurement) | _values(ParityRow)
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, [*unknown, *_flips(None), "installed_bytes", *run])
    writer.writeheader()
    for measured, verified in _pairs(results):
        cells = dict(unknown)
        for record in (verified, measured):
            cells |= _values(type(record), record) if record else {}
        cells |= _flips(verified) | {"installed_bytes": installed.get(cells["runtime"])} | run
        writer.writerow({name: _cell(value) for name, value in cells.items()})
    return stream.getvalue()


def _inner(annotation: Any) -> type[BaseModel] | None:
    """Return the record that an annotation stands for, also as 'or None'."""
    kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
    return next((kind for kind in kinds if get_origin(annotation) is not list and issubclass(kind, BaseModel)), None)


def _values(model: type[BaseModel], one: BaseModel | None = None, prefix: str = "") -> dict[str, Any]:
    """Return the fields of a record that are one value, those of records in it too; None where there is no record."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value, inner = getattr(one, name, None), _inner(field.annotation)
        if inner is not None:
            found |= _values(inner, value, f"{prefix}{name}_")
        elif get_origin(field.annotation) not in (list, dict):
            found[prefix + name] = value
    for name in model.model_computed_fields:
        found[prefix + name] = getattr(one, name, None)
    return found


def _pairs(results: Results) -> Iterator[tuple[Measurement | None, ParityRow | None]]:
    """Yield every measurement with its row of parity, then the rows that belong to none."""
    rows = {_key(row): row for row in results.parity}
    for one in results.measurements:
        yield one, rows.get(_key(one))
    measured = {_key(one) for one in results.measurements}
    for name, row in rows.items():
        if name not in measured:
            yield None, row


def _key(one: Measurement | ParityRow) -> tuple[str, ...]:
    return identity(one, "artifact_sha256", of=CELL)


def _flips(row: ParityRow | None) -> dict[str, Any]:
    """Return what a row of parity holds in lists: how many answers flipped each way, why it failed, and warnings."""
    return {
        "flips_lost": len(row.lost) if row else None,
        "flips_gained": len(row.gained) if row else None,
        "flips_altered": len(row.altered) if row else None,
        "failures": "; ".join(row.failures) if row else None,
        "warnings": "; ".join(row.warnings) if row else None,
    }


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else str(value)
    return value
