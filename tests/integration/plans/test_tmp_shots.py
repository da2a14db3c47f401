import pytest
from pathlib import Path
from django.contrib.auth.models import User
from django.core.management import call_command
from plans import operations

@pytest.mark.django_db(transaction=True)
def test_shots(page, live_server, settings):
    settings.DEE_ACTIVATION_CHECKS = []
    User.objects.create_superuser("maria", password="x", first_name="Maria")
    for f in sorted(Path("plans/samples").glob("*.json")):
        call_command("load_plan", str(f))
    page.set_viewport_size({"width": 1400, "height": 950})
    page.goto(live_server.url + "/admin/login/")
    page.fill("#id_username", "maria"); page.fill("#id_password", "x"); page.click("[type=submit]")
    def shot(path, name, full=True):
        page.goto(live_server.url + path); page.screenshot(path=f"/tmp/shot-{name}.png", full_page=full)
    shot("/admin/plans/", "list")
    shot("/admin/plans/sales-outreach/", "plan")
    shot("/admin/plans/sales-outreach/v/1/", "version")
    shot("/admin/plans/templates/", "templates")
    shot("/admin/plans/templates/outreach-intro/1/", "template")
    shot("/admin/plans/templates/new/", "tnew")
    shot("/admin/plans/new/", "new")
    page.goto(live_server.url + "/admin/plans/failure-lab/draft/")
    text = page.input_value("#id_body")
    page.fill("#id_body", text.replace('"timeout": "rescue-call"', '"timeout": "rescue-cal"'))
    page.wait_for_selector("text=did you mean")
    page.screenshot(path="/tmp/shot-draft.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 800})
    shot("/admin/plans/sales-outreach/", "phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
