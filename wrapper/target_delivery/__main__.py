"""`python -m target_delivery` is the command `target-delivery`."""

import sys

from target_delivery._cli.main import main

sys.exit(main())
