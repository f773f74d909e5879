"""What the source may not do with bytes from elsewhere; read as syntax, so words in comments do not count."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOREIGN = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def trees() -> dict[str, ast.Module]:
    files = [path for name in ("mnist_deploy", "benchmarks") for path in sorted((ROOT / name).rglob("*.py"))]
    assert len(files) > 100
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def test_nothing_is_unpickled_or_evaluated_and_keras_files_have_one_loader() -> None:
    found = []
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [(name, one.name) for one in node.names if one.name.partition(".")[0] in FOREIGN]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in FOREIGN:
                found.append((name, node.module))
            elif isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in {"eval", "exec", "yaml.load", "yaml.unsafe_load"}:
                    found.append((name, called))
                if called.endswith(("saving.load_model", "models.load_model")):
                    found.append((name, called))
                found += [
                    (name, ast.unparse(one))
                    for one in node.keywords
                    if one.arg == "allow_pickle" and ast.unparse(one.value) != "False"
                ]
    assert found == [("mnist_deploy/training/loading.py", "keras.saving.load_model")]
