"""How long tests wait for what comes in no time unless something hangs; milliseconds."""

from __future__ import annotations

LONG = 60_000
"""Only a hanging test needs this."""

FIRST = 120_000
"""The same for what may be the first in its process to import torch and monai."""
