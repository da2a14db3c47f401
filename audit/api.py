"""Does the record hold? The address of the API that verifies a stream or the whole log. It writes nothing."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit import queries, verify
from audit.api_base import Asked, Endpoint, Text, example
from audit.views import SERVER_LIMIT


class VerificationQuery(Asked):
    """What to verify."""

    stream = Text(
        default="",
        max_length=120,
        help_text="A stream such as `run/17` or `contact/c-1001`; without it the whole log, which takes the right "
        "`audit.verify_log`.",
    )


class BreakSerializer(serializers.Serializer[Any]):
    """The first thing that is wrong."""

    st = serializers.CharField(help_text="The stream.")
    n = serializers.IntegerField(help_text="The entry's number in it.")
    kind = serializers.CharField(help_text="Which kind of break, one word.")
    message = serializers.CharField(help_text="What is wrong, as a sentence.")


@example(
    {
        "verdict": "consistent",
        "exit_code": 10,
        "scope": "run/17",
        "checked": 12,
        "streams": 1,
        "first_break": None,
        "message": "CONSISTENT, NOT ANCHORED: 12 entries in 1 streams hash, link and number correctly. "
        "Nobody outside this database has confirmed this history.",
    }
)
class VerificationSerializer(serializers.Serializer[Any]):
    """What a verification found. Zero entries checked is never good: that is `nothing`."""

    verdict = serializers.ChoiceField(choices=[(v.name.lower(), v.name.lower()) for v in verify.Verdict])
    exit_code = serializers.IntegerField(help_text="What the command `verify_log` exits with.")
    scope = serializers.CharField(help_text="`log` or the stream.")
    checked = serializers.IntegerField(help_text="How many entries were checked and hold.")
    streams = serializers.IntegerField(help_text="How many streams they belong to.")
    first_break = BreakSerializer(allow_null=True)
    message = serializers.CharField(help_text="The verdict as a sentence for people.")


class VerificationEndpoint(Endpoint):
    rights = {"GET": ("audit.view_entry",)}

    @extend_schema(operation_id="verify", parameters=[VerificationQuery], responses=VerificationSerializer)
    def get(self, request: Request) -> Response:
        """Verify the entries of one stream, or of the whole log.

        Reads every entry, recomputes its hash and its link to the one before. The answer is 200 whatever the verdict:
        look at `verdict`. Nothing is written, so this check is not among those that the desk lists.
        """
        stream = self.query(VerificationQuery)["stream"]
        if not stream:
            self.need("audit.verify_log", "Name a stream: the whole log is not yours to verify.")
        if (queries.stream_length(stream) if stream else queries.size()) > SERVER_LIMIT:
            raise serializers.ValidationError(
                {"stream": f"More than {SERVER_LIMIT} entries are too many for one request: run `verify_log` instead."}
            )
        return self.shown(VerificationSerializer, verify.check(stream or None).as_data())


routes = [path("verification/", VerificationEndpoint.as_view(), name="verification")]
