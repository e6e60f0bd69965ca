"""Errors that a user can mend, and how a stage ends on one."""

import sys
from collections.abc import Callable


class PipelineError(Exception):
    """Something the user can mend; the message names the file, the key or the row, and what to do."""


def exit_on_error(main: Callable[[], None]) -> None:
    """Run a stage's main(); on a PipelineError print its message instead of a traceback, and exit with 1."""
    try:
        main()
    except PipelineError as error:
        sys.exit(f"error: {error}")
