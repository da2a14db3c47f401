"""How is a story told, and what bad luck is in it? Crashes, frozen engines, clocks that stop, jump and go back."""

from collections.abc import Sequence

from runs import operations
from tests.simulator import acts
from tests.simulator.acts import Act
from tests.simulator.faults import POINTS
from tests.simulator.making import DAY, HOUR
from tests.simulator.story import Story

BESIDE: tuple[Act, ...] = (
    acts.withdraw,
    acts.suppress,
    acts.switch,
    acts.change_contact,
    acts.quick_event,
    acts.quick_event,
    acts.any_command,
    acts.new_policy,
)


def prepare_crash(story: Story) -> None:
    sending = [point for point in POINTS if "T1" in point or "T2" in point or "send" in point or "wave" in point]
    story.faults.arm(story.rng.choice((*POINTS, *sending * 2)), story.rng.choice((0, 0, 1, 2)))


def beside(story: Story) -> None:
    """Somebody is about to act just while a wave is on its way."""
    story.beside = story.rng.choice(BESIDE)


def freeze(story: Story) -> None:
    story.beside = Story.freeze


def thaw(story: Story) -> None:
    story.thaw()


def outage(story: Story) -> None:
    """Nobody runs the engine for a while."""
    if not story.sandbox:
        story.advance(story.now + story.rng.choice((61, 90, HOUR, 9 * HOUR)), awake=False)


def jump(story: Story) -> None:
    """The machine's clock is suddenly further than a day ahead."""
    if not story.sandbox and story.rng.random() < 0.5:
        story.advance(story.now + story.rng.choice((DAY - 1, DAY, DAY + 1, 3 * DAY)), awake=False)


def step_back(story: Story) -> None:
    """The machine's clock goes back a little; the lane clock does not."""
    seconds = story.rng.choice((1, 30, 3600))
    story.database.now_us -= seconds * 1_000_000
    story.stepped_back_s += seconds
    story.seen["the wall went back"] += 1


CALM: dict[Act, int] = {
    acts.enrol: 8,
    acts.command: 12,
    acts.any_command: 2,
    acts.release: 2,
    acts.event: 5,
    acts.event_near_its_deadline: 8,
    acts.delivered_again: 1,
    acts.before_its_reaction: 1,
    acts.odd_input: 1,
    acts.withdraw: 1,
    acts.grant: 1,
    acts.suppress: 1,
    acts.lift: 1,
    acts.switch: 1,
    acts.change_contact: 1,
    acts.new_policy: 1,
    acts.new_version: 1,
}
WILD: dict[Act, int] = CALM | {
    acts.late_visible: 1,
    acts.seen_late: 2,
    acts.retire: 1,
    acts.confirm: 2,
    acts.drive: 2,
    prepare_crash: 12,
    beside: 5,
    freeze: 2,
    thaw: 3,
    outage: 3,
    jump: 1,
    step_back: 1,
}


def tell(story: Story) -> None:
    """Tell a whole story."""
    rng = story.rng
    weighed = CALM if story.calm else WILD
    acts.enrol(story)
    acts.enrol(story)
    for _ in range(rng.randint(20, 40)):
        for act in rng.choices(list(weighed), list(weighed.values()), k=rng.randint(1, 3)):
            act(story)
        if story.calm or rng.random() < 0.4:
            story.drain()
        story.advance(next_stop(story), awake=story.calm or rng.random() < 0.7)
    story.end()


def tell_quietly(story: Story, order: Sequence[int]) -> None:
    """Tell a story of people who have nothing in common and whom nobody touches. order: in which they are enrolled."""
    refs = [story.made.refs[place % len(story.made.refs)] for place in order]
    plan = story.made.plans[0]
    operations.enrol(plan_key=plan, contact_refs=list(dict.fromkeys(refs)), actor="cli")
    for _ in range(30):
        story.drain()
        story.advance(next_stop(story))
    story.end()


def next_stop(story: Story) -> int:
    """Return where time goes on to: around an instant at which something happens by itself."""
    rng, found = story.rng, sorted(set(story.interesting()))
    near = [at for at in found if at < story.now + 2 * DAY]
    if rng.random() < 0.15 or not near:
        at = story.now + rng.choice((1, 59, 61, HOUR))
    else:
        at = rng.choice(near[:6] if rng.random() < 0.7 else near)
    return max(story.now, at + rng.choice(acts.NEAR))
