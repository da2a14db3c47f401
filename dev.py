#!/usr/bin/env python3
"""DEE's one door: `python3 dev.py run`, `test`, `bench` or `manage COMMAND`. Standard library only; see devtools/."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (an older Python must still read this file far enough to say so)
    sys.exit("dee: Python 3.11 or newer is needed; this is {}.{}. Try: python3.11 dev.py".format(*sys.version_info))
if sys.platform == "win32":
    sys.exit("dee: Windows has no Valkey. Run DEE inside WSL, where it behaves as on Linux.")

from devtools.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
