"""How do people come in? Through the login page, like everybody."""

from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import Page

PASSWORD = "correct horse"


def sign_in(page: Page, live_server: Any, name: str = "anna") -> User:
    """Make a superuser of this name and log them in; the page then shows the overview."""
    user = User.objects.create_superuser(name, password=PASSWORD)
    log_in(page, live_server, name)
    return user


def log_in(page: Page, live_server: Any, name: str, password: str = PASSWORD) -> None:
    """Log somebody in who is there already; the page then shows the overview."""
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.locator("h1", has_text="Overview").wait_for()
    page.wait_for_load_state()  # keys pressed before the scripts have run are nobody's
