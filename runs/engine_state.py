"""Is the engine running, behind, halted or gone? One word for the header and one sentence for people."""

from dataclasses import dataclass

from runs.queries import Desk

SILENT_S = 20  # longer than a send may take (10 s) and than the beat (1 s): then nobody is working
BEHIND_S = 60
HALTS = {
    "clock_gap": "The clock jumped forward by more than a day, so the engine waits until an operator confirms: "
    "everything that came due in the gap would happen at once.",
}


@dataclass(frozen=True, slots=True)
class State:
    """level: ok, warn or bad. confirm: an operator can let it go on."""

    word: str
    level: str
    sentence: str
    confirm: bool = False


def of(desk: Desk) -> State:
    """Return the state of the engine."""
    if desk.halted:
        sentence = HALTS.get(desk.halted, f"It stands still: {desk.halted.replace('_', ' ')}.")
        return State("halted", "bad", sentence, confirm=desk.halted == "clock_gap")
    if desk.beat_at is None or desk.now is None:
        return State(
            "not started",
            "warn",
            "No engine has worked on this database yet. Start the worker; inputs wait in the inbox until then.",
        )
    silent = int((desk.now - desk.beat_at).total_seconds())
    if silent > SILENT_S:
        return State(
            "silent",
            "bad",
            f"The engine has not reported for {silent} s. Nothing is sent; inputs wait. Check the worker.",
        )
    if desk.target is not None and desk.target > desk.lane:
        return State("driving", "ok", "The sandbox clock is on its way to where it was sent.")
    lag = lag_s(desk)
    if lag > BEHIND_S:
        return State(
            "behind", "warn", f"The oldest due action waits since {lag} s. Sends keep their order; nothing is lost."
        )
    return State("running", "ok", "It takes inputs and due actions in order.")


def lag_s(desk: Desk) -> int:
    """Return by how many seconds the oldest due action is late."""
    if desk.now is None or desk.next_due is None:
        return 0
    return max(0, wall_s(desk) - desk.next_due)


def wall_s(desk: Desk) -> int:
    """Return the lane second up to which the engine may work now; never before the lane clock."""
    if desk.now is None:
        return desk.lane
    return max(desk.lane, desk.target if desk.target is not None else int(desk.now.timestamp()) + desk.offset_s)
