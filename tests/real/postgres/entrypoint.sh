#!/bin/sh
# Stand-in for the official image's entrypoint: what users' Compose files rely on, in our own words.
set -eu

setting() { # setting NAME [DEFAULT]: from the variable, else from the file that NAME_FILE names
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    if [ -n "$value" ] && [ -n "$file" ]; then
        echo "error: $1 and $1_FILE are both set" >&2
        exit 1
    fi
    [ -z "$file" ] || value=$(cat "$file")
    printf %s "${value:-${2:-}}"
}

refuse_older_data() {
    for place in /var/lib/postgresql /var/lib/postgresql/data; do
        if [ -s "$place/PG_VERSION" ]; then
            echo "error: $place holds data of Postgres $(cat "$place/PG_VERSION"); this image keeps its own in $PGDATA" >&2
            exit 1
        fi
    done
}

initialise() {
    POSTGRES_USER=$(setting POSTGRES_USER postgres)
    POSTGRES_DB=$(setting POSTGRES_DB "$POSTGRES_USER")
    POSTGRES_PASSWORD=$(setting POSTGRES_PASSWORD)
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
        echo "error: a new database needs POSTGRES_PASSWORD" >&2
        exit 1
    fi
    printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
    # shellcheck disable=SC2086 # POSTGRES_INITDB_ARGS are words
    set -- --username="$POSTGRES_USER" ${POSTGRES_INITDB_ARGS:-}
    [ -z "$POSTGRES_PASSWORD" ] || set -- "$@" --pwfile=/tmp/password
    initdb -D "$PGDATA" "$@"
    rm -f /tmp/password
    printf 'host all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

    # nobody outside may take the half-made database for a ready one: no TCP until all is done
    pg_ctl -D "$PGDATA" -w -o "-c listen_addresses=''" start
    export PGPASSWORD="$POSTGRES_PASSWORD" PGHOST=/var/run/postgresql PGUSER="$POSTGRES_USER"
    if [ "$POSTGRES_DB" != postgres ]; then
        psql -Xqv ON_ERROR_STOP=1 -d postgres -v name="$POSTGRES_DB" <<-SQL
		CREATE DATABASE :"name";
		SQL
    fi
    export PGDATABASE="$POSTGRES_DB"
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
        *.sql) psql -Xqv ON_ERROR_STOP=1 -f "$script" ;;
        *.sql.gz) gunzip -c "$script" | psql -Xqv ON_ERROR_STOP=1 ;;
        *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
        esac
    done
    unset PGPASSWORD PGHOST PGUSER PGDATABASE
    pg_ctl -D "$PGDATA" -m fast -w stop
    echo 'PostgreSQL init process complete; ready for start up.'
}

case ${1:-} in -*) set -- postgres "$@" ;; esac
if [ "${1:-}" = postgres ]; then
    if [ "$(id -u)" = 0 ]; then
        mkdir -p "$PGDATA" /var/run/postgresql
        chown postgres: /var/lib/postgresql /var/run/postgresql
        find "${PGDATA%/docker}" ! -user postgres -exec chown postgres: '{}' +
        chmod 700 "$PGDATA"
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
    [ -s "$PGDATA/PG_VERSION" ] || { refuse_older_data; initialise; }
fi
exec "$@"
