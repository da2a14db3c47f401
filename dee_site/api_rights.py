"""Who may use which address of the API? Whoever has the same right on the pages, and a place on the desk.

REST framework imports this by name (`dee_site.api_settings`) while it is being imported itself, so it stands alone.
"""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

NO_DESK = "You have no place on the desk: an administrator has to make you a member of the staff."


class HasRights(BasePermission):
    """Lets members of the staff pass who hold every right that the address names for the method; nobody else."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Say whether the request may go on; a method that the address does not have goes on to its 405."""
        method = "get" if request.method == "HEAD" else str(request.method).lower()
        if not (request.user.is_active and getattr(request.user, "is_staff", False)):
            self.message = NO_DESK
            return False
        if method not in view.http_method_names or not hasattr(view, method):
            return True
        rights = getattr(view, "rights", {}).get(method.upper())
        missing = [right for right in rights or () if not request.user.has_perm(right)]
        if missing:
            self.message = f"You may not do this: it needs the right {' and '.join(missing)}."
        return rights is not None and not missing
