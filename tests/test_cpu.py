from pathlib import Path

import pytest

from mnist_deploy import cpu, environment

X86 = """processor	: 0
model name	: A CPU
flags		: fpu avx avx2 avx512_vnni amx_int8 avx512f sse2
bugs		: avx_vnni

processor	: 1
flags		: fpu
"""
ARM = """processor	: 0
Features	: fp asimd evtstrm asimdhp asimddp i8mm
CPU part	: 0xd40
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X86, ["avx2", "avx512f", "avx512_vnni", "amx_int8"]),
        (ARM, ["asimd", "asimdhp", "asimddp", "i8mm"]),
        ("processor	: 0\n", []),
        ("", []),
    ],
)
def test_features(text: str, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text, encoding="utf-8")
    assert cpu.features(path) == expected


def test_features_where_the_system_does_not_tell(tmp_path: Path) -> None:
    assert cpu.features(tmp_path / "nothing") == []


def test_the_environment_records_them() -> None:
    found = environment.describe()
    assert found.cpu_features == cpu.features()
    assert found.affinity_cores is not None and found.usable_cores <= found.affinity_cores
