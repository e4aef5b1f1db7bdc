"""Jobs on volumes: the 3-D counterparts of the jobs beside this package."""
