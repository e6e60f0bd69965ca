"""Run a command; print its wall seconds, CPU seconds and peak memory in MB as JSON.

A program of its own and a small one: the system counts what the parent held at the start to the child's peak.
"""

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    started = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    figures = {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }
    print(json.dumps(figures))
    sys.exit(os.waitstatus_to_exitcode(status))
