"""The command, as `python -m edgeecg`."""

import sys

from .cli import main

sys.exit(main())
