"""What leads where in a plan? Reachability, loops, and the order in which a reader follows it.

Everything is computed in one order (first the entry, then each step's labels in their order), so the same plan
always gives the same problems and the same picture. Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Collection, Iterable, Mapping

from plans.steps import Plan, Step

Edges = Mapping[str, list[str]]


def edges(steps: Mapping[str, Step]) -> dict[str, list[str]]:
    """Return each step's distinct targets in label order; targets that do not exist are left out."""
    return {name: [to for to in dict.fromkeys(step.on.values()) if to in steps] for name, step in steps.items()}


def reachable(starts: Iterable[str], follow: Edges) -> set[str]:
    """Return the starts and everything that can be reached from them."""
    seen: set[str] = set()
    todo = list(starts)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += follow[name]
    return seen


def traverse(starts: Iterable[str], follow: Edges) -> tuple[list[str], set[tuple[str, str]]]:
    """Walk depth first; return (steps in the order first met, the edges that close a loop).

    Without the second, the rest has no cycle, and the walk starts where the plan starts: so a loop is closed by the
    edge that a reader would call the way back.
    """
    order: list[str] = []
    back: set[tuple[str, str]] = set()
    state: dict[str, bool] = {}  # True while a step is on the current path
    for start in starts:
        if start in state:
            continue
        state[start] = True
        order.append(start)
        stack = [(start, iter(follow[start]))]
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                state[name] = False
                stack.pop()
            elif target not in state:
                state[target] = True
                order.append(target)
                stack.append((target, iter(follow[target])))
            elif state[target]:
                back.add((name, target))
    return order, back


def flow_order(plan: Plan) -> list[str]:
    """Return every step's name in the order in which a reader follows the plan: the entry's ways, then the exits'."""
    starts = [name for name in (plan.entry, *(exit.goto for exit in plan.exit_on), *plan.steps) if name in plan.steps]
    return traverse(starts, edges(plan.steps))[0]


def against(follow: Edges) -> dict[str, list[str]]:
    """Return the same edges turned round: each step's sources."""
    turned: dict[str, list[str]] = {name: [] for name in follow}
    for name, targets in follow.items():
        for to in targets:
            turned[to].append(name)
    return turned


def loops(names: Collection[str], follow: Edges) -> list[list[str]]:
    """Return the sets of steps that lie on a common cycle, each in the given order (strongly connected components)."""
    inside = set(names)
    inner = {name: [to for to in follow[name] if to in inside] for name in names}
    finished = finish_order(names, inner)
    turned = against(inner)
    found: list[list[str]] = []
    left = set(names)
    for name in reversed(finished):
        if name not in left:
            continue
        group: set[str] = set()
        todo = [name]
        while todo:
            each = todo.pop()
            if each in left:
                left.discard(each)
                group.add(each)
                todo += turned[each]
        if len(group) > 1 or name in inner[name]:
            found.append([each for each in names if each in group])
    return found


def finish_order(names: Collection[str], follow: Edges) -> list[str]:
    """Return the names so that each comes after everything it leads to, as far as loops allow."""
    finished: list[str] = []
    seen: set[str] = set()
    for start in names:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(follow[start]))]
        while stack:
            name, targets = stack[-1]
            target = next((to for to in targets if to not in seen), None)
            if target is None:
                finished.append(name)
                stack.pop()
            else:
                seen.add(target)
                stack.append((target, iter(follow[target])))
    return finished
