"""What scores were measured on, in the words that cards keep and people read explained.

Apart from the jobs that write them: who explains a card must not load torch for it. Cards that
are out keep their sentence, so a new wording is one more to explain.
"""

from __future__ import annotations

PATIENTS = "held-out patients, also used for early stopping and to choose lambda"
CASES = "held-out cases, which neither taught nor chose the weights"
STRIPS = "a strip of every reviewed region, held out of the fine-tuning, of the same pictures"
SLABS = "a slab of every volume, held out of the fine-tuning, of the same volumes"

STRIPS_PROTOCOL = "strips"
SLABS_PROTOCOL = "slabs"
