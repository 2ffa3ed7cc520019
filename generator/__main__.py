"""`python -m generator`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import build, bundle, overlay, wire
from .errors import SpecificationError

ROOT = Path(__file__).resolve().parent.parent
