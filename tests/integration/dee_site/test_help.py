"""Every page explains itself in three sentences: in its dialog, and on the page of all texts."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from dee_site import help, menu
from tests.factories_runs import signed_in, superuser
from tests.integration.dee_site.permission_rules import RULES
from tests.integration.runs.asking import text

pytestmark = pytest.mark.django_db

# Addresses under /admin/ that answer a GET and are yet no page of the desk, each with what it is instead.
NOT_PAGES = {
    "account:code": "seen before anybody is known; says itself what to do",
    "account:login": "seen before anybody is known; says itself what to do",
    "admin:autocomplete": "data for the stock admin",
    "admin:jsi18n": "a script of the stock admin",
    "admin:login": "seen before anybody is known; says itself what to do",
    "admin:view_on_site": "leads on to another address",
    "audit:chain": "a file",
    "plans:design_panel": "a part of the designer",
    "plans:export": "a file",
    "runs:bulk_csv": "a file",
    "runs:bundle": "a file",
    "runs:failures_csv": "a file",
    "runs:failures_news": "a part of the failure inbox",
}
# What only takes a form; the table of rights knows them.
TAKES_A_FORM = {name for name, rule in RULES.items() if rule.get is None}


def names(resolver: URLResolver, space: str = "", path: str = "") -> Iterator[str]:
    """Yield the names of every address of the desk."""
    for pattern in resolver.url_patterns:
        whole = path + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from names(pattern, f"{space}{pattern.namespace}:" if pattern.namespace else space, whole)
        elif whole.startswith("admin/") and pattern.name:
            yield space + pattern.name


def every_text() -> list[help.Help]:
    return [text for _, texts in help.every() for text in texts]


def test_every_page_of_the_desk_has_a_help() -> None:
    found = set(names(get_resolver()))
    assert len(found) > 60

    assert sorted(name for name in found - NOT_PAGES.keys() - TAKES_A_FORM if help.of(name) is None) == []


def test_what_is_excused_exists_and_has_no_text() -> None:
    assert sorted(NOT_PAGES.keys() - set(names(get_resolver()))) == []
    assert [name for name in {*NOT_PAGES, *TAKES_A_FORM} if help.of(name)] == []


def test_no_text_is_left_over_from_a_page_that_is_gone() -> None:
    told = {name for _, texts in help.GROUPS for name in texts}

    assert sorted(told - set(names(get_resolver()))) == []


def test_a_help_is_three_sentences_each_of_them_short() -> None:
    for said in every_text():
        for sentence in (said.shows, said.do, said.then):
            assert sentence[0].isupper() or sentence[0] in "“", sentence
            assert sentence.endswith(".") and ". " not in sentence, f"{said.title}: one sentence, please: {sentence}"
            assert len(sentence) <= 125, f"{said.title}: {sentence}"


def test_anchors_and_titles_are_unique() -> None:
    anchors = [said.anchor for said in every_text()]

    assert len(set(anchors)) == len(anchors)


@pytest.mark.parametrize("name", [page.names[0] for _, pages in menu.GROUPS for page in pages])
def test_the_question_mark_of_a_page_opens_its_own_help(name: str) -> None:
    said = help.of(name)
    assert said is not None

    page = text(superuser().get(reverse(name)))

    dialog = re.search(r'<dialog class="dialog help-dialog".*?</dialog>', page)
    assert dialog and all(words.replace("'", "&#x27;") in dialog[0] for words in (said.title, said.shows, said.then))
    # Without a script the button is a link to the same text.
    assert f'href="{reverse("help")}#{said.anchor}" data-dialog="dee-help"' in page


def test_a_page_that_is_not_there_has_no_question_mark() -> None:
    page = superuser().get("/admin/nowhere/")

    assert page.status_code == 404
    assert "dee-help" not in text(page)


def test_the_stock_admins_own_pages_share_their_texts() -> None:
    changed, added = help.of("admin:auth_user_change"), help.of("admin:auth_group_add")
    password = help.of("admin:auth_user_password_change")

    assert changed and added and password
    assert (changed.title, added.title, password.title) == ("One row", "Add a row", "Set a password")


def test_the_page_of_all_texts_holds_every_text_every_word_and_the_keys() -> None:
    page = text(signed_in().get(reverse("help")))

    assert [said.title for said in every_text() if f'<article id="{said.anchor}">' not in page] == []
    assert [word for word, _ in help.WORDS if f"<dt>{word}</dt>" not in page] == []
    assert 'data-dialog="dee-keys"' in page


def test_strangers_are_sent_to_the_login() -> None:
    assert Client().get(reverse("help"))["Location"].startswith(reverse("admin:login"))
