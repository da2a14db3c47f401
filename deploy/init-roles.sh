#!/bin/sh
# Run once by the PostgreSQL image when its data directory is new: the two roles, their passwords and the database.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set owner_password="$DEE_OWNER_PASSWORD" --set app_password="$DEE_APP_PASSWORD" --file /roles/roles.sql
