"""What does a source file do that could differ from one machine or moment to the next? Read from its syntax tree.

Sets are followed by what the file says of them (literals, calls, annotations, assignments); a set that no name shows is
for the hash-seed matrix to find.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SET_TYPES = ("set[", "frozenset[", "Set[", "AbstractSet[", "MutableSet[")
SET_WORDS = ("set", "frozenset", "Set")
SET_METHODS = ("union", "intersection", "difference", "symmetric_difference")
# These take what they are given in its order and show it.
IN_ORDER = ("list", "tuple", "enumerate", "iter", "next", "zip", "map", "filter", "str", "repr", "reversed", "fromkeys")
# These do not care in which order they are given something.
ORDERLESS = ("sorted", "set", "frozenset", "any", "all", "sum", "len", "min", "max")
FOLDING = ("lower", "upper", "casefold", "swapcase", "title", "capitalize")


@cache
def pure_modules() -> tuple[Path, ...]:
    """Return the files of the PURE modules, as import-linter's contract names them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each["name"].startswith("PURE"))
    places = [ROOT / name.replace(".", "/") for name in contract["source_modules"]]
    return tuple(
        file for place in places for file in (sorted(place.rglob("*.py")) if place.is_dir() else [_module(place)])
    )


def _module(place: Path) -> Path:
    return place.with_suffix(".py")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(module: ast.Module) -> set[str]:
    """Return the top packages that a file imports."""
    found = {alias.name for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in ast.walk(module) if isinstance(node, ast.ImportFrom)}
    return {each.partition(".")[0] for each in found}


