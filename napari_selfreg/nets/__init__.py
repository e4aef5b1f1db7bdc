"""Tensors in, tensors out: architectures, taps, regularizers and losses.

SCR and IFD on a network of your own, in five lines::

    spec = TapSpec.propose(network, (1, 3, 256, 256)).tapspec
    regularize = SelfRegularization(lambda_scr=0.015, lambda_ifd=0.015)
    with spec.open(network) as taps:
        loss = criterion(network(image), target) + regularize(taps, spec).total
    loss.backward()

``TapSpec`` is in :mod:`napari_selfreg.nets.tapspec` (look at the proposal before you trust it, or
write the taps yourself), ``SelfRegularization`` in :mod:`napari_selfreg.nets.selfreg`. Under
autocast the terms are computed in float32; with DistributedDataParallel open the taps on the
wrapped network; with activation checkpointing use ``use_reentrant=False``.
"""
