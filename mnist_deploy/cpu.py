"""Which of the CPU's features decide how fast these networks can be: wide vectors, int8 dot products, half floats."""

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
# As Linux spells them: arch/x86/include/asm/cpufeatures.h and Documentation/arch/arm64/elf_hwcaps.rst. On ARM "asimd"
# is NEON, "asimdhp" its float16 arithmetic and "asimddp" its dot products of int8.
FEATURES = (
    "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_fp16", "avx512_bf16", "avx512_vnni", "avx_vnni",
    "avx_vnni_int8", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
    "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme",
)  # fmt: skip


def features(cpuinfo: Path = CPUINFO) -> list[str]:
    """Return those of `FEATURES` that the first processor in `cpuinfo` has, in that order; [] where none is told."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    # "flags" on x86, "Features" on ARM; a virtual machine shows what it passes on, which is what counts.
    told = next((rest for name, _, rest in (line.partition(":") for line in lines) if _named(name)), "")
    return [name for name in FEATURES if name in told.lower().split()]


def _named(name: str) -> bool:
    return name.strip().lower() in {"flags", "features"}
