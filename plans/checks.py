"""Can every run of a plan be followed to an end? The checks at publish that look at the graph as a whole.

Pure: no Django, clock, random, environment, file or network.

Source: study/engine.md §3 (V4, V5, V9 to V11, V13, V15, V20).
"""

from collections.abc import Collection, Iterator

from audit import canon
from plans import conditions, durations, graph, logic
from plans.problems import Problem, listed, pointer
from plans.steps import TIMEOUT, Branch, Call, Plan, SendEmail, Step, Task, Wait, WaitForEvent, WaitUntil

MIN_LOOP_SECONDS = 60
# A day in autumn has 25 hours. A single day of the week is at most 7 days away, and the hour.
LONGEST_DAY = 25 * 3600
LONGEST_WEEK = 8 * 86400
# An entry has 16 KiB: beside the conditions, those of branches and exits hold a contact's texts, the gate's its facts.
MAX_RECORD = 12 * 1024
MAX_REQUIRE_RECORD = 4 * 1024
_NOTHING = conditions.Snapshot(0, {}, {}, {}, {})


def check(plan: Plan, incomplete: Collection[str]) -> list[Problem]:
    """Return everything wrong with the graph of a plan whose parts have been read.

    incomplete: steps with missing or broken transitions. They are reported elsewhere, so no conclusion is drawn from
    what they lack: they count as if they could end the run.
    """
    if plan.entry not in plan.steps:
        return []
    follow = graph.edges(plan.steps)
    return [
        *_unreachable(plan, follow),
        *_endless(plan, follow, incomplete),
        *_timeless_loops(plan, follow),
        *_unbounded_loops(plan, follow),
        *_too_late_references(plan, follow),
        *_useless_conditions(plan),
        *_long_records(plan),
        *_limits(plan, follow),
    ]


def _unreachable(plan: Plan, follow: graph.Edges) -> Iterator[Problem]:
    met = graph.reachable([plan.entry, *(exit.goto for exit in plan.exit_on if exit.goto in plan.steps)], follow)
    for name in plan.steps:
        if name not in met:
            yield _problem(
                name, f'"{name}" cannot be reached from the entry step; lead another step to it or remove it.'
            )


def _endless(plan: Plan, follow: graph.Edges, incomplete: Collection[str]) -> Iterator[Problem]:
    ends = [name for name in plan.steps if not follow[name] or name in incomplete]
    ending = graph.reachable(ends, graph.against(follow))
    for name in plan.steps:
        if name not in ending:
            yield _problem(name, f'No end can be reached from "{name}"; lead one of its ways to a step of kind "end".')


def _timeless_loops(plan: Plan, follow: graph.Edges) -> Iterator[Problem]:
    """V10: take away every way on which at least a minute passes; no loop may be left."""
    quick = dict(follow)
    for name, step in plan.steps.items():
        if isinstance(step, Wait) and step.seconds >= MIN_LOOP_SECONDS:
            quick[name] = []
        elif isinstance(step, WaitForEvent | Task) and step.timeout_s >= MIN_LOOP_SECONDS:
            at_once = {to for label, to in step.on.items() if label != TIMEOUT}
            quick[name] = [to for to in follow[name] if to in at_once]
    for loop in graph.loops(graph.flow_order(plan), quick):
        yield _problem(
            loop[0],
            f"The loop through {listed(loop)} can turn without time passing; put a wait of at least "
            f"{durations.text(MIN_LOOP_SECONDS)} into it (a wait_until does not count, nor do the arms of a "
            "wait_for_event and a task other than timeout).",
        )


def _unbounded_loops(plan: Plan, follow: graph.Edges) -> Iterator[Problem]:
    """V11: take away the branches that certainly leave a loop after a number of visits, until no loop is left.

    Visits are never reset, so once an inner loop's branch is taken away, every turn left must pass another such branch.
    """
    todo = graph.loops(graph.flow_order(plan), follow)
    while todo:
        loop = todo.pop(0)
        rest = [name for name in loop if not _leaves_in_time(plan.steps[name], loop, follow)]
        if len(rest) < len(loop):
            todo += graph.loops(rest, follow)
        else:
            yield _problem(
                loop[0],
                f"The loop through {listed(loop)} has no bound; add a branch to it whose first case is "
                f'{{"op": "visits_ge", "step": "{loop[0]}", "count": …}} and leads out of the loop.',
            )


def _leaves_in_time(step: Step, loop: list[str], follow: graph.Edges) -> bool:
    """True when a branch leaves the loop once some step, met on each of its turns, has its number of visits."""
    if not isinstance(step, Branch):
        return False
    for case in step.cases:
        if case.goto in loop:
            if logic.constant(case.when) is not False:
                return False  # this earlier arm stays inside and may win every time
        elif any(_met_each_turn(name, step.name, loop, follow) for name in _counted(case.when)):
            return True
    return False


def _counted(when: conditions.Condition) -> Iterator[str]:
    """Yield the steps whose number of visits alone makes the condition hold."""
    for _, leaf in conditions.walk(when):
        if leaf["op"] == "visits_ge" and logic.implies(leaf, when):
            yield leaf["step"]


def _met_each_turn(name: str, branch: str, loop: list[str], follow: graph.Edges) -> bool:
    """True when no turn of the loop through the branch avoids the named step."""
    others = [each for each in loop if each != name]
    return name in loop and (name == branch or all(branch not in turn for turn in graph.loops(others, follow)))


