"""`python -m tests.golden.record`: record the stories that have no file yet. What is recorded is never written again.

A recorded run that no longer replays means that the core has changed its semantics: give it a new `sem`, keep these
files, and record the new semantics beside them.
"""

import json
import sys
from pathlib import Path

from audit import chain
from tests.golden.stories import STORIES
from tests.golden.telling import Telling

FOLDER = Path(__file__).resolve().parent / f"sem-{chain.SEM}"


def record(told: Telling, path: Path) -> None:
    """Write a run down. Raises: FileExistsError when there is such a file."""
    texts = {"plan": told.plan.text, "policies": list(told.policies.values()), "entries": told.texts}
    with path.open("x", encoding="utf-8") as file:
        file.write(json.dumps(texts, ensure_ascii=False, indent=1) + "\n")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, story in STORIES.items():
        path = FOLDER / f"{name}.json"
        if path.exists():
            print(f"{path.name} is recorded; it stays as it is.")
        else:
            record(story(), path)
            print(f"{path.name} recorded.")


if __name__ == "__main__":
    sys.exit(main())
