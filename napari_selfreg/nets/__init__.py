"""Tensors in, tensors out: architectures, taps, regularizers and losses.

SCR and IFD on a network of your own, in five lines::

    spec = TapSpec.propose(network, (1, 3, 256, 256)).tapspec
    regularize = SelfRegularization(lambda_scr=0.015, lambda_ifd=0.015)
    with spec.open(network) as taps:
        loss = criterion(network(image), target) + regularize(taps, spec).total
    loss.backward()

DSD, MISSU's branch and the others by name, with heads to train beside the network::

    regularization = Regularization.build(
        {"dsd": {}}, network, spec, sample=(2, 1, 64, 64, 64), n_classes=2, seed=0
    )
    with spec.open(network, regularization.blocks) as taps:
        logits = network(volume)
        extra = regularization(taps, logits=logits, target=target, step=step).total

``TapSpec`` is in :mod:`napari_selfreg.nets.tapspec` (look at the proposal before you trust it, or
write the taps yourself), ``SelfRegularization`` in :mod:`napari_selfreg.nets.selfreg`,
``Regularization`` in :mod:`napari_selfreg.nets.regularization`. Under
autocast the terms are computed in float32; with DistributedDataParallel open the taps on the
wrapped network; with activation checkpointing use ``use_reentrant=False``.
"""
