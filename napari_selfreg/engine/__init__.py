"""Jobs that yield events: predict, segment, train and evaluate."""
