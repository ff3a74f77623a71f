"""Run the command line: `python -m gateway flows HOST`."""

import sys

from .cli import main

sys.exit(main())
