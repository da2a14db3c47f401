"""How are the cards and wires of the canvas written down? As parts of one SVG, each with a key and in its own place.

By code and not by a template: two hundred steps are written anew at every gesture, and this takes a tenth of the time.
A part says where it stands in one `transform` only, so that the page can keep every part that is merely elsewhere.
"""

from html import escape
from urllib.parse import quote

from django.utils.safestring import SafeString

from plans import diagram
from plans.designing.board import Board, BoardCard, BoardWire, Port

ALARM = '<g class="ds-alarm" transform="translate({} 0)"><circle r="9"/><text y="4">!</text></g>'


def wires(board: Board) -> SafeString:
    """Return every wire: a wide line to be met by the pointer, the line that is seen, and its label."""
    return SafeString("".join(_wire(item) for item in board.wires))


def cards(board: Board, page: str) -> SafeString:
    """Return every card with its ports, as a link to its panel. page: the address of the designer."""
    return SafeString("".join(_card(item, escape(page)) for item in board.cards))


def _wire(item: BoardWire) -> str:
    wire, source, labels = item.wire, escape(item.source), escape(item.joined)
    text = ""
    if wire.label:
        text = f'<text class="dg-label" x="{wire.label_x}" y="{wire.label_y}">{escape(wire.label)}</text>'
    return (
        f'<g class="dg-wire{" dg-aside" if wire.aside else ""}" transform="translate({item.x} {item.y})"'
        f' data-key="{source} {labels}" data-source="{source}" data-labels="{labels}"'
        f' data-x="{item.middle_x}" data-y="{item.middle_y}"><path class="ds-hit" d="{wire.path}"/>'
        f'<path class="dg-line" d="{wire.path}" marker-end="url(#ds-arrow)"/>{text}</g>'
    )


def _card(item: BoardCard, page: str) -> str:
    card, name = item.card, escape(item.card.name)
    alarm = f", {item.problems} problem{'' if item.problems == 1 else 's'}" if item.problems else ""
    chosen, current = (" is-chosen", ' aria-current="true"') if item.chosen else ("", "")
    marks = chosen + (" has-problems" if item.problems else "")
    return (
        f'<a class="dg-card ds-card dg-{card.kind}{marks}" transform="translate({card.x} {card.y})" data-key="{name}"'
        f' href="{page}?step={quote(card.name)}" data-step="{name}" data-x="{card.x}" data-y="{card.y}"'
        f' data-w="{card.width}" aria-label="{escape(card.label)}{alarm}"{current}>'
        f"{_face(card)}{ALARM.format(card.width) if item.problems else ''}"
        f"{''.join(_port(port, card, name) for port in item.ports)}</a>"
    )


def _face(card: diagram.Card) -> str:
    pills = _pill("tag", 6, 36, card.tag) if card.tag else ""
    pills += _pill("guard", card.width - 66, 48, card.guard) if card.guard else ""
    return (
        f'<rect class="dg-box" width="{card.width}" height="{card.height}" rx="7"/>'
        '<path class="dg-side" d="M36 0.5H7.5a7 7 0 0 0-7 7v33a7 7 0 0 0 7 7H36z"/>'
        f'<path class="dg-icon" d="{card.icon}" transform="translate(10 16)"/>'
        f'<text class="dg-title" x="46" y="21">{escape(card.title)}</text>'
        f'<text class="dg-subtitle" x="46" y="36">{escape(card.subtitle)}</text>{pills}'
    )


def _pill(kind: str, left: int, width: int, word: str) -> str:
    """Return a word on the upper edge of a card."""
    return (
        f'<rect class="dg-{kind}" x="{left}" y="-9" width="{width}" height="15" rx="7.5"/>'
        f'<text class="dg-{kind}-text" x="{left + width // 2}" y="2">{word}</text>'
    )


def _port(port: Port, card: diagram.Card, name: str) -> str:
    still_open, title = ("", "") if port.target else (" is-open", f"<title>{escape(port.label)}</title>")
    return (
        f'<circle class="ds-port{still_open}" cx="{port.x - card.x}" cy="{port.y - card.y}" r="5"'
        f' data-source="{name}" data-labels="{escape(port.joined)}">{title}</circle>'
    )
