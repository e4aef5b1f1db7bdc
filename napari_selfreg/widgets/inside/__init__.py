"""Look inside: what every block of a network sees, as layers on the tissue and as numbers."""
