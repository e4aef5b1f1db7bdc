"""Volumes in the window: opened, segmented, measured and looked into."""
