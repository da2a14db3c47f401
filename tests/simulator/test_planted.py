"""Would the simulator notice? Each fault below is planted, and some story of the first few has to go wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from audit import log
from audit.log import Writer
from channels import registry
from policies import gate, lookups
from policies.gate import Ledger
from policies.rules import recovery
from runs import admit, batch, dispatch, optouts, store
from runs.batch import Batch
from runs.engine import sending, transitions
from runs.engine.values import Timer
from runs.engine.walk import Walk
from tests.simulator import campaign
from tests.simulator.story import CUTS

ENOUGH = 80  # seeds; every fault shows much earlier
Patch = pytest.MonkeyPatch


def consent_of_yesterday(patch: Patch) -> None:
    read, first = lookups.consents, {}

    def old(ids: Any) -> Any:
        for row in read(ids):
            first.setdefault(row[:3], row)
        return [row for key, row in first.items() if key[0] in ids]

    patch.setattr(lookups, "consents", old)


def no_suppressions(patch: Patch) -> None:
    patch.setattr(lookups, "suppressions", lambda _: [])


def no_last_look(patch: Patch) -> None:
    patch.setattr(gate, "recheck_all", lambda asks, now: [None] * len(asks))


def no_instant_after_which_nothing_leaves(patch: Patch) -> None:
    patch.setattr(dispatch, "LATENESS_TOLERANCE_S", 10**9)


def sent_before_it_is_committed(patch: Patch) -> None:
    flush = Batch.flush

    def early(self: Batch, first_place: int) -> None:
        flush(self, first_place)
        for flight in self.wave:
            dispatch._send_one(flight, None)

    patch.setattr(Batch, "flush", early)


def an_unknown_send_gives_its_units_back(patch: Patch) -> None:
    patch.setitem(sending.SETTLE, "unknown", "void")


def retry_of_what_nobody_knows(patch: Patch) -> None:
    patch.delitem(transitions._FINER, transitions.Command.RETRY)


def keys_that_live_for_ever(patch: Patch) -> None:
    patch.setattr(registry, "key_ttl_s", lambda _channel: 10**8)


def a_replaced_engine_goes_on(patch: Patch) -> None:
    writing, head = log.writing, dispatch._head

    @contextmanager
    def unfenced(*, by: str, epoch: int | None = None) -> Iterator[Writer]:
        with writing(by=by) as writer:
            writer.epoch = epoch if epoch is not None else writer.epoch
            yield writer

    patch.setattr(log, "writing", unfenced)
    patch.setattr(dispatch, "_head", lambda: (head()[0], _Any(), head()[2]))


class _Any:
    """Equal to every fencing number."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def nobody_closes_what_was_left_open(patch: Patch) -> None:
    patch.setattr(store, "unfinished", lambda *_: [])


def timers_by_the_wall(patch: Patch) -> None:
    patch.setattr(Batch, "_fire", lambda self, run: self.apply(run, Timer(self.wall.at)))


def timers_before_events(patch: Patch) -> None:
    key = batch.arrival_key
    patch.setattr(batch, "arrival_key", lambda arrival: (key(arrival)[0], 2, *key(arrival)[2:]))


def stale_commands(patch: Patch) -> None:
    command = admit.Admission.command

    def current(self: Any, arrival: Any, body: Any) -> Any:
        run = self.batch.runs.get(body.get("run"))
        return command(self, arrival, {**body, "expected_n": run.state.n} if run else body)

    patch.setitem(admit.KINDS, "command", current)


def events_before_their_step_are_forgotten(patch: Patch) -> None:
    patch.setattr(Walk, "has_come", lambda *_: False)


def units_are_taken_when_the_outcome_is_known(patch: Patch) -> None:
    post = Ledger.post

    def late(self: Ledger, reserved: Any, *, now: int, actual_micros: int | None = None) -> None:
        for item in reserved:
            self._counter(item["key"]).reserved += item["amount"]
        post(self, reserved, now=now, actual_micros=actual_micros)

    patch.setattr(Ledger, "reserve", lambda self, counters, *, now: [])
    patch.setattr(Ledger, "post", late)
    patch.setattr(Ledger, "void", lambda self, reserved, *, now: None)


def an_opt_out_stays_in_its_run(patch: Patch) -> None:
    patch.setattr(optouts, "fan_out", lambda *_, **__: None)


def one_recovery_too_many(patch: Patch) -> None:
    choose = recovery.choose

    def generous(policy: Any, **asked: Any) -> Any:
        rules = [rule | {"max_attempts": rule.get("max_attempts", 0) + 1} for rule in policy.get("recovery", ())]
        return choose({"recovery": rules}, **asked)

    patch.setattr(recovery, "choose", generous)


def a_lane_clock_that_goes_back(patch: Patch) -> None:
    def set_clock(self: Writer, to: int) -> None:
        self.clock = to

    patch.setattr(Writer, "raise_clock", set_clock)


def lost_events(patch: Patch) -> None:
    event = admit.Admission.event
    every = iter(range(10**9))

    def forgetful(self: Any, arrival: Any, body: Any) -> Any:
        if next(every) % 7 == 3 and body.get("intent") in self.intents:
            return store.Verdict(arrival.id, "applied", run=self.intents[body["intent"]][0])
        return event(self, arrival, body)

    patch.setitem(admit.KINDS, "event", forgetful)


FAULTS: tuple[Callable[[Patch], None], ...] = (
    consent_of_yesterday,
    no_suppressions,
    no_last_look,
    no_instant_after_which_nothing_leaves,
    sent_before_it_is_committed,
    an_unknown_send_gives_its_units_back,
    retry_of_what_nobody_knows,
    keys_that_live_for_ever,
    a_replaced_engine_goes_on,
    nobody_closes_what_was_left_open,
    timers_by_the_wall,
    timers_before_events,
    stale_commands,
    events_before_their_step_are_forgotten,
    units_are_taken_when_the_outcome_is_known,
    an_opt_out_stays_in_its_run,
    one_recovery_too_many,
    a_lane_clock_that_goes_back,
    lost_events,
)


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__.replace("_", " "))
def test_a_planted_fault_is_found(plant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    plant(monkeypatch)
    for seed in range(ENOUGH):
        if campaign.campaign([seed])[1]:
            return
    raise AssertionError(f"{ENOUGH} stories did not notice")


def test_a_wave_that_does_not_wait_for_its_own_people_is_found(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Batch, "_reach", lambda self, run: set())
    assert any(campaign.differing(seed, CUTS) for seed in range(ENOUGH))
