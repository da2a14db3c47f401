"""Files come in whole or not at all, and can only add denial."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit.models import Entry
from policies import imports, operations
from policies.csv_text import BadFile
from policies.models import Consent, Contact, Suppression
from policies.rules import evaluate
from tests.integration.policies.made import (
    ACTOR,
    clock,
    facts_of,
    make_ask,
    make_consent,
    make_contact,
    publish,
    set_clock,
)

pytestmark = pytest.mark.django_db

HEAD = "ref,first_name,email,phone,zone,country,attr.tier,attr.balance:int,attr.vip:bool"


def take(text: str, **more: Any) -> imports.Imported:
    return imports.import_contacts(actor="cli", raw=text.encode(), **more)


def problems(raw: str | bytes) -> list[str]:
    with pytest.raises(BadFile) as caught:
        imports.import_contacts(actor="cli", raw=raw if isinstance(raw, bytes) else raw.encode())
    return [str(problem) for problem in caught.value.problems]


def test_contacts_come_in_with_types_and_normal_forms() -> None:
    done = take(
        f"\ufeff{HEAD}\r\nc-1,Ada,ADA@Example.com,020 7946 0000,Europe/London,gb,gold,-5,yes\r\nc-2,Bob,,,,,,,\r\n"
    )
    assert (done.created, done.changed, done.notices) == (2, 0, [])
    ada = Contact.objects.get(ref="c-1")
    assert (ada.email, ada.phone, ada.country) == ("ada@example.com", "+442079460000", "GB")
    assert ada.attributes == {"tier": "gold", "balance": -5, "vip": True}
    assert Contact.objects.get(ref="c-2").attributes == {}


@pytest.mark.parametrize("text", ["ref;email\nc-1;a@example.com\n", "ref\temail\nc-1\ta@example.com\n"])
def test_the_delimiter_is_the_first_lines(text: str) -> None:
    assert take(text).created == 1


def test_headers_as_other_programs_write_them() -> None:
    take("Contact ID,E-Mail,First Name,Surname,Time Zone\nc-1,a@example.com,Ada,King,Europe/Paris\n")
    contact = Contact.objects.get(ref="c-1")
    assert (contact.email, contact.last_name, contact.zone) == ("a@example.com", "King", "Europe/Paris")


def test_a_mapping_names_the_headers_nobody_could_guess() -> None:
    take("Kundennr,Ort\nc-1,Graz\n", mapping={"Kundennr": "ref", "Ort": "attr.city"})
    assert Contact.objects.get(ref="c-1").attributes == {"city": "Graz"}


def test_every_bad_line_is_named_and_nothing_changes() -> None:
    found = problems(
        f"{HEAD}\n"
        "c-1,Ada,ada@example.com,,,,,,\n"
        "c 2,Bob,bob,12,Mars,USA,,1.5,maybe\n"
        "c-1,Ada,,,,,,,\n"
        "c-3,=cmd(),,,,,,,\n"
        "c-4,too,few\n"
    )
    text = "\n".join(found)
    for expected in [
        "line 3: “c 2” is not a reference",
        "line 3: “1.5” is not a whole number",
        "line 3: “maybe” is neither true nor false",
        "line 4: c-1 stands on line 2 already",
        "line 5: first_name: “=cmd()” starts like a spreadsheet formula",
        "line 6: has 3 cells where the first line has 9",
    ]:
        assert expected in text
    assert not Contact.objects.exists() and not Entry.objects.exists()


def test_all_bad_fields_of_a_line_are_named() -> None:
    found = problems(f"{HEAD}\nc-1,Ada,bob,12,Mars,USA,,,\n")
    assert len(found) == 4 and all(problem.startswith("line 2: ") for problem in found)


def test_a_record_over_several_lines_is_named_by_its_first() -> None:
    found = problems('ref,first_name,email\nc-1,"Ada\nKing",x\nc-2,Bob,y\n')
    assert [problem.split(":")[0] for problem in found] == ["line 2", "line 2", "line 4"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "no column ref"),
        (b"name\nAda\n", "no column ref"),
        (b"ref,colour\nc-1,red\n", "call it attr.colour"),
        (b"ref,email,e-mail\n", "stands twice"),
        (b"ref,consent.fax.marketing\n", "the channel is one of"),
        (b"ref\nc-1\x00\n", "line 2: holds the character U+0000"),
        ("ref\nc-1\nJosé".encode("latin-1"), "line 3: is not UTF-8"),
        ("ref\nc-1".encode("utf-16"), "UTF-16"),
        (b'ref\n"c-1\n', "quotation marks"),
    ],
)
def test_what_is_no_such_file_is_refused_with_a_sentence(raw: bytes, said: str) -> None:
    assert said in problems(raw)[0]


def test_importing_again_changes_only_what_differs_and_an_empty_cell_erases_nothing() -> None:
    take("ref,first_name,email,attr.tier\nc-1,Ada,ada@example.com,gold\nc-2,Bob,,\n")
    done = take("ref,first_name,email,attr.vip:bool\nc-1,,,true\nc-2,Bob,,\n")
    assert (done.created, done.changed, done.unchanged) == (0, 1, 1)
    ada = Contact.objects.get(ref="c-1")
    assert (ada.first_name, ada.email, ada.version) == ("Ada", "ada@example.com", 2)
    assert ada.attributes == {"tier": "gold", "vip": True}


def test_an_erased_contact_does_not_come_back() -> None:
    contact = make_contact(ref="c-1")
    Contact.objects.filter(pk=contact.pk).update(state="erased", first_name="", last_name="", email="", phone="")
    assert problems("ref,email\nc-1,ada@example.com\n") == ["line 2: c-1 was erased; it cannot come back by an import"]


# --- consent in files ---

CONSENT_HEAD = "ref,email,consent.email.marketing,consent_source,consent_proof,consent_at"


def test_a_grant_in_a_file_needs_its_proof() -> None:
    done = take(f"{CONSENT_HEAD}\nc-1,ada@example.com,express,trade fair,list 12,2026-03-01\n")
    assert done.granted == 1
    row = Consent.objects.get()
    assert (row.kind, row.source, row.at) == ("express", "trade fair", 1772323200)
    take(f"{CONSENT_HEAD}\nc-1,ada@example.com,express,trade fair,list 12,2026-03-01\n")
    assert Consent.objects.count() == 1


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("express,,list 12,", "needs consent_source"),
        ("express,fair,,", "consent_proof"),
        ("rumour,fair,list 12,", "is not a legal basis"),
        ("express,fair,list 12,yesterday", "is not a time"),
        ("express,fair,list 12,2026-03-01T10:00", "has no zone"),
        ("express,fair,list 12,2200-01-01", "in the future"),
    ],
)
def test_a_grant_that_proves_nothing_breaks_the_line(cells: str, said: str) -> None:
    assert said in problems(f"{CONSENT_HEAD}\nc-1,ada@example.com,{cells}\n")[0]
    assert not Contact.objects.exists()


def test_an_import_never_brings_back_who_unsubscribed() -> None:
    publish()
    contact = make_contact(ref="c-1", email="ada@example.com")
    make_consent(contact)
    operations.revoke_consent(actor=ACTOR, contact=contact, channel="email", purpose="marketing", source="link")
    operations.add_suppression(actor=ACTOR, address="ada@example.com", scope="channel", reason="unsubscribe")
    set_clock(clock() + 86400)
    # Twice: as the contact that is known, and as a new one with the same address.
    done = take(
        f"{CONSENT_HEAD}\nc-1,ADA@example.com,express,new list,bought,\nc-9,ada@example.com,express,new list,bought,\n"
    )
    assert done.granted == 0
    assert [str(notice).split(":")[0] for notice in done.notices] == ["line 2", "line 3"]
    assert "withdrew" in done.notices[0].message and "suppressed (unsubscribe)" in done.notices[1].message
    for ref in ("c-1", "c-9"):
        facts = facts_of(make_ask(Contact.objects.get(ref=ref)), now=clock())
        verdict = evaluate.judge(facts)
        assert (verdict.decision, verdict.code) == ("deny", "suppressed")


def test_a_withdrawn_consent_alone_also_stays_withdrawn() -> None:
    contact = make_contact(ref="c-1")
    operations.revoke_consent(actor=ACTOR, contact=contact, channel="email", purpose="marketing", source="link")
    set_clock(clock() + 10)
    take(f"{CONSENT_HEAD}\nc-1,{contact.email},express,new list,bought,\n")
    assert facts_of(make_ask(contact), now=clock())["consent"]["status"] == "revoked"


# --- suppressions ---


def test_a_plain_list_of_addresses_is_enough() -> None:
    done = imports.import_suppressions(actor="cli", raw=b"Ada@example.com\n+1 212 555 0100\n\nada@EXAMPLE.com\n")
    assert done == (2, 0)
    assert {(s.address, s.scope, s.reason, s.source) for s in Suppression.objects.all()} == {
        ("ada@example.com", "global", "manual", "import"),
        ("+12125550100", "global", "manual", "import"),
    }
    assert imports.import_suppressions(actor="cli", raw=b"ada@example.com\n") == (0, 1)


def test_a_file_says_scope_reason_and_expiry_per_line() -> None:
    raw = (
        b"address,scope,channel,plan,reason,expires\n"
        b"a@example.com,channel,,,unsubscribe,\n"
        b"b@example.com,plan,,spring,manual,2099-01-01\n"
    )
    assert imports.import_suppressions(actor="cli", raw=raw) == (2, 0)
    first, second = Suppression.objects.order_by("address")
    assert (first.channel, first.reason) == ("email", "unsubscribe")
    assert (second.plan_key, second.expires_at) == ("spring", 4070908800)


def test_a_broken_line_refuses_the_file() -> None:
    with pytest.raises(BadFile) as caught:
        imports.import_suppressions(
            actor="cli", raw=b"address,reason\na@example.com,manual\nnobody,manual\nb@example.com,mood\n"
        )
    assert [problem.line for problem in caught.value.problems] == [3, 4]
    assert not Suppression.objects.exists()


def test_an_import_never_weakens_an_entry() -> None:
    operations.add_suppression(actor=ACTOR, address="a@example.com", scope="global", reason="complaint")
    assert imports.import_suppressions(actor="cli", raw=b"address,reason\na@example.com,manual\n") == (0, 1)
    assert Suppression.objects.get().reason == "complaint"


def test_known_among_counts_what_holds_now() -> None:
    read = imports.read_suppressions("a@example.com\nb@example.com\nnobody\n")
    operations.add_suppression(actor=ACTOR, address="a@example.com", scope="global", reason="manual")
    assert (len(read.entries), len(read.problems), imports.known_among(read.entries, clock())) == (2, 1, 1)


# --- the commands ---


def run(command: str, path: Path, text: str, *options: str) -> tuple[int, str, str]:
    path.write_text(text)
    out, err = StringIO(), StringIO()
    try:
        call_command(command, str(path), *options, stdout=out, stderr=err)
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_import_contacts_command(tmp_path: Path) -> None:
    code, out, _ = run("import_contacts", tmp_path / "c.csv", "Nr,email\nc-1,a@example.com\n", "--column", "Nr=ref")
    assert code == 0 and "1 added" in out
    code, _, err = run("import_contacts", tmp_path / "c.csv", "ref,email\nc-2,x\nc-3,y\n")
    assert code == 1 and "line 2: email:" in err and "line 3: email:" in err and "Nothing was changed" in err
    assert Contact.objects.count() == 1


def test_import_suppressions_command(tmp_path: Path) -> None:
    code, out, _ = run("import_suppressions", tmp_path / "s.csv", "a@example.com\n")
    assert code == 0 and "1 added, 0 known already" in out
    code, _, err = run("import_suppressions", tmp_path / "s.csv", "b@example.com\nnobody\n")
    assert code == 1 and "line 2:" in err and Suppression.objects.count() == 1


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    err = StringIO()
    with pytest.raises(SystemExit):
        call_command("import_contacts", str(tmp_path / "none.csv"), stderr=err)
    assert "none.csv" in err.getvalue()