def _too_late_references(plan: Plan, follow: graph.Edges) -> Iterator[Problem]:
    """V13: a step is named only where it can have been before; an exit can lead from any step to its target."""
    exits = [exit.goto for exit in plan.exit_on if exit.goto in plan.steps]
    after: dict[str, set[str]] = {}
    for at, ref in _references(plan):
        if ref.step not in plan.steps or (ref.role == "visits" and ref.step == at):
            continue
        if ref.step not in after:
            after[ref.step] = graph.reachable([*follow[ref.step], *exits], follow)
        if at not in after[ref.step]:
            message = f'"{ref.step}" can never come before "{at}"; name a step that leads to "{at}".'
            yield Problem(ref.pointer, at, message)


def _references(plan: Plan) -> Iterator[tuple[str, conditions.Reference]]:
    for name, step in plan.steps.items():
        if isinstance(step, WaitForEvent) and step.of is not None:
            yield name, conditions.Reference(pointer("steps", name, "of"), step.of, "event")
        if isinstance(step, SendEmail | Call) and step.require is not None:
            for ref in conditions.references(step.require, pointer("steps", name, "require")):
                yield name, ref
        if isinstance(step, Branch):
            for index, case in enumerate(step.cases):
                where = pointer("steps", name, "cases", index, "when")
                for ref in conditions.references(case.when, where):
                    yield name, ref


def _useless_conditions(plan: Plan) -> Iterator[Problem]:
    """V9, for branches, exits and what a send requires."""
    for name, step in plan.steps.items():
        if isinstance(step, SendEmail | Call) and step.require is not None:
            value = logic.constant(step.require)
            if value is not None:
                fault = "always holds, so it asks nothing" if value else "can never hold, so nothing is ever sent"
                message = f'What "{name}" requires {fault}; change the condition or remove it.'
                yield Problem(pointer("steps", name, "require"), name, message)
        if isinstance(step, Branch):
            arms = [(f'case "{case.name}"', case.when) for case in step.cases]
            yield from _useless(arms, name, pointer("steps", name, "cases"))
    yield from _useless([(f'exit to "{exit.goto}"', exit.when) for exit in plan.exit_on], "", "/exit_on")


def _useless(arms: list[tuple[str, conditions.Condition]], step: str, where: str) -> Iterator[Problem]:
    for index, (title, when) in enumerate(arms):
        value = logic.constant(when)
        winner = next((other for other, before in arms[:index] if logic.implies(when, before)), None)
        if value is not None:
            fault = "always holds, so nothing after it is ever reached" if value else "can never hold"
            message = f"The {title} {fault}; change its condition or remove it."
        elif winner:
            message = (
                f"The {title} is never taken: the earlier {winner} holds whenever it does. Put it first or remove it."
            )
        else:
            continue
        yield Problem(f"{where}/{index}/when", step, message)


def _long_records(plan: Plan) -> Iterator[Problem]:
    """V20: what the log keeps of an evaluation, leaf by leaf, fits into one entry."""
    exits = enumerate(plan.exit_on)
    found = [("", pointer("exit_on", index, "when"), [exit.when], MAX_RECORD) for index, exit in exits]
    for name, step in plan.steps.items():
        if isinstance(step, Branch):
            found.append((name, pointer("steps", name, "cases"), [case.when for case in step.cases], MAX_RECORD))
        elif isinstance(step, SendEmail | Call) and step.require is not None:
            found.append((name, pointer("steps", name, "require"), [step.require], MAX_REQUIRE_RECORD))
    for name, where, asked, most in found:
        leaves = [leaf for when in asked for leaf in conditions.evaluate(when, _NOTHING)[1]]
        size = sum(len(canon.encode(leaf, canon.DOCUMENT).encode()) + 1 for leaf in leaves)
        if size > most:
            message = (
                f"The record of these conditions takes {size} bytes of an entry in the log and {most} are allowed; "
                "shorten them or spread them over several steps."
            )
            yield Problem(where, name, message)


def _limits(plan: Plan, follow: graph.Edges) -> Iterator[Problem]:
    """V15: without repeating a step, every path fits into the plan's own limits."""
    count, seconds = _longest(plan, follow)
    limits = plan.limits
    if count > limits.max_steps:
        message = f"The longest way through the plan has {count} steps and max_steps is {limits.max_steps}; raise it."
        yield Problem("/limits/max_steps", "", message)
    if seconds > limits.max_duration_s:
        message = (
            f"The longest way through the plan takes {durations.text(seconds)} ({seconds} s) and max_duration_s is "
            f"{limits.max_duration_s}; raise it or shorten the waits."
        )
        yield Problem("/limits/max_duration_s", "", message)


def _longest(plan: Plan, follow: graph.Edges) -> tuple[int, int]:
    """Return (most steps, most seconds) on a path from the entry that takes no way back."""
    order, back = graph.traverse([plan.entry], follow)
    forward = {name: [to for to in follow[name] if (name, to) not in back] for name in order}
    best: dict[str, tuple[int, int]] = {}
    for name in graph.finish_order(order, forward):
        later = [best[to] for to in forward[name]]
        best[name] = (
            1 + max((count for count, _ in later), default=0),
            _seconds(plan.steps[name]) + max((seconds for _, seconds in later), default=0),
        )
    return best[plan.entry]


def _seconds(step: Step) -> int:
    """Return the most seconds a step may take by itself."""
    match step:
        case Wait():
            return step.seconds
        case WaitUntil():
            return LONGEST_DAY if len(step.days) == 7 else LONGEST_WEEK
        case WaitForEvent() | Task():
            return step.timeout_s
    return 0


def _problem(step: str, message: str) -> Problem:
    return Problem(pointer("steps", step), step, message)
