"""Instruction sets, from made-up /proc/cpuinfo."""

from pathlib import Path

import pytest

from mnist_deploy import cpu, environment

EPYC = "processor\t: 0\nflags\t\t: fpu sse4_1 fma avx avx2 avx512f avx512_vnni avx512_bf16 hypervisor\n"
OLD = "flags\t\t: fpu sse2 sse4_1 avx\n"
PI = "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 asimddp i8mm\nCPU part\t: 0xd0b\n"
LITTLE = "Features\t: fp asimd evtstrm crc32\n"


@pytest.mark.parametrize(
    ("text", "features", "dots"),
    [
        (EPYC, ["sse4_1", "avx", "fma", "avx2", "avx512f", "avx512_vnni", "avx512_bf16"], ["avx512_vnni"]),
        (OLD, ["sse4_1", "avx"], []),
        (PI, ["asimd", "asimddp", "i8mm"], ["asimddp", "i8mm"]),
        (PI + LITTLE, ["asimd"], []),
        ("model name\t: something\n", [], []),
        ("", [], []),
        (None, [], []),
    ],
    ids=["x86", "old x86", "arm", "unequal cores", "no flags", "empty", "no such file"],
)
def test_features_that_every_core_has(tmp_path: Path, text: str | None, features: list[str], dots: list[str]) -> None:
    if text is not None:
        (tmp_path / "proc").mkdir()
        (tmp_path / cpu.CPUINFO).write_text(text)
    # The order is the list's own, whatever the kernel's is.
    assert sorted(cpu.features(tmp_path)) == sorted(features)
    assert cpu.int8_dot_products(cpu.features(tmp_path)) == dots


def test_this_machine_names_its_baseline() -> None:
    if not Path("/proc/cpuinfo").is_file():
        pytest.skip("no /proc/cpuinfo here")
    assert set(cpu.features()) & {"sse4_1", "neon", "asimd"}


def test_the_environment_records_them() -> None:
    found = environment.describe()
    assert found.cpu_features == cpu.features()
    assert found.affinity_cores is not None and found.usable_cores <= found.affinity_cores
