"""LiteRT with its own kernels only, without the delegate XNNPACK."""

from mnist_deploy.runtimes.litert import LiteRTRuntime


class LiteRTBuiltinRuntime(LiteRTRuntime):
    """The interpreter without any delegate: what a device without XNNPACK runs, and what XNNPACK is worth."""

    name = "litert-builtin"
    title = "LiteRT without XNNPACK"
    on_request = True
    order = 12
    resolver = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
