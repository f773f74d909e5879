"""A network with the same scores as another that has less to compute: what is trained, and what converters are handed.

Rewriting the model once, in layers of Keras, rather than each converter's graph serves every format and precision.
Weights fit both, one for one.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise, takewhile
from math import prod
from typing import Any

# They increase, so the largest value stays the largest: a max-pooling may come before them or after.
INCREASING = ("relu", "sigmoid", "tanh")
# A ReLU is left where it is: the converters fuse it into the convolution at no cost.
COSTLY = ("sigmoid", "tanh")


def rewritten(model: Any, *, pool_before: Sequence[str] = COSTLY, hidden_dtype: str | None = None) -> Any:
    """Return a model that gives the scores of `model` up to rounding, and has less to compute.

    - Rows and columns at the lower and right edge that no output depends on are cut off the image: a pooling drops
      what does not fill a square, and so what the layers before it made that of. cnn-*-32-64 reads 26x26 of 28x28.
    - A max-pooling comes before an activation of `pool_before`, of which then a quarter is computed.
    - Flatten names the length of the row, not that of the batch: converters read the latter's shape at each call.

    Gradients are the same too, but where several values of a square are the largest: another one may get it.

    Args:
        model: a built `keras.Model`; any that is no `keras.Sequential` is returned as it is.
        pool_before: names of activations, of `INCREASING`.
        hidden_dtype: Keras's name of the dtype policy of every layer but the last; None leaves it as it is.
    """
    import keras

    if not isinstance(model, keras.Sequential):
        return model
    policy = {} if hidden_dtype is None else {"dtype": hidden_dtype}
    rows, columns = _unread(model.layers)
    layers = [keras.layers.Cropping2D(((0, rows), (0, columns)), name="crop", **policy)] if rows or columns else []
    waiting = None
    for layer, following in pairwise([*model.layers, None]):
        config = layer.get_config() | (policy if following is not None else {})
        if isinstance(layer, keras.layers.Conv2D) and isinstance(following, keras.layers.MaxPooling2D):
            function = layer.activation.__name__
            if function in pool_before:
                waiting = keras.layers.Activation(function, name=f"{layer.name}_{function}", **policy)
                config |= {"activation": "linear", "name": f"{layer.name}_linear"}
        if isinstance(layer, keras.layers.Flatten):
            row = partial(keras.ops.reshape, newshape=(-1, prod(layer.output.shape[1:])))
            layers.append(keras.layers.Lambda(row, name=layer.name, **policy))
        else:
            layers.append(type(layer).from_config(config))
        if waiting is not None and isinstance(layer, keras.layers.MaxPooling2D):
            layers.append(waiting)
            waiting = None
    (image,) = model.inputs
    twin = keras.Sequential([keras.Input(image.shape[1:], name=image.name), *layers], name=model.name)
    twin.set_weights(model.get_weights())
    return twin


def _unread(layers: Sequence[Any]) -> tuple[int, int]:
    """Return how many rows and columns at the image's lower and right edge no output depends on."""
    windows = list(takewhile(_windowed, layers))
    if not windows:
        return 0, 0
    read = windows[-1].output.shape[1:3]
    for layer in reversed(windows):
        size = getattr(layer, "kernel_size", None) or layer.pool_size
        dilation = getattr(layer, "dilation_rate", (1, 1))
        read = tuple(
            (count - 1) * stride + (width - 1) * apart + 1
            for count, stride, width, apart in zip(read, layer.strides, size, dilation, strict=True)
        )
    height, width = windows[0].input.shape[1:3]
    return height - read[0], width - read[1]


def _windowed(layer: Any) -> bool:
    """Tell whether `layer` slides a window over the image without padding it."""
    import keras

    kinds = (keras.layers.Conv2D, keras.layers.MaxPooling2D)
    return isinstance(layer, kinds) and layer.padding == "valid" and layer.data_format == "channels_last"
