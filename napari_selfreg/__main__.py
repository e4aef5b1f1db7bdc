"""Run the command with ``python -m napari_selfreg``."""

from napari_selfreg.cli import main

if __name__ == "__main__":
    main()
