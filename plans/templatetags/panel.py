"""How are the options of a select written? A step's form may have thousands of them, too many for a template's loop."""

from html import escape

from django import template
from django.utils.safestring import SafeString

from plans.panel.codecs import Option
from plans.panel.parts import Field

register = template.Library()


@register.simple_tag
def panel_options(field: Field) -> SafeString:
    """Return what a select offers, under its headings, with what it holds chosen."""
    return SafeString("".join(_group(heading, options, field.text) for heading, options in field.groups))


def _group(heading: str, options: list[Option], held: str) -> str:
    inner = "".join(_option(option, option.token == held) for option in options)
    return f'<optgroup label="{escape(heading)}">{inner}</optgroup>' if heading else inner


def _option(option: Option, chosen: bool) -> str:
    marks = (" selected" if chosen else "") + (" disabled" if option.refused else "")
    return f'<option value="{escape(option.token)}"{marks}>{escape(option.text)}</option>'
