"""What the source published."""

from typing import Any

from sentiment_rnn.report.results import Tables


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
