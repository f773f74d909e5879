"""Which instruction sets the processor names that decide how fast these networks run.

Linux tells them in /proc/cpuinfo: as `flags` on x86, as `Features` on ARM. The names are the kernel's own:
arch/x86/include/asm/cpufeatures.h, and Documentation/arch/arm64/elf_hwcaps.rst.
"""

from collections.abc import Iterable
from pathlib import Path

CPUINFO = Path("proc/cpuinfo")
FIELDS = ("flags", "Features")
# The baseline of each architecture is among them, so that a known processor never has an empty list.
KNOWN = (
    "sse4_1", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx_vnni", "avx_vnni_int8", "avx512_vnni",
    "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
    "neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "svei8mm", "svebf16", "sme", "smei8i32",
)  # fmt: skip
# They multiply int8 values and add the products into int32 in one instruction; without them int8 needs several.
INT8_DOT_PRODUCTS = (
    "avx_vnni", "avx_vnni_int8", "avx512_vnni", "amx_int8", "asimddp", "i8mm", "svei8mm", "smei8i32",
)  # fmt: skip
# They multiply bfloat16 values and add the products into float32; without them bfloat16 is converted back and forth.
BFLOAT16_PRODUCTS = ("avx512_bf16", "amx_bf16")


def features(root: Path = Path("/")) -> list[str]:
    """Return those of the processor's flags that matter here, in a fixed order; `root` is where `proc` hangs.

    Only what every core has counts, as work may go to any. Empty where the machine does not tell.
    """
    try:
        text = (root / CPUINFO).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    cores = [
        set(values.split())
        for name, _, values in (line.partition(":") for line in text.splitlines())
        if name.strip() in FIELDS
    ]
    common = set.intersection(*cores) if cores else set()
    return [name for name in KNOWN if name in common]


def int8_dot_products(names: Iterable[str]) -> list[str]:
    """Return those of `names` that are int8 dot products."""
    return [name for name in names if name in INT8_DOT_PRODUCTS]


def bfloat16_products(names: Iterable[str]) -> list[str]:
    """Return those of `names` that are products of bfloat16 values, on which oneDNN builds its kernels on x86."""
    return [name for name in names if name in BFLOAT16_PRODUCTS]
