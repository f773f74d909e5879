"""The two examples at the end of each command's help. The tests run each of them as it stands here."""

# For each command: what an example does, and the example.
EXAMPLES: dict[str, dict[str, str]] = {
    "run": {
        "All networks, with short training and measurement": "mnist-deploy run --quick",
        "Two networks": "mnist-deploy run mlp-tanh-128 cnn-relu-16-32",
    },
    "doctor": {
        "All runtimes": "mnist-deploy doctor",
        "Two runtimes, for another program": "mnist-deploy doctor --runtime litert --runtime onnxruntime --json",
    },
    "train": {
        "Two networks, as the notebook does": "mnist-deploy train mlp-tanh-128 cnn-relu-16-32",
        "Other random weights": "mnist-deploy train mlp-tanh-128 --seed 1 --force",
    },
    "train-all": {
        "As the notebook does": "mnist-deploy train-all",
        "A first look": "mnist-deploy train-all --epochs 1",
    },
    "export": {
        "All networks to two formats": "mnist-deploy export --format tflite --format onnx",
        "A model that takes raw pixels": "mnist-deploy export mlp-tanh-128 --format tflite --input uint8",
    },
    "verify": {
        "One network in one runtime": "mnist-deploy verify mlp-tanh-128 --runtime litert",
        "Another limit for int8": "mnist-deploy verify --precision int8 --gate int8:accuracy-kept=0.98",
    },
    "diagnose": {
        "Where quantization loses accuracy": "mnist-deploy diagnose mlp-tanh-128 --format tflite --precision int8",
        "More images": "mnist-deploy diagnose mlp-tanh-128 --format onnx --images 256",
    },
    "bench": {
        "A first look at one runtime": "mnist-deploy bench --runtime litert --quick",
        "Two batch sizes": "mnist-deploy bench mlp-tanh-128 --format tflite --batch-size 1 --batch-size 8",
    },
    "profile": {
        "int8 against float32": "mnist-deploy profile mlp-tanh-128 --runtime litert",
        "Batches, for another program": "mnist-deploy profile mlp-tanh-128 --runtime litert --batch-size 256 --json",
    },
    "recommend": {
        "Fast and accurate enough": "mnist-deploy recommend --max-latency 2ms --max-accuracy-drop 0.5%",
        "The smallest file": "mnist-deploy recommend --prefer size --max-size 500KB",
    },
    "compare": {
        "Fail if a call takes 10 % longer": "mnist-deploy compare before.json after.json --max-regression 10%",
        "For a pull request": "mnist-deploy compare before.json after.json --format markdown",
    },
    "report": {
        "A page to read, report.html": "mnist-deploy report",
        "For a pull request": "mnist-deploy report --format markdown --output report.md",
    },
    "package": {
        "The recommended model": "mnist-deploy package --output deployed",
        "A model of your choice": "mnist-deploy package mlp-tanh-128 --format tflite --precision int8",
    },
    "predict": {
        "With the recommended model": "mnist-deploy predict digit.png",
        "With another, for another program": "mnist-deploy predict digit.png --architecture cnn-relu-16-32 --json",
    },
    "list": {"The six networks": "mnist-deploy list", "What each artifact requires": "mnist-deploy list artifacts"},
    "schema": {
        "To read": "mnist-deploy schema",
        "To validate results files with": "mnist-deploy schema --output results.schema.json",
    },
}


def epilog(command: str) -> str:
    """Return the examples of a command as its help shows them: a comment for the shell, then what to type."""
    return "\n".join(f"# {purpose}\n{example}" for purpose, example in EXAMPLES[command].items())
