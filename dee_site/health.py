"""Is this process up, and can DEE do its work? Three views for machines; none needs a login and none tells a secret."""

import logging
from collections.abc import Iterable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from runs import engine_state, queries

logger = logging.getLogger(__name__)


def database_problem() -> str:
    """Return why the database cannot be used, or an empty string."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.warning("health: the database does not answer", exc_info=True)
        return "The database does not answer. Check PostgreSQL and DATABASE_URL."
    return ""


def broker_problem() -> str:
    """Return why the broker cannot be used, or an empty string."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, retry=None)
    try:
        client.ping()
    except (redis.RedisError, OSError):
        logger.warning("health: the broker does not answer", exc_info=True)
        return "The broker does not answer. Check Redis and REDIS_URL."
    finally:
        client.close()
    return ""


def engine_problem() -> str:
    """Return why the engine does not keep up, in the words of the pages, or an empty string."""
    try:
        state = engine_state.of(queries.desk())
    except DatabaseError:
        return "The engine's state cannot be read. Check the database, and whether it is migrated."
    return "" if state.level == "ok" else state.sentence


def checks() -> dict[str, str]:
    """Return each check's name with its problem; an empty string is good."""
    return {"database": database_problem(), "broker": broker_problem(), "engine": engine_problem()}


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as this process serves requests."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when every check is good, else 503 with a sentence for each that is not."""
    results = checks()
    return JsonResponse(
        {"ready": not any(results.values()), "checks": {name: problem or "ok" for name, problem in results.items()}},
        status=503 if any(results.values()) else 200,
    )


class ScrapeCollector(Collector):
    """Values read when they are asked for, so every web process gives the same answer and none has to be merged."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        up = GaugeMetricFamily("dee_up", "1 when the part answers, else 0.", labels=["part"])
        for name, problem in checks().items():
            up.add_metric([name], 0 if problem else 1)
        yield up
        try:
            desk = queries.desk()
        except DatabaseError:
            return
        yield GaugeMetricFamily("dee_inbox_waiting", "Inputs that the engine has not admitted yet.", desk.waiting)
        yield GaugeMetricFamily("dee_runs_failed", "Runs that wait for an operator.", desk.failed)
        yield GaugeMetricFamily("dee_engine_halted", "1 while an operator must confirm.", bool(desk.halted))
        yield GaugeMetricFamily("dee_engine_lag_seconds", "Age of the oldest due action.", engine_state.lag_s(desk))
        if desk.now and desk.beat_at:
            silent = (desk.now - desk.beat_at).total_seconds()
            yield GaugeMetricFamily("dee_engine_silent_seconds", "Since the engine last worked.", silent)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer in the Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ScrapeCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
