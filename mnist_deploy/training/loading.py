"""Load a .keras file, which may be anybody's: the only place where one is loaded.

Keras's safe mode refuses Python lambdas, and since a layer that did something else was found year after year, it is not
relied on alone: the archive is held to limits, and config.json to the classes that networks are made of, before Keras
sees it.
"""

import json
import re
from pathlib import Path
from typing import Any

from mnist_deploy import archives
from mnist_deploy.archives import ArchiveError
from mnist_deploy.errors import ModelError

CONFIG = "config.json"
SUFFIX = ".keras"
# What Keras writes for a network; files beside them (assets/) are those of the layers that are refused below. The
# largest of the six networks has 0.8 MB, Keras's EfficientNetV2L 476.
LIMITS = archives.Limits(members=3, total_bytes=1024**3, names=frozenset({CONFIG, "metadata.json", "model.weights.h5"}))
# Keras's NASNetLarge, of a thousand layers, has 1.0 MB.
MAX_CONFIG_BYTES = 8 * 1024**2
# Where Keras has what networks are made of, by their public and their inner names.
MODULES = re.compile(
    r"keras|keras\.(src\.)?(activations|applications|constraints|dtype_policies|initializers|layers|losses|metrics|"
    r"models|ops|optimizers|quantizers|random|regularizers)(\.\w+)*"
)
CLASS = re.compile(r"[A-Z]\w*")
# How Keras writes values that are no JSON.
VALUES = frozenset({"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"})
# They run what the file, or another that it names, holds; or read a vocabulary from any path.
REFUSED = frozenset(
    {
        "FlaxLayer", "IndexLookup", "IntegerLookup", "JaxLayer", "Lambda", "StringLookup", "TFSMLayer",
        "TextVectorization", "TorchModuleWrapper",
    }
)  # fmt: skip


def load_model(path: Path) -> Any:
    """Return the model in the .keras file at `path`, without its optimizer, on the backend that Keras has here.

    Raises:
        ModelError: it is damaged, beyond `LIMITS`, or names what is no part of a network.
    """
    check(path)
    import keras

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its parts raise on a damaged file
        raise unreadable(path, str(error)) from error


def unreadable(path: Path, reason: str) -> ModelError:
    """Return the error for the model at `path`, which cannot be loaded."""
    line = (reason.strip().splitlines() or ["it does not say why"])[0][:120]
    remedy = f"mnist-deploy train {path.parent.name} --force"
    return ModelError(f"{path}: not a readable Keras model ({line}); run: {remedy}")


def check(path: Path) -> None:
    """Refuse a .keras file by what its archive and its config.json say, without Keras.

    Raises:
        ModelError: it is no archive within `LIMITS`, or its configuration names anything but parts of networks.
    """
    try:
        _check_archive(path)
    except ArchiveError as error:
        raise unreadable(path, str(error)) from error


def _check_archive(path: Path) -> None:
    # By another name Keras would take it for another format, and its safe mode is for this one.
    if path.suffix != SUFFIX:
        raise ArchiveError(f"its name does not end with {SUFFIX}")
    with archives.opened(path, LIMITS) as archive:
        missing = (LIMITS.names or frozenset()) - set(archive.namelist())
        if missing:
            raise ArchiveError(f"lacks {', '.join(sorted(missing))}")
        size = archive.getinfo(CONFIG).file_size
        if size > MAX_CONFIG_BYTES:
            raise ArchiveError(f"{CONFIG} has {size:,} bytes; the limit is {MAX_CONFIG_BYTES:,}")
        config = json.loads(archive.read(CONFIG))
    if not isinstance(config, dict):
        raise ArchiveError(f"{CONFIG} holds no model")
    # How it was compiled is not loaded.
    waiting: list[Any] = [{name: value for name, value in config.items() if name != "compile_config"}]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            _check_object(one)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _check_object(one: dict[str, Any]) -> None:
    name, module = one.get("class_name"), one.get("module")
    if name is None or (isinstance(name, str) and name in VALUES):
        return
    known = isinstance(name, str) and CLASS.fullmatch(name) and name not in REFUSED
    if not known or not (module is None or (isinstance(module, str) and MODULES.fullmatch(module))):
        called = ".".join(str(part) for part in (module, name, one.get("config")) if isinstance(part, str))
        raise ArchiveError(f"{CONFIG} names {called[:60]!a}, which is no part of a network or may run other code")
