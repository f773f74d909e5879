import pytest

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.kinds import ARTIFACT, CELL, Variant, identity, kind, options, slug
from mnist_deploy.results import Skip, SkipKind
from tests.records import measurement

SAID = {
    "standard": ("onnx int8", "onnx-int8", "--format onnx --precision int8"),
    "uint8": ("onnx int8 uint8", "onnx-int8-uint8", "--format onnx --precision int8 --variant uint8"),
    "uint8-plain": (
        "onnx int8 uint8-plain", "onnx-int8-uint8-plain", "--format onnx --precision int8 --variant uint8-plain"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("variant", "said"), SAID.items())
def test_a_kind_is_said_alike_of_records_and_artifacts(variant: str, said: tuple[str, str, str]) -> None:
    row = measurement("mlp-tanh-128", "onnx", "int8", "onnxruntime", 1e-5, variant=variant)
    artifact = Artifact.model_construct(
        architecture="mlp-tanh-128", format="onnx", precision=Precision.INT8, variant=Variant(variant)
    )
    for one in (row, artifact):
        assert (kind(one), slug(one), options(one)) == said
        assert identity(one) == ("mlp-tanh-128", "onnx", "int8", variant)
    assert artifact.label == f"mlp-tanh-128 {said[0]}"
    assert identity(row, "batch_size", of=CELL) == (*identity(row), "onnxruntime", "cpu", 1)
    assert CELL[: len(ARTIFACT)] == ARTIFACT


def test_a_variant_is_what_export_was_given() -> None:
    made = {
        (uint8, optimized): Variant.of(uint8=uint8, optimized=optimized) for uint8 in (0, 1) for optimized in (0, 1)
    }
    assert set(made.values()) == set(Variant)
    assert all((one.uint8, one.optimized) == given for given, one in made.items())
    given = {one: one.options.split() for one in Variant}
    assert given == {
        "standard": [], "uint8": ["--input", "uint8"], "plain": ["--no-optimize"],
        "uint8-plain": ["--input", "uint8", "--no-optimize"],
    }  # fmt: skip


def test_a_skip_without_a_variant_is_of_the_standard_one_if_it_names_an_artifact() -> None:
    named = Skip.model_validate({"kind": "failed", "format": "onnx", "precision": "int8", "reason": "it broke"})
    assert named.variant == "standard"
    assert Skip(kind=SkipKind.UNAVAILABLE, runtime="iree", reason="not installed").variant is None
    assert Skip(kind=SkipKind.FAILED, format="onnx", precision="int8", variant="uint8", reason="x").variant == "uint8"
