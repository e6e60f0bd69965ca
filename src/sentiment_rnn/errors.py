"""Errors that a user can mend, and how a stage or a command ends on one."""

import sys
from collections.abc import Callable

from safetensors import SafetensorError


class PipelineError(Exception):
    """Something the user can mend; the message names the file, the key or the row, and what to do."""


USER_ERRORS = (PipelineError, OSError, SafetensorError)  # of these a line is enough: no file can be written, say


def exit_on_error(main: Callable[[], None]) -> None:
    """Run a main(); on an error that the user can mend, and on Ctrl-C, print a line and no traceback."""
    try:
        main()
    except BrokenPipeError:
        raise
    except USER_ERRORS as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
