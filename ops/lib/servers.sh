# shellcheck shell=bash
# A private Redis and a private Postgres for one run of the tests: Unix sockets only, in a directory of
# their own, nothing shared with the system's services. Sourced by ops/test, after ops/lib/setup.sh.
#
#   trap stop_servers EXIT
#   start_servers     exports ROLLCALL_TEST_REDIS_URL and ROLLCALL_TEST_POSTGRES_URL

servers_dir='' redis_pid='' postgres_bin=''

start_servers() {
  # A socket's path may have 107 bytes: not under TMPDIR, which can be long.
  servers_dir=$(mktemp -d /tmp/rollcall-servers.XXXXXX)
  chmod 711 "$servers_dir" # the postgres user passes through
  start_redis
  start_postgres
}

# Stops exactly what start_servers started, in whatever state that is; harmless to repeat.
stop_servers() {
  [[ -n $servers_dir ]] || return 0
  if [[ -n $redis_pid ]]; then
    kill -KILL "$redis_pid" 2>/dev/null || true # its data is thrown away, and it may be frozen
    wait "$redis_pid" 2>/dev/null || true
    redis_pid=''
  fi
  if [[ -s $servers_dir/postgres/data/postmaster.pid ]]; then
    postgres_tool pg_ctl stop -s -m immediate -D "$servers_dir/postgres/data" || true
  fi
  rm -rf "$servers_dir"
  servers_dir=''
}

start_redis() {
  local socket=$servers_dir/redis.sock deadline=$((SECONDS + 10))
  command -v redis-server >/dev/null || die "no redis-server in PATH: install it, or run ops/test as it is"
  # DEBUG: tests make scripts and connections fail. setsid: on Ctrl-C the tests end first, then the server.
  setsid redis-server --port 0 --unixsocket "$socket" --unixsocketperm 700 --save '' --appendonly no \
    --enable-debug-command yes --dir "$servers_dir" >"$servers_dir/redis.log" 2>&1 &
  redis_pid=$!
  until [[ $(redis-cli -s "$socket" PING 2>/dev/null) == PONG ]]; do
    if ! kill -0 "$redis_pid" 2>/dev/null || ((SECONDS > deadline)); then
      tail -n 5 "$servers_dir/redis.log" >&2
      die "the private Redis did not start (its log is above)"
    fi
    sleep 0.05
  done
  export ROLLCALL_TEST_REDIS_URL=unix://$socket
}

start_postgres() {
  local home=$servers_dir/postgres log=$servers_dir/postgres/log run=$servers_dir/run
  find_postgres
  mkdir -m 700 "$home" "$run"
  if ((EUID == 0)); then
    id postgres >/dev/null 2>&1 || die "Postgres refuses to run as root, and there is no user 'postgres' to run it as"
    chown postgres: "$home"
    # The socket's directory stays root's own: some tests give up root's power to enter others' directories.
    chgrp postgres "$run"
    chmod 730 "$run"
  fi
  postgres_tool initdb -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync --no-instructions \
    -D "$home/data" >"$servers_dir/initdb.log" 2>&1 || {
    tail -n 5 "$servers_dir/initdb.log" >&2
    die "initdb failed for the private Postgres (above)"
  }
  # fsync=off: no test crashes the machine, and without it a run does not wear out a disk.
  postgres_tool pg_ctl start -w -s -D "$home/data" -l "$log" \
    -o "-k $run -c listen_addresses='' -c max_connections=200 -c fsync=off" || {
    tail -n 5 "$log" >&2 || true
    die "the private Postgres did not start (its log is above)"
  }
  export ROLLCALL_TEST_POSTGRES_URL="host=$run user=postgres dbname=postgres"
}

# Debian keeps the server's programs out of PATH, by version: the newest counts.
find_postgres() {
  local newest
  newest=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  [[ -x $newest ]] || newest=$(command -v initdb) || die "no initdb in /usr/lib/postgresql or PATH: install postgresql"
  postgres_bin=$(dirname "$newest")
}

# postgres_tool NAME ARGUMENT...: as the user who may run a Postgres, from a directory which that user sees.
postgres_tool() {
  local command=("$postgres_bin/$1" "${@:2}")
  if ((EUID == 0)); then
    command=(setpriv --reuid=postgres --regid=postgres --init-groups -- "${command[@]}")
  fi
  (cd / && exec "${command[@]}")
}
