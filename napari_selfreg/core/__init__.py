"""Arrays in, arrays out: the numerical core, without torch, files or Qt."""
