"""The only room that knows Qt and napari; one file per panel."""
