"""Errors that a user can mend, and how a stage or a command ends on one."""

import sys
from collections.abc import Callable

from safetensors import SafetensorError


class PipelineError(Exception):
    """Something the user can mend; the message names the file, the key or the row, and what to do."""


def exit_on_error(main: Callable[[], None]) -> None:
    """Run a main(); on a PipelineError, on Ctrl-C, or where no file can be written, print a line, and no traceback."""
    try:
        main()
    except BrokenPipeError:
        raise
    except (PipelineError, OSError, SafetensorError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
