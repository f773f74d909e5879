"""Bad options of every command: exit code 2, one line that names what is wrong and what to do, and no file changed."""

import json
import os
import shlex
import shutil
import stat
from pathlib import Path

import pytest

from mnist_deploy.cli.app import COMMANDS
from tests.conftest import NETWORKS, TinyRun
from tests.records import RACE
from tests.test_cli import ended

MLP, CNN = NETWORKS
SEE = "(see mnist-deploy {} --help)"
LONG = "x" * 300

# A command line; what its error must name; what it must say to do. In the folder that `here` makes.
CASES = [
    # the program itself
    ("benchmark", "No such command 'benchmark'", "(see mnist-deploy --help)"),
    ("--artefacts x list", "--artefacts", "(see mnist-deploy --help)"),
    ("--artifacts text.txt list", "--artifacts text.txt: is no folder", "give another, or a name that is free"),
    ("--debug", "Missing command", "(see mnist-deploy --help)"),
    # train, train-all
    ("train", "NAME", SEE.format("train")),
    ("train mlp-relu-129", "unknown architecture 'mlp-relu-129'", "did you mean mlp-relu-128?"),
    ("train ''", "unknown architecture ''", "known: mlp-relu-128"),
    (f"train {MLP} --epochs 0", "'--epochs'", SEE.format("train")),
    (f"train {MLP} --epochs 1.5", "'--epochs'", SEE.format("train")),
    (f"train {MLP} --epochs {'9' * 30}", "'--epochs'", SEE.format("train")),
    (f"train {MLP} --seed -1", "'--seed'", SEE.format("train")),
    (f"train {MLP} --compute-dtype bfloat", "unknown compute dtype 'bfloat'", "did you mean bfloat16?"),
    (f"train {MLP} --data labels.npz --force", "labels.npz: not a readable .npz", "fetch or copy the file again"),
    ("train-all --epochs nan", "'--epochs'", SEE.format("train-all")),
    ("train-all mlp-relu-128", "mlp-relu-128", SEE.format("train-all")),
    ("train-all --data nowhere.npz", "nowhere.npz: no such data", "give an .npz"),
    ("train-all --data text.txt", "text.txt: a text file", "save its arrays with numpy.savez"),
    ("train-all --data ''", "--data '': empty", "give a path"),
    ("train-all --data empty", "empty: lacks train-images-idx3-ubyte", "put the four IDX files there"),
    ("train-all --data loop", "--data loop", "give another path"),
    ("train-all --data pipe", "--data pipe: is a pipe", "give a file or folder"),
    ("train-all --data", "Option '--data' requires an argument", SEE.format("train-all")),
    ("train-all --artifacts text.txt", "--artifacts text.txt: is no folder", "give another"),
    ("train-all --artifacts text.txt/below", "--artifacts text.txt/below", "give another folder"),
    (f"train-all --artifacts {LONG}", f"--artifacts {LONG[:80]}...", "give another folder"),
    ("train-all --artifacts 'a\nb'", "--artifacts 'a\\nb'", "rename it, or give another folder"),
    # export
    ("export --format tflight", "unknown format 'tflight'", "did you mean tflite?"),
    ("export --format keras", "unknown format 'keras'", "known: saved_model"),
    ("export --format onnx --precision float16", "--precision float16", "give one of theirs (onnx: float32"),
    ("export --precision ''", "unknown precision ''", "known: float32"),
    ("export --input int8", "unknown input 'int8'", "did you mean uint8?"),
    ("export --calibration-size 0", "--calibration-size", SEE.format("export")),
    (f"export {MLP} --data data.npz --calibration-size 1000000", "--calibration-size 1000000", "give at most 19200"),
    (f"export {MLP} --force", "--data", "--data"),
    ("export mlp-relu-128 --data data.npz", "mlp-relu-128: not trained yet", "run: mnist-deploy train mlp-relu-128"),
    ("export --artifacts empty", "nothing trained yet", "run: mnist-deploy train-all"),
    # verify
    ("verify --runtime onnxruntim", "unknown runtime 'onnxruntim'", "did you mean onnxruntime?"),
    ("verify --variant uint", "unknown variant 'uint'", "did you mean uint8?"),
    ("verify --device tpu", "unknown device 'tpu'", "known: cpu, gpu"),
    ("verify --gate int8:acuracy-kept=1", "unknown gate 'int8:acuracy-kept'", "did you mean int8:accuracy-kept?"),
    ("verify --gate int9:accuracy-kept=1", "unknown gate", "give --gate strict, or --gate GATE:LIMIT=VALUE"),
    ("verify --gate strickt", "unknown gate 'strickt'", "did you mean strict?"),
    ("verify --gate ''", "unknown gate ''", "give --gate strict, or --gate GATE:LIMIT=VALUE"),
    ("verify --gate strict=0.5", "--gate strict=0.5: strict takes no value", "give --gate strict, or"),
    ("verify --gate strict --gate strict", "--gate strict: strict is given twice", "give one of them"),
    ("verify --gate int8:accuracy-kept=99.9", "'99.9'", "a number from 0 to 1, nor none"),
    ("verify --gate int8:accuracy-kept=nan", "'nan'", "a number from 0 to 1, nor none"),
    ("verify --gate int8:accuracy-kept=1 --gate int8:accuracy-kept=0", "is given twice", "give one of them"),
    ("verify --data data.npz --runtime null", "--runtime null: it runs no model", "leave it out"),
    ("verify --artifacts nowhere", "nowhere: nothing trained yet", "run: mnist-deploy train-all"),
    (f"verify {MLP}", "--data", "--data"),
    # bench
    ("bench --runtimes litert", "--runtimes", SEE.format("bench")),
    ("bench --precision int9", "unknown precision 'int9'", "did you mean int8?"),
    ("bench --batch-size 0", "'--batch-size'", SEE.format("bench")),
    ("bench --batch-size 1e3", "'--batch-size'", SEE.format("bench")),
    ("bench --threads two", "'--threads'", SEE.format("bench")),
    ("bench --threads -1", "'--threads'", SEE.format("bench")),
    ("bench --time-limit soon", "--time-limit soon: not a time", "as 90, 90s, 5m, or none"),
    ("bench --time-limit inf", "--time-limit inf: not a time", "as 90, 90s, 5m, or none"),
    ("bench --time-limit 169h", "--time-limit 169h: more than a week", "give at most 168h"),
    ("bench --baseline keras-cal", "unknown runtime 'keras-cal'", "did you mean keras-call?"),
    ("bench --runtime litert --baseline onnxruntime", "--baseline onnxruntime: not among", "select it too"),
    ("bench --quick --rigorous", "--quick and --rigorous contradict each other", "give one of them"),
    ("bench --quick --self-check", "--self-check has a plan of its own", "leave out --quick"),
    ("bench --resume --quick", "--resume goes on", "leave out --quick"),
    (f"bench {MLP} --resume", "--resume goes on", "leave out NAME"),
    ("bench --resume --artifacts empty", "holds no interrupted bench", "begin one: mnist-deploy bench"),
    ("bench --runtime litert --format onnx", "--runtime litert: reads none of", "give --format tflite"),
    ("bench --artifacts empty", "nothing trained yet", "run: mnist-deploy train-all"),
    ("bench --self-check --runtime null", "--self-check measures a model beside the null runtime", "null"),
    ("bench --baseline litert:int9", "unknown precision 'int9'", "did you mean int8?"),
    ("bench --variant plain", "no artifact matches", "export"),
    # run
    ("run resnet", "unknown architecture 'resnet'", "known: mlp-relu-128"),
    ("run --rigorous", "--rigorous", SEE.format("run")),
    ("run --gate int8:accuracy-kept", "--gate int8:accuracy-kept: ''", "a number from 0 to 1, nor none"),
    (f"run --seed {2**32}", "'--seed'", SEE.format("run")),
    ("run --quick=yes", "--quick", SEE.format("run")),
    # recommend
    ("recommend --max-latency 50", "--max-latency 50: not a time", "give a number with ns, us, ms"),
    ("recommend --max-latency -5us", "--max-latency -5us: not a time", "give a number with ns, us, ms"),
    ("recommend --min-accuracy 98.5", "--min-accuracy 98.5: above 1", "give a share or a percent sign"),
    ("recommend --max-size ''", "--max-size '': not a size", "as 100KB"),
    ("recommend --max-memory 1e999", "--max-memory 1e999: not a size", "give a number with B, KB"),
    ("recommend --max-size 100", "--max-size 100: not a size", "give a number with B, KB"),
    ("recommend --max-install-size 1e6", "--max-install-size 1e6: not a size", "give a number with B, KB"),
    ("recommend --min-throughput nan", "--min-throughput nan: not a rate", "as 20000, 20k or 1.5M"),
    ("recommend --prefer lateny", "unknown preference 'lateny'", "did you mean latency?"),
    ("recommend --device all", "unknown device 'all'", "give one of them; known: cpu, gpu"),
    ("recommend --results none.json", "none.json: no such results", "run: mnist-deploy run"),
    ("recommend --results empty", "empty: no finished results", "run: mnist-deploy run"),
    ("recommend --results text.txt", "text.txt: not a results file", "run: mnist-deploy run"),
    ("recommend --results altered.json", "altered.json: not a results file", "run: mnist-deploy run"),
    ("recommend --results old.json", "old.json: schema version 3", "measure again: mnist-deploy run"),
    ("recommend --artifacts empty", "no finished results", "run: mnist-deploy run"),
    # compare
    ("compare race.json", "HEAD", SEE.format("compare")),
    ("compare race.json race.json race.json", "race.json", SEE.format("compare")),
    ("compare race.json nowhere.json", "nowhere.json: no such file or folder", "give a results file"),
    ("compare '' race.json", "BASE '': empty", "give a path"),
    ("compare race.json empty", "latest.json: no such results", "run: mnist-deploy run"),
    ("compare race.json text.txt", "text.txt: not a results file", "run: mnist-deploy run"),
    ("compare race.json race.json --format yaml", "'yaml' is not one of", "'table', 'markdown', 'json'"),
    ("compare race.json race.json --max-regression 5", "--max-regression 5", "give percent or a share below 1"),
    ("compare race.json race.json --runtime litert", "--runtime: has no effect without", "leave it out"),
    ("compare race.json race.json --record there", "--record: has no effect without", "leave it out"),
    ("compare race.json race.json --force --output empty", "--output empty: is a folder", "name a file in it"),
    ("compare race.json race.json", "both sides are the same measurement", "give the results of two measurements"),
    ("compare race.json race.json --output text.txt/x", "--output text.txt/x", "give another path"),
    ("compare artifacts artifacts --interleave --record text.txt", "--record text.txt: is no folder", "give another"),
    # diagnose, profile
    (f"diagnose {MLP}", "Missing option '--format'", SEE.format("diagnose")),
    (f"diagnose {MLP} --format tflight", "unknown format 'tflight'", "did you mean tflite?"),
    (f"diagnose {MLP} --format tflite --images 63", "'--images'", SEE.format("diagnose")),
    (f"diagnose {MLP} --format mnn", "--format mnn: no runtime shows its layers", "give one of"),
    (f"diagnose {MLP} --format onnx --runtime litert", "--runtime litert: it does not read onnx", "give onnxruntime"),
    (f"diagnose {MLP} {CNN} --format onnx", CNN, SEE.format("diagnose")),
    ("profile --runtime keras-call", "keras-call", "litert"),
    ("profile --batch-size 65537", "'--batch-size'", SEE.format("profile")),
    ("profile resnet", "unknown architecture 'resnet'", "known: mlp-relu-128"),
    # report
    ("report --format pdf", "unknown format 'pdf'", "known: html"),
    ("report --output report.pdf", "--output report.pdf: its ending tells no format", "end it in .html"),
    ("report --output empty --format csv", "--output empty: is a folder", "name a file in it"),
    ("report --output nowhere/", "--output nowhere: its ending tells no format", "end it in .html"),
    ("report --output dangling.csv", "--output dangling.csv: a link that leads nowhere", "remove it, or name another"),
    ("report race.json text.txt", "text.txt: not a results file", "run: mnist-deploy run"),
    ("report --architecture resnet", "unknown architecture 'resnet'", "known: mlp-relu-128"),
    ("report race.json --data data.npz", "data.npz: not what these results were made with", "data"),
    # package
    ("package resnet", "unknown architecture 'resnet'", "known: mlp-relu-128"),
    ("package --runtime mnn", "mnn", "litert"),
    ("package --format tflite --runtime openvino", "--runtime openvino: does not read tflite", "it reads"),
    ("package --precision int4 --format onnx", "unknown precision 'int4'", "did you mean int8?"),
    ("package --precision float16 --format onnx", "--format onnx: has no float16", "it has"),
    ("package --precision int8 --runtime keras-call", "--runtime keras-call: reads nothing of int8", "float32"),
    (f"package {MLP} {CNN}", CNN, SEE.format("package")),
    ("package --threads 1025", "'--threads'", SEE.format("package")),
    (f"package {MLP} --output text.txt --force", "text.txt: not a folder", "give another name"),
    (f"package {MLP} --output mine", "mine: not empty", "give --force to replace it, or another --output"),
    (f"package {MLP} --output mine --force", "mine: holds notes.txt", "move it away"),
    (f"package {MLP} --output . --force", "this is where you are", "name a folder of its own"),
    (f"package {MLP} --output artifacts/{MLP} --force", "lies in the folder of artifacts", "name one outside of it"),
    # predict
    ("predict", "IMAGE", SEE.format("predict")),
    ("predict nowhere.png", "nowhere.png: No such file or directory", "give an image file"),
    ("predict empty", "empty: a folder", "give its images"),
    ("predict text.txt", "text.txt: not a PNG, JPEG, WebP, BMP, TIFF or GIF image", "convert it to one"),
    ("predict huge.png", "huge.png", "smaller"),
    ("predict https://example.org/7.png", "https://example.org/7.png: a URL", "download it and give the file"),
    ("predict pipe", "pipe: no file but a pipe or a device", "give a file, or - for standard input"),
    ("predict text.txt --precision int4", "unknown precision 'int4'", "did you mean int8?"),
    # doctor, list, schema
    ("doctor --runtime litrt", "unknown runtime 'litrt'", "did you mean litert?"),
    ("doctor --time-limit 0", "--time-limit 0: not a time", "as 90, 90s, 5m, or none"),
    ("doctor everything", "everything", SEE.format("doctor")),
    ("list models", "unknown listing 'models'", "known: networks, artifacts"),
    ("list artifacts --artifacts empty", "no artifacts yet", "run: mnist-deploy export"),
    ("list --json", "--json", SEE.format("list")),
    ("list --artifacts ''", "--artifacts '': empty", "give a folder"),
    ("schema results", "results", SEE.format("schema")),
    ("schema --output empty", "--output empty: is a folder", "name a file in it"),
    ("schema --output text.txt/schema.json", "--output text.txt/schema.json", "give another path"),
    ("schema --output pipe", "--output pipe: is a pipe", "give a file or folder"),
]  # fmt: skip


