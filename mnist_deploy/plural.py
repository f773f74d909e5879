"""Numbers with their nouns."""


def counted(number: int, word: str, words: str | None = None) -> str:
    """Return a number with its noun: '1 thread', '2 threads'."""
    return f"{number} {word if number == 1 else words or word + 's'}"
