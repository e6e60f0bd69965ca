"""What a page shows of a pipeline: tables of variants, their results, and comparisons of their rows."""

from dataclasses import dataclass
from pathlib import Path

from sentiment_rnn.report.comparisons import RowComparison
from sentiment_rnn.report.results import Result, Tables
from sentiment_rnn.report.settings import ReportSettings
from sentiment_rnn.study.variants import Catalogue, Rows

TITLES = Path(__file__).with_name("titles.yaml")  # of the study's tables

Titles = dict[str, dict[str, str]]  # title and text, by table


@dataclass(frozen=True)
class Report:
    """The data of a page."""

    settings: ReportSettings
    tables: Rows
    titles: Titles
    stages: dict[str, str]  # the DVC stage that trains each variant
    results: dict[str, Result]  # by variant
    comparisons: list[RowComparison]
    published: Tables  # the source's figures; empty where they do not compare

    def title(self, table: str) -> dict[str, str]:
        """The title and the text of a table."""
        return self.titles.get(table, {"title": table, "text": ""})

    def rows_of(self, variant: str) -> list[str]:
        """The rows of a variant, as TABLE.ROW."""
        return Catalogue({}, self.tables).rows_with(variant)

    def family(self, name: str) -> list[RowComparison]:
        """The comparisons of a family."""
        return [comparison for comparison in self.comparisons if comparison.family == name]

    def label(self, comparison: RowComparison) -> str:
        """The rows of a comparison: of one table, or of the same row in the tables of two cells."""
        (table, row), (other_table, other) = (side.split(".", 1) for side in (comparison.first, comparison.second))
        if table == other_table:
            return f"{row} vs {other}"
        return f"{row}: {table.removesuffix('_optimizers')} vs {other_table.removesuffix('_optimizers')}"
