"""Files to core types and back: images, labels, data sets, bundles and results."""
