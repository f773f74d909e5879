"""Networks that give the same scores for less work. Pure functions of records; weights fit both, one for one."""

from dataclasses import replace

from mnist_deploy.architectures import INPUT_SHAPE, Activation, Architecture, Conv, Crop, Layer, MaxPool

# They never fall where their argument rises, so the maximum may be taken before or after them.
INCREASING = ("relu", "sigmoid", "tanh")


def cheaper(architecture: Architecture) -> Architecture:
    """Return a network with the same weights and scores that crops the image and pools before the activation.

    - A pooling drops the rest at its edge. Where this makes pixels count for nothing they are cut off first, so that
      no convolution works on them: of the CNNs with 32 and 64 filters only 26x26 of 28x28 pixels matter.
    - After the pooling a quarter of the values are left to put through the activation.

    Scores and gradients are the same but for the rounding of sums in another order, and for ties in a pooling, of
    which another one may get the gradient.
    """
    return replace(architecture, layers=_cropped(_pooled_first(architecture.layers)))


def seen(layers: tuple[Layer, ...]) -> int:
    """Return the side of the square, from the upper left corner, that holds every pixel which matters to `layers`."""
    spatial = [layer for layer in layers if isinstance(layer, Conv | MaxPool)]
    side = INPUT_SHAPE[0]
    for layer in spatial:
        side = layer.output((side, side, 1))[0]
    for layer in reversed(spatial):
        side = side + layer.kernel - 1 if isinstance(layer, Conv) else side * layer.size
    return side


def _cropped(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    side = seen(layers)
    return layers if side == INPUT_SHAPE[0] else (Crop(side), *layers)


def _pooled_first(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    found: list[Layer] = []
    for layer in layers:
        before = found[-1] if found else None
        if isinstance(layer, MaxPool) and isinstance(before, Conv) and before.activation in INCREASING:
            found[-1:] = [replace(before, activation="linear"), layer, Activation(before.activation)]
        else:
            found.append(layer)
    return tuple(found)
