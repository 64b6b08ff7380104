"""The environment of the one-file program, as its caller left it: PyInstaller runs this before the program.

The loader unpacks the libraries, starts the program as its child, and waits. Three traces of that would show:

- ``LD_LIBRARY_PATH`` leads to the unpacked libraries. A command that `trixter run` starts must find its own.
- ``_PYI_…`` says where they are. A trixter that `trixter run` starts would use the same ones, and lose them
  when the first one ends.
- A loader that is killed (SIGKILL) can neither pass that on nor tidy up. Without it, the program stops, too.
"""

from __future__ import annotations

import os
import signal
import sys

# <linux/prctl.h>
PR_SET_PDEATHSIG = 1

loader_pid = os.getppid()

caller_path = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
os.environ.pop("LD_LIBRARY_PATH", None)
if caller_path is not None:
    os.environ["LD_LIBRARY_PATH"] = caller_path

for name in [name for name in os.environ if name.startswith("_PYI_")]:
    del os.environ[name]

if sys.platform == "linux":
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != loader_pid:  # it ended before the kernel was asked
        sys.exit(0)
