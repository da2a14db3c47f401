# One image for web, worker, beat and migrations; docker-compose.yml says which process each one is.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    DJANGO_SETTINGS_MODULE=dee_site.settings DEE_STATIC_ROOT=/app/collected DEE_DATA_DIR=/data

WORKDIR /app
COPY requirements/prod.lock requirements/
RUN pip install --require-hashes --only-binary :all: -r requirements/prod.lock

COPY manage.py dee-replay ./
COPY dee_site dee_site
COPY audit audit
COPY channels channels
COPY policies policies
COPY plans plans
COPY runs runs
COPY templates templates
COPY static static

# The build needs settings that load, but none of their servers.
RUN DEE_SECRET_KEY=build DATABASE_URL=postgresql://dee_app@db/dee REDIS_URL=redis://redis:6379/0 \
    python manage.py collectstatic --noinput --verbosity 0 \
 && useradd --system --uid 10001 dee && install -d -o dee /data

USER dee
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "dee_site.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "3", \
     "--threads", "8", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
