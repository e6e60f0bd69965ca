"""Errors that a user can mend, and how a stage or a command ends on one."""

import sys
from collections.abc import Callable


class PipelineError(Exception):
    """Something the user can mend; the message names the file, the key or the row, and what to do."""


def exit_on_error(main: Callable[[], None]) -> None:
    """Run a main(); on a PipelineError, or on Ctrl-C, print one line instead of a traceback."""
    try:
        main()
    except PipelineError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
