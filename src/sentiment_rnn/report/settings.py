"""The parameters of the report, which no training depends on."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from sentiment_rnn.study.params import Params, StrictModel, parse


class Plots(StrictModel):
    """How the figures look."""

    dpi: Annotated[int, Field(ge=50, le=600)]
    colors: Annotated[list[Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]], Field(min_length=1)]


class ReportSettings(StrictModel):
    """The keys of params.yaml that the report alone reads."""

    margin: Annotated[float, Field(gt=0, lt=1)]
    plots: Plots


def report_settings(params: Params) -> ReportSettings:
    """Validate the keys of the report; a ParamsError has a line for each that is wrong."""
    return parse(ReportSettings, Path("params.yaml"), {"margin": params.margin, "plots": params.plots})
