"""The same world in Hypothesis' hands: it chooses what happens and when, and shrinks what goes wrong to a few steps."""

from contextlib import ExitStack
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runs.engine.transitions import FINAL, Command
from tests.simulator import acts, invariants, telling
from tests.simulator.acts import Act
from tests.simulator.faults import POINTS
from tests.simulator.making import DAY, HOUR, beginning
from tests.simulator.story import Story
from tests.simulator.world import simulated

PEOPLE: tuple[Act, ...] = (
    acts.enrol, acts.command, acts.any_command, acts.release, acts.drive, acts.confirm, acts.retire, acts.new_version,
    acts.withdraw, acts.grant, acts.suppress, acts.lift, acts.switch, acts.change_contact, acts.new_policy,
)  # fmt: skip
PROVIDERS: tuple[Act, ...] = (
    acts.event, acts.event_near_its_deadline, acts.delivered_again, acts.before_its_reaction, acts.late_visible,
    acts.odd_input,
)  # fmt: skip
CHANCE = st.randoms(use_true_random=False)


class Machine(RuleBasedStateMachine):
    """One story that Hypothesis tells."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.told: Story | None = None

    @property
    def story(self) -> Story:
        assert self.told is not None
        return self.told

    @initialize(seed=st.integers(0, 200))
    def begin(self, seed: int) -> None:
        world = self.stack.enter_context(simulated(beginning(seed)))
        self.told = Story(seed, world)
        acts.enrol(self.told)

    def _by(self, rng: Random) -> Story:
        story = self.story
        story.rng = story.made.rng = story.faults.rng = story.chance = rng
        return story

    @rule(act=st.sampled_from(PEOPLE), rng=CHANCE)
    def somebody_does_something(self, act: Act, rng: Random) -> None:
        act(self._by(rng))

    @rule(act=st.sampled_from(PROVIDERS), rng=CHANCE)
    def something_is_told(self, act: Act, rng: Random) -> None:
        act(self._by(rng))

    @rule(command=st.sampled_from(list(Command)), rng=CHANCE)
    def an_operator_gives_a_command(self, command: str, rng: Random) -> None:
        row = acts.some_run(self._by(rng), "FAILED", "WAITING", "PAUSED", "READY")
        if row is not None:
            acts.give(self.story, row, command)

    @rule(point=st.sampled_from(POINTS), after=st.integers(0, 2))
    def a_crash_is_coming(self, point: str, after: int) -> None:
        self.story.faults.arm(point, after)

    @rule(act=st.sampled_from((*telling.BESIDE, Story.freeze)))
    def somebody_is_about_to_act_beside_a_wave(self, act: Act) -> None:
        self.story.beside = act

    @rule(rng=CHANCE)
    def replaced_engines_go_on(self, rng: Random) -> None:
        self._by(rng).thaw()

    @rule(rng=CHANCE)
    def the_engine_works(self, rng: Random) -> None:
        self._by(rng).drain()

    @rule(place=st.integers(0, 5), near=st.sampled_from(acts.NEAR), awake=st.booleans(), rng=CHANCE)
    def time_goes_on_to_where_something_happens(self, place: int, near: int, awake: bool, rng: Random) -> None:
        story = self._by(rng)
        instants = sorted(set(story.interesting()))[: place + 1]
        story.advance(max(story.now, (instants or [story.now + 60])[-1] + near), awake=awake)

    @rule(seconds=st.sampled_from((1, 60, HOUR, DAY, DAY + 1, 3 * DAY)), rng=CHANCE)
    def nobody_runs_the_engine_for_a_while(self, seconds: int, rng: Random) -> None:
        story = self._by(rng)
        story.advance(story.now + seconds, awake=False)

    @rule(rng=CHANCE)
    def the_wall_goes_back(self, rng: Random) -> None:
        telling.step_back(self._by(rng))

    @invariant()
    def nothing_is_wrong_yet(self) -> None:
        assert self.told is None or self.told.wrong == []

    @invariant()
    def every_open_run_has_a_reason_and_a_wake(self) -> None:
        for row in self.told.world.rows("runs_run") if self.told else ():
            waits = row["status"] in ("DISPATCHING", "FAILED", *FINAL) or row["reason"] == "held"
            assert (row["due_at"] is None) == waits, row

    def teardown(self) -> None:
        with self.stack:
            if self.told is not None:
                self._by(Random(0)).end()
                invariants.check(self.told)
                assert self.told.wrong == []


Machine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, suppress_health_check=list(HealthCheck), print_blob=True
)


TestStory = Machine.TestCase  # for pytest
