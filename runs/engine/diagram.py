"""How do the legal moves look? The Mermaid text of the state diagram in ARCHITECTURE.md, drawn from the table.

Pure. `manage.py state_diagram --write` puts it into the page; a test compares the two.
"""

from runs.engine import transitions


def mermaid() -> str:
    """Return the state diagram of a run as Mermaid source."""
    lines = ["stateDiagram-v2"]
    for before, moves in transitions.MOVES.items():
        for after, cause in moves.items():
            if after != before:
                lines.append(f"    {'[*]' if before == transitions.START else before} --> {after}: {cause}")
    lines += [f"    {status} --> [*]" for status in transitions.FINAL]
    return "\n".join(lines)