@pytest.fixture(scope="module")
def here(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with real artifacts and much that is not what an option asks for."""
    here = tmp_path_factory.mktemp("here")
    shutil.copytree(tiny_run.root, here / "artifacts")
    shutil.copy(tiny_run.data, here / "data.npz")
    (here / "labels.npz").write_bytes(tiny_run.data.read_bytes()[:5000])
    (here / "text.txt").write_text("seven\n")
    (here / "empty").mkdir()
    (here / "mine").mkdir()
    (here / "mine" / "notes.txt").write_text("mine")
    RACE.save(here / "saved").rename(here / "race.json")
    shutil.rmtree(here / "saved")
    content = json.loads((here / "race.json").read_text())
    (here / "altered.json").write_text(json.dumps(content | {"quick": not content["quick"]}))
    (here / "old.json").write_text(json.dumps({"schema_version": 3}))
    with (here / "huge.png").open("wb") as stream:
        stream.truncate(2**30)
    (here / "loop").symlink_to("loop")
    (here / "dangling.csv").symlink_to("nowhere.csv")
    os.mkfifo(here / "pipe")
    return here


def state(folder: Path) -> dict[str, tuple[int, ...]]:
    """All that lies below a folder. Whatever is done to a file gives it another time of change, which none can set."""
    found: dict[str, tuple[int, ...]] = {}
    for path in [folder, *folder.rglob("*")]:
        one = path.lstat()
        found[str(path)] = (one.st_mode, one.st_ino)
        # Of a folder this would tell that a lock in it was held meanwhile, and let go.
        # The lock itself holds nothing; some releases of filelock truncate it to that again.
        if not stat.S_ISDIR(one.st_mode) and path.name != ".lock":
            found[str(path)] += (one.st_size, one.st_mtime_ns, one.st_ctime_ns)
    return found


@pytest.mark.parametrize(("words", "culprit", "remedy"), CASES, ids=[words[:60] for words, _, _ in CASES])
def test_one_line_says_what_is_wrong_and_what_to_do_and_nothing_is_changed(
    words: str, culprit: str, remedy: str, here: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(here)
    before = state(here)
    code, out, err = ended(capfd, *shlex.split(words))
    *told, line = err.splitlines()
    assert code == 2 and out == "" and line.startswith("error: "), err
    assert culprit in line and remedy in line, err
    # predict says with what it reads before it reads.
    assert not told or (words.startswith("predict") and len(told) == 1), err
    assert state(here) == before


def test_every_command_has_its_cases() -> None:
    first = {next((word for word in shlex.split(words) if word in COMMANDS), None) for words, _, _ in CASES}
    assert first >= set(COMMANDS) and len({words for words, _, _ in CASES}) == len(CASES) >= 60
