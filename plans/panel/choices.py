"""What may the forms of a draft offer? Steps, outcomes, templates, attributes and policies, from an unfinished plan.

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels.kinds import Channel
from plans import conditions, steps
from plans.designing import ways

PURPOSES = ("marketing", "transactional")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a form may offer. Steps come in the order in which a reader follows the plan.

    templates: by channel, such as {"email": ("welcome@1",)}, newest first. attributes: name to type. sends: step to
    channel, for the steps that bring events. labels: step to its outcomes, for the steps that have any.
    """

    steps: tuple[str, ...] = ()
    templates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    sends: Mapping[str, Channel] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    purposes: tuple[str, ...] = PURPOSES
    policies: tuple[str, ...] = ()


def choices(document: Mapping[str, Any], templates: Mapping[str, Sequence[str]], policies: Sequence[str]) -> Choices:
    """Return what the forms of a draft offer."""
    bodies = document.get("steps")
    bodies = bodies if isinstance(bodies, dict) else {}
    names = tuple(ways.flow(document))
    kinds = {name: kind for name in names if (kind := ways.kind_of(bodies[name]))}
    attributes = document.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    purpose = document.get("purpose")
    return Choices(
        steps=names,
        templates={channel: tuple(refs) for channel, refs in templates.items()},
        attributes={
            name: kind for name, kind in attributes.items() if isinstance(kind, str) and kind in conditions.TYPES
        },
        sends={name: steps.CHANNELS[kind] for name, kind in kinds.items() if kind in steps.CHANNELS},
        labels={
            name: found
            for name, kind in kinds.items()
            if (found := steps.LABELS[kind] or tuple(ways.outcomes(bodies[name])))
        },
        purposes=tuple(dict.fromkeys((*PURPOSES, *([purpose] if isinstance(purpose, str) and purpose else [])))),
        policies=tuple(policies),
    )