def calls(module: ast.Module, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of these names, as functions or as methods."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and called(node) in names:
            yield node


def called(node: ast.expr) -> str:
    """Return the last name of what is called, or ""."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def fractions(module: ast.Module) -> Iterator[str]:
    """Yield float literals, divisions, and whatever makes or rounds a float."""
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield f"{node.lineno}: the literal {node.value}"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield f"{node.lineno}: a division with /"
        elif isinstance(node, ast.Call) and called(node) in ("float", "round", "Decimal"):
            yield f"{node.lineno}: {called(node)}()"


def assertions(module: ast.Module) -> Iterator[str]:
    """Yield assertions that say more than a type: -O takes them away, and whatever they keep from happening happens."""
    for node in ast.walk(module):
        if isinstance(node, ast.Assert) and not _says_a_type(node.test):
            yield f"{node.lineno}: assert {ast.unparse(node.test)}"


def _says_a_type(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return all(map(_says_a_type, test.values))
    if isinstance(test, ast.Call):
        return called(test) == "isinstance" and all(_is_plain(arg) for arg in test.args[:1])
    none = isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot)
    return none and ast.unparse(test.comparators[0]) == "None" and _is_plain(test.left)  # type: ignore[attr-defined]


def _is_plain(value: ast.expr) -> bool:
    """Say whether looking at a value does nothing."""
    return isinstance(value, ast.Name) or (isinstance(value, ast.Attribute) and _is_plain(value.value))


def orders_of_sets(module: ast.Module) -> Iterator[str]:
    """Yield the places where the order of a set becomes the order of something else."""
    sets = _Sets(module)
    free = {id(arg) for call in calls(module, *ORDERLESS) for arg in call.args}
    for node in ast.walk(module):
        for value in _iterated(node):
            if sets.holds(value) and id(node) not in free:
                yield f"{value.lineno}: the order of {ast.unparse(value)}"


def _iterated(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.For | ast.AsyncFor | ast.YieldFrom):
        yield node.iter if not isinstance(node, ast.YieldFrom) else node.value
    elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
        yield from (generator.iter for generator in node.generators)
    elif isinstance(node, ast.Call) and called(node) in (*IN_ORDER, "join", "extend"):
        yield from node.args
    elif isinstance(node, ast.Call) and called(node) == "pop" and not node.args:
        yield node.func.value  # type: ignore[attr-defined]
    elif isinstance(node, ast.List | ast.Tuple):
        yield from (item.value for item in node.elts if isinstance(item, ast.Starred))
    elif isinstance(node, ast.FormattedValue):
        yield node.value


class _Sets:
    """What a file calls a set: names and attributes, by annotation or by what is put into them."""

    def __init__(self, module: ast.Module) -> None:
        self.names: set[str] = set()  # a variable `x`, an attribute `.x`, a function `x()`
        fields = {id(field) for node in ast.walk(module) if isinstance(node, ast.ClassDef) for field in node.body}
        for node in ast.walk(module):
            if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation and _is_set_type(node.annotation):
                known = node.arg if isinstance(node, ast.arg) else _word(node.target)
                self.names.add(f".{known}" if id(node) in fields else known)
            elif isinstance(node, ast.FunctionDef) and node.returns and _is_set_type(node.returns):
                self.names.add(f"{node.name}()")
        for node in ast.walk(module):
            if isinstance(node, ast.Assign) and self.holds(node.value):
                self.names |= {_word(target) for target in node.targets}

    def holds(self, value: ast.expr) -> bool:
        """Say whether an expression is a set, as far as the file shows."""
        if isinstance(value, ast.Set | ast.SetComp):
            return True
        if isinstance(value, ast.Call):
            return called(value) in (*SET_WORDS, *SET_METHODS) or f"{called(value)}()" in self.names
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
            sides = (value.left, value.right)
            keys = isinstance(value.op, ast.Sub | ast.BitAnd) and any(called(side) == "keys" for side in sides)
            return keys or any(map(self.holds, sides))
        if isinstance(value, ast.IfExp):
            return self.holds(value.body) or self.holds(value.orelse)
        return bool(_word(value)) and _word(value) in self.names


def _word(target: ast.expr) -> str:
    if isinstance(target, ast.Attribute):
        return f".{target.attr}"
    return target.id if isinstance(target, ast.Name) else ""


def _is_set_type(annotation: ast.expr) -> bool:
    text = ast.unparse(annotation)
    return text.startswith(SET_TYPES) or text in SET_WORDS


def told_errors(module: ast.Module) -> Iterator[str]:
    """Yield the uses of a caught exception beyond its type: its text differs between versions and may name a person."""
    for handler in ast.walk(module):
        if isinstance(handler, ast.ExceptHandler) and handler.name:
            yield from _told(handler, handler.name)
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef):
            for arg in function.args.args:
                if arg.annotation and ast.unparse(arg.annotation).endswith(("Error", "Exception")):
                    yield from _told(function, arg.arg)


def _told(inside: ast.AST, error: str) -> Iterator[str]:
    free = {id(arg) for call in ast.walk(inside) if isinstance(call, ast.Call) for arg in call.args if _keeps(call)}
    free |= {id(each.cause) for each in ast.walk(inside) if isinstance(each, ast.Raise)}
    # An error of our own may say which variable it is about.
    free |= {id(each.value) for each in ast.walk(inside) if isinstance(each, ast.Attribute) and each.attr == "name"}
    for node in ast.walk(inside):
        if isinstance(node, ast.Name) and node.id == error and isinstance(node.ctx, ast.Load) and id(node) not in free:
            yield f"{node.lineno}: what {error} says"


def _keeps(call: ast.Call) -> bool:
    """Say whether a call takes an exception without its text: its type, or a function that is looked at itself."""
    return called(call) in ("type", "isinstance", "_fault")


def orders_by(module: ast.Module) -> Iterator[tuple[int, str, frozenset[str]]]:
    """Yield (line, column without its direction, tables) of all that the file's SQL and its query sets order by.

    tables: those that the statement names; none for a query set.
    """
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "ORDER BY" in node.value:
            tables = frozenset(re.findall(r"(?:FROM|JOIN) ([a-z]+_[a-z]+)", node.value))
            rest = re.split(r" LIMIT| ON CONFLICT|\)", node.value.partition("ORDER BY")[2])[0]
            yield from ((node.lineno, _column(part), tables) for part in rest.split(","))
        elif isinstance(node, ast.Call) and called(node) == "order_by":
            yield from ((node.lineno, _column(str(ast.literal_eval(arg))), frozenset()) for arg in node.args)


def _column(part: str) -> str:
    return part.strip().lstrip("-").removesuffix(" DESC").removesuffix(" ASC").rpartition(".")[2]
