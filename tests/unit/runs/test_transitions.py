"""The table of legal moves and the picture of it."""

from pathlib import Path

from runs.engine import diagram

PAGE = Path(__file__).parents[3] / "ARCHITECTURE.md"


def test_the_diagram_in_the_papers_is_the_table() -> None:
    assert diagram.mermaid() in PAGE.read_text()
