"""The Fine-tune panel: learn from corrections, and see whether it helped."""
