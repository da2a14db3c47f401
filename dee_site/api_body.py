"""How is the body of an API request read? Strictly: what two readers could understand differently is refused."""

import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from audit import canon

MAX_BODY = 1024 * 1024
_KEY = r"[A-Za-z][A-Za-z0-9_]{0,63}"
_PROFILE = canon.Profile(re.compile(_KEY), _KEY, 8, MAX_BODY)


class TooLarge(APIException):
    """The body is longer than MAX_BODY bytes."""

    status_code = 413
    default_detail = f"The body is longer than {MAX_BODY} bytes. Send less at once."
    default_code = "too_large"


class StrictJSON(BaseParser):
    """Reads a JSON object without fractions, NaN, duplicate keys or U+0000, at most MAX_BODY bytes long."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the object. Raises: ParseError (400), TooLarge (413)."""
        # One byte over the limit and no more, whatever length the request states or leaves out.
        raw = stream.read(MAX_BODY + 1)
        if len(raw) > MAX_BODY:
            raise TooLarge
        try:
            body = canon.decode(raw.decode("utf-8"), _PROFILE)
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8. Send JSON in UTF-8.") from None
        except canon.NotCanonical as error:
            raise ParseError(f"The body is not JSON as this API takes it: {error}.") from None
        if not isinstance(body, dict):
            raise ParseError("The body must be a JSON object: {…}.")
        return body
