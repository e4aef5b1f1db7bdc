"""What is taken where a person chooses nothing; the shell's ``--help`` loads no more than this."""

DEFAULT_MODEL = "glands"
"""Name of the model."""
