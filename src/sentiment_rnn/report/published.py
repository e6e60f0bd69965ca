"""What the source published, and how its claims are read."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sentiment_rnn.report.results import Tables


def read_published(path: Path) -> dict[str, Any]:
    """The source's figures, as data/published.yaml has them."""
    content: dict[str, Any] = YAML(typ="safe").load(path)
    return content


def read_meanings(path: Path) -> dict[str, Any]:
    """The statements of each claim and the names of the rows, as data/claims.yaml has them."""
    content: dict[str, Any] = YAML(typ="safe").load(path)
    return content


def published_tables(published: dict[str, Any]) -> Tables:
    """The source's tables with the same studies and rows as ours; a row whose axis value it does not state is None."""
    tables: Tables = {}
    for study, entries in published["studies"].items():
        axis = "optimizer" if study.endswith("_optimizers") else study
        tables[study] = {
            str(entry.get(axis, study)): {name: entry[name] for name in ("test_loss", "test_accuracy")}
            for entry in entries
        }
    return tables
