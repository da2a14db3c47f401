"""`what_if DRAFT_OR_FILE`: what a plan would have changed for past runs, and which parts of it no past run reached."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plans.document import Plan
from runs.engine.whatif import assume, report, terms
from runs.engine.whatif.findings import Class, Finding
from runs.engine.whatif.report import Report
from runs.trying import trials, whatifs
from runs.trying.trials import Trial


class Command(BaseCommand):
    help = "Tell past runs again on a draft, a version or a document. Nothing is sent and nothing is written."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", metavar="DRAFT_OR_FILE", help="a plan's key, key@version, or a JSON file")
        parser.add_argument(
            "--plan", metavar="KEY", default="", help="whose past runs; the document's own plan if not given"
        )
        parser.add_argument("--last", type=int, default=whatifs.USUAL_RUNS, metavar="N", help="how many, newest first")
        parser.add_argument(
            "--assume", action="append", default=[], metavar="STEP=LABEL", help="also STEP.EVENT=SECONDS"
        )
        parser.add_argument("--tolerance", type=int, default=terms.TOLERANCE_S, metavar="SECONDS")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_: Any, subject: str, plan: str, last: int, **options: Any) -> None:
        if not 1 <= last <= whatifs.MOST_RUNS:
            raise CommandError(f"--last is between 1 and {whatifs.MOST_RUNS}.")
        trial = _trial(subject)
        of = plan or trial.key
        try:
            found = whatifs.compare(
                _plan(trial), runs_of=of, last=last, assumed=options["assume"], tolerance_s=max(0, options["tolerance"])
            )
        except assume.Wrong as error:
            raise CommandError(str(error)) from None
        except report.NothingToCompare as error:
            raise CommandError(f"{of}: {error}") from None
        if options["json"]:
            self.stdout.write(json.dumps({"plan": of, "subject": trial.title, **found.as_data()}, indent=2))
        else:
            self.stdout.write("\n".join(_lines(trial, of, found)))


def _trial(subject: str) -> Trial:
    path = Path(subject)
    if path.is_file():
        try:
            return trials.text(path.read_bytes().decode(), "", path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from None
    key, at, number = subject.partition("@")
    if at and not (number.isascii() and number.isdigit()):
        raise CommandError(f"“{subject}”: write a version as {key}@3.")
    found = trials.version(key, int(number)) if at else trials.draft(key)
    if found is None:
        raise CommandError(f"There is no file and no plan “{subject}”.")
    return found


def _plan(trial: Trial) -> Plan:
    if trial.plan is None:
        lines = "\n".join(f"{trial.title}: {problem}" for problem in trial.problems)
        raise CommandError(f"{lines}\nMend this first: only a plan without problems can be compared.")
    return trial.plan


def _lines(trial: Trial, of: str, found: Report) -> list[str]:
    lines = [f"{trial.title} against the last {len(found.findings)} runs of {of}, tolerance {found.tolerance_s} s"]
    lines += [f"assumed: {word}{' (no run needed it)' if word in found.unused else ''}" for word in found.assumed]
    for each in Class:
        if found.totals[each]:
            lines.append(f"{found.totals[each]:>5}  {each.value:<15}{each.meaning}")
            lines += [
                f"       e.g. {found.examples[each].run}",
                *(f"         {line}" for line in _details(found.examples[each])),
            ]
    missed = found.coverage
    lines += [f"not reached: step {name}" for name in missed.missed_steps]
    lines += [f"not reached: {step} → {label}" for step, label in missed.missed_arms]
    lines += [f"not reached: exit {index + 1}" for index in missed.missed_exits]
    return [*lines, "Every step, arm and exit was reached."] if missed.whole else lines


def _details(each: Finding) -> list[str]:
    lines = [str(change) for change in each.changes]
    lines += [f"needs: {need}" for need in each.needs]
    lines += [f"refused: {refusal}" for refusal in each.refused]
    if each.note:
        lines.append(each.note)
    if each.now and each.now != each.was:
        lines.append(f"ends as {each.now} instead of {each.was}")
    return lines
