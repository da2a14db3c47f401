"""What people and providers do in a soak: enrol, command, change their minds, and deliver every event twice.

`python -m tests.soak.driver LEDGER --seed 7` acts until it gets SIGTERM or its parent is gone, then lets go of what it
holds and prints what it did as JSON. The database and the web may be away at any moment: an act that fails is over.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import django

django.setup()

from django.db import Error, connection  # noqa: E402 (settings must be there first)

from channels.webhooks import signature  # noqa: E402
from policies import operations as policy_operations  # noqa: E402
from policies import publishing  # noqa: E402
from policies.models import Contact, KillSwitch, Suppression  # noqa: E402
from runs import inbox, operations  # noqa: E402
from runs.models import Inbox, Run  # noqa: E402
from tests.channels_fakes.provider import read_ledger  # noqa: E402
from tests.soak import world  # noqa: E402

MARKETING = {"channel": "email", "purpose": "marketing"}
GRANT = MARKETING | {"kind": "express", "source": "web form", "proof": "form 7"}
USUAL = ("delivered", "opened", "opened", "clicked", "replied", "replied", "auto_reply", "bounced_soft")
RARE = ("unsubscribed", "complained", "bounced_hard")
COMMANDS = ("retry", "retry", "resolve", "resolve", "skip", "send_again", "redispatch", "cancel")


MOST_WAITING = 80  # runs and inputs that wait for the engine; beyond it nobody is enrolled


class Driver:
    """One seed's people and providers."""

    def __init__(self, ledger: Path, seed: str, web: str) -> None:
        self.rng = Random(seed)
        self.ledger = ledger
        self.hooks = f"{web}/hooks/provider/"
        self.secret = os.environ["DEE_HOOK_SECRETS"].partition("=")[2]
        self.did: Counter[str] = Counter()
        self.told = 0  # lines of the ledger whose events have been delivered
        self.over = threading.Event()

    # People

    def enrol(self) -> None:
        """Start runs, but no more than can be done between two deaths."""
        if Run.objects.filter(status="READY").count() + Inbox.objects.filter(place=None).count() > MOST_WAITING:
            return
        refs = [f"c-{n}" for n in self.rng.sample(range(world.PEOPLE), self.rng.randint(1, 4))]
        plan = self.rng.choice(world.PLANS)
        self.did["enrolments"] += operations.enrol(
            plan_key=plan, contact_refs=refs, actor="cli", again=f"a{self.rng.getrandbits(40)}"
        )

    def command(self) -> None:
        """An operator acts on a failed run as they see it, now and then with a double click or an old page."""
        failed = list(Run.objects.filter(status="FAILED").order_by("-no")[:40])
        if not failed:
            return
        run, name = self.rng.choice(failed), self.rng.choice(COMMANDS)
        expected_n = run.n - (self.rng.random() < 0.1)
        self._give(run, name, expected_n, times=self.rng.choice((1, 1, 2)))

    def hold_or_release(self) -> None:
        held = Run.objects.filter(reason="held").order_by("no").first()
        if held and self.rng.random() < 0.7:
            self._give(held, "release", held.n)
            return
        waiting = list(Run.objects.filter(status__in=("WAITING", "READY")).order_by("-no")[:20])
        if waiting:
            run = self.rng.choice(waiting)
            self._give(run, "hold", run.n)

    def _give(self, run: Run, name: str, expected_n: int, *, times: int = 1) -> None:
        labels = operations.labels_of(run) or ("sent",)
        given: dict[str, Any] = {
            "run_no": run.no,
            "command": name,
            "expected_n": expected_n,
            "command_id": str(uuid.UUID(int=self.rng.getrandbits(128))),
            "actor": "user:1",
            "note": "as agreed",
        }
        if name in ("resolve", "skip"):
            given["label"] = self.rng.choice(labels)
        if name == "send_again":
            given["confirmation"] = run.ref
        for _ in range(times):
            try:
                operations.send_command(**given)
                self.did[f"command {name}"] += 1
            except operations.Refused:
                self.did["commands refused on the page"] += 1

    def forbidden_command(self) -> None:
        """Somebody goes past the page and asks for a second send of a message that may have left."""
        run = Run.objects.filter(status="FAILED", reason__startswith="unknown").order_by("-no").first()
        if run:
            name = self.rng.choice(("retry", "redispatch"))
            body = {"command": name, "run": run.no, "expected_n": run.n, "actor": "user:2", "note": None, "label": ""}
            inbox.put(
                source="command", external_id=str(uuid.UUID(int=self.rng.getrandbits(128))), kind="command", body=body
            )
            self.did["forbidden commands"] += 1

    def change_consent(self) -> None:
        contact = self._contact()
        if self.rng.random() < 0.5:
            policy_operations.revoke_consent(actor="user:3", contact=contact, source="phone", **MARKETING)
        else:
            policy_operations.record_consent(actor="user:3", contact=contact, **GRANT)
        self.did["changes of consent"] += 1

    def change_list(self) -> None:
        held = Suppression.objects.filter(removed_at=None).order_by("id").first()
        if held and self.rng.random() < 0.6:
            policy_operations.remove_suppression(
                actor="user:3", suppression_id=held.pk, reason="settled", approver=True
            )
        else:
            policy_operations.add_suppression(
                actor="user:3", address=self._contact().email, scope="global", reason="manual"
            )
        self.did["changes of the suppression list"] += 1

    def rename(self) -> None:
        name = f"Ann{self.rng.randrange(100)}"
        policy_operations.update_contact(actor="user:3", ref=self._contact().ref, first_name=name)

    def change_policy(self) -> None:
        world.publish_tight(self.rng.choice(world.TIGHT))
        self.did["policies published"] += 1

    def throw_switch(self) -> None:
        """Stop everything for a moment."""
        publishing.engage_kill_switch(actor="user:3", scope="channel", key="email", reason="look into it")
        self.did["kill switches"] += 1
        self.over.wait(0.3)
        self.release_switches()

    def release_switches(self) -> None:
        for switch in KillSwitch.objects.filter(engaged=True):
            publishing.release_kill_switch(actor="user:3", scope=switch.scope, key=switch.key, reason="over")

    def _contact(self) -> Contact:
        return Contact.objects.get(ref=f"c-{self.rng.randrange(world.PEOPLE)}")

    # Providers

    def deliver(self) -> None:
        """Tell what happened to the next messages in the ledger, each request twice, and now and then of a stranger."""
        lines = read_ledger(self.ledger)[self.told : self.told + 10]
        events = [self._event(line.intent) for line in lines for _ in range(self.rng.randint(1, 2))]
        if self.rng.random() < 0.05:
            events.append(self._event("0" * 32))
        if events and all([self._post(events), self._post(events)]):
            self.told += len(lines)

    def _event(self, intent: str) -> dict[str, Any]:
        event = self.rng.choice(RARE if self.rng.random() < 0.03 else USUAL)
        name = f"{intent}-{event}-{self.rng.getrandbits(32)}"
        return {"id": name, "event": event, "intent": intent, "at": int(time.time()), "machine": False}

    def _post(self, events: list[dict[str, Any]]) -> bool:
        """Deliver once, signed, through the web process; return whether it was taken, as a provider would ask."""
        body = json.dumps({"events": events}).encode()
        headers = {"X-DEE-Signature": signature(self.secret, int(time.time()), body)}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.hooks, body, headers), timeout=5):
                self.did["deliveries"] += 1
                return True
        except (OSError, urllib.error.URLError):
            self.did["deliveries that failed"] += 1
            return False

    # Everything

    def act(self, what: Callable[[], None]) -> bool:
        """Do one thing; return whether the database was there for it. A refusal is an answer."""
        try:
            what()
        except (policy_operations.Refused, operations.Refused):
            self.did["refused"] += 1
        except Error:
            self.did["acts lost to a restart"] += 1
            connection.close()
            return False
        return True

    def live(self) -> None:
        """Act until told to stop, then let go."""
        weighed: dict[Callable[[], None], int] = {
            self.enrol: 30,
            self.command: 25,
            self.hold_or_release: 6,
            self.forbidden_command: 4,
            self.change_consent: 6,
            self.change_list: 4,
            self.rename: 4,
            self.change_policy: 1,
            self.throw_switch: 1,
            self.deliver: 25,
        }
        parent = os.getppid()
        while not self.over.wait(0.12) and os.getppid() == parent:
            if not self.act(self.rng.choices(list(weighed), list(weighed.values()))[0]):
                self.over.wait(0.5)
        end = time.monotonic() + 20
        while not self.act(self.release_switches) and time.monotonic() < end:
            time.sleep(0.2)
        while self.told < len(read_ledger(self.ledger)) and time.monotonic() < end:
            self.deliver()


def main() -> None:
    """Live until told to stop, and say what was done."""
    given = argparse.ArgumentParser()
    given.add_argument("ledger", type=Path)
    given.add_argument("--seed", default="0")
    asked = given.parse_args()
    driver = Driver(asked.ledger, asked.seed, os.environ["DEE_URL"])
    signal.signal(signal.SIGTERM, lambda *_: driver.over.set())
    driver.live()
    json.dump(driver.did, sys.stdout)


if __name__ == "__main__":
    main()
