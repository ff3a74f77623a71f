"""Run the command line: `python -m powerwall_gateway_client flows HOST`."""

import sys

from .cli import main

sys.exit(main())
