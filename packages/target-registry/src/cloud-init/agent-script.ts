/**
 * The agent that runs on an instance: joins the target service, sends heartbeats, says goodbye at poweroff.
 *
 * POSIX shell, so that an image needs nothing but `curl` 7.55 (`--header @file`), which every family has.
 * Exit codes: 0 done, 2 wrong use, 3 refused (trying again is pointless), 4 unreachable (try later).
 * `join` tries for about 15 minutes before it ends with 4; the unit starts it again.
 *
 * Secrets are never on a command line. The join token is a file, deleted once the service has answered; the
 * instance's own key is made here before joining, kept in the state folder (0600), and only its SHA-256 leaves
 * in the join: an answer that got lost is asked for again with the same key.
 */
export const AGENT_SCRIPT: string = `#!/bin/sh
# Promferry target agent. Usage: agent address | join | heartbeat | stop | run | fetch URL SHA256 FILE
# Exit: 0 done, 2 wrong use, 3 refused (trying again is pointless), 4 unreachable (try later).
set -u
umask 077
PATH=$PATH:/usr/sbin:/sbin

# Seconds: between two looks of the timer, one request, heartbeats when the service names no pace.
TICK=20 REQUEST_TIMEOUT=10 PACE=60
# Seconds: the longest wait of our own, the longest that the service may ask for, all waits of one join.
BACKOFF_LIMIT=60 ASK_LIMIT=3600 GIVE_UP=900

say() { printf 'promferry: %s\\n' "$*" >&2; }
die() {
  code=$1
  shift
  say "$*"
  exit "$code"
}

# 1 to $1, evenly; $1 is at most 65536. POSIX has no $RANDOM.
random_to() { echo $(($(od -An -N2 -tu2 /dev/urandom) % $1 + 1)); }

# Seconds since boot: no clock that is set can move it.
uptime_seconds() { cut -d. -f1 /proc/uptime; }

load_config() {
  config=\${PROMFERRY_CONFIG:-/etc/promferry/agent.conf}
  SERVICE_URL='' CA_FILE='' INSTANCE_ID='' ENDPOINTS='' ADDRESS='' INTERFACE='' TEXTFILE_DIR=''
  STATE_DIR=/var/lib/promferry RUN_DIR=/run/promferry IDENTITY_METRIC=promferry_instance_info
  [ -r "$config" ] || die 2 "can't read $config"
  . "$config"
  [ -n "$SERVICE_URL" ] || die 2 "$config sets no SERVICE_URL"
  mkdir -p "$STATE_DIR" "$RUN_DIR" || die 2 "can't make $STATE_DIR and $RUN_DIR"
  WORK=$(mktemp -d "$RUN_DIR/work.XXXXXX") || die 2 "can't write to $RUN_DIR"
  trap 'rm -rf "$WORK"' EXIT
  trap 'exit 4' HUP INT TERM
}

# The cloud's id of this instance. An id that cloud-init could not fill in has a slash and is not taken.
find_instance() {
  case $INSTANCE_ID in
    '' | *[!A-Za-z0-9._-]*) INSTANCE_ID=$(cat /var/lib/cloud/data/instance-id 2>/dev/null) ;;
  esac
  case $INSTANCE_ID in
    '' | [._-]* | *[!A-Za-z0-9._-]*) die 3 "no usable instance id: set INSTANCE_ID, letters, digits and ._- only" ;;
  esac
  # State that came along in a snapshot of another instance is not ours.
  if [ "$(cat "$STATE_DIR/instance" 2>/dev/null)" != "$INSTANCE_ID" ]; then
    rm -f "$STATE_DIR/joined" "$STATE_DIR/key"
    echo "$INSTANCE_ID" >"$STATE_DIR/instance"
  fi
  BOOT_ID=$(cat /proc/sys/kernel/random/boot_id)
}

# The address to listen on: as configured, else the first private one, IPv4 before IPv6. Never a public one by chance.
find_address() {
  [ -n "$ADDRESS" ] && return
  ADDRESS=$(ip -o addr show scope global | awk -v only="$INTERFACE" '
    { name = $2; sub(/@.*/, "", name); address = $4; sub(/[/].*/, "", address) }
    / (tentative|deprecated|temporary|dadfailed)/ { next }
    only != "" && name != only { next }
    only == "" && name ~ /^(lo|veth|docker|br-|virbr|podman|cni|flannel|cali|lxc|tap|tun|vxlan|dummy|ifb)/ { next }
    $3 == "inet" && only == "" &&
      address !~ /^(10|192[.]168|172[.](1[6-9]|2[0-9]|3[01])|100[.](6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))[.]/ { next }
    $3 == "inet6" && only == "" && address !~ /^f[cd]/ { next }
    $3 == "inet" && four == "" { four = address }
    $3 == "inet6" && six == "" { six = address }
    END { print four != "" ? four : six }')
  [ -n "$ADDRESS" ] || die 4 "no private address on this machine: set ADDRESS or INTERFACE"
}

write_address() {
  find_address
  case $ADDRESS in
    *:*) host="[$ADDRESS]" ;;
    *) host=$ADDRESS ;;
  esac
  printf 'FERRY_ADDRESS=%s\\nFERRY_HOST=%s\\n' "$ADDRESS" "$host" >"$WORK/address"
  chmod 644 "$WORK/address"
  mv "$WORK/address" "$RUN_DIR/address.env"
}

make_key() {
  [ -s "$STATE_DIR/key" ] && return
  od -An -v -tx1 -N32 /dev/urandom | tr -d ' \\n' >"$STATE_DIR/key.new"
  [ "$(wc -c <"$STATE_DIR/key.new")" -eq 64 ] || die 4 "no random bytes for a key"
  mv "$STATE_DIR/key.new" "$STATE_DIR/key"
  # The service binds the token to this key: it must survive a power cut.
  sync
}

# request METHOD PATH BODY, with the instance's key once joined. Sets STATUS, 000 where no whole answer came.
request() {
  : >"$WORK/head"
  : >"$WORK/answer"
  : >"$WORK/headers"
  [ ! -s "$STATE_DIR/joined" ] || printf 'Authorization: Bearer %s\\n' "$(cat "$STATE_DIR/key")" >"$WORK/headers"
  printf '%s' "$3" >"$WORK/body"
  STATUS=$(curl -q --silent --show-error --request "$1" --header "@$WORK/headers" \\
    --header 'Content-Type: application/json' --header 'Expect:' --user-agent promferry-agent \\
    \${CA_FILE:+--cacert "$CA_FILE"} --connect-timeout 5 --max-time "$REQUEST_TIMEOUT" --max-filesize 65536 \\
    --data-binary "@$WORK/body" --dump-header "$WORK/head" --output "$WORK/answer" \\
    --write-out '%{http_code}' "$SERVICE_URL$2" 2>"$WORK/error") || STATUS=000
}

# Seconds in the answer's header $1 (lower case), at most ASK_LIMIT; $2 where it has none or a date.
header_seconds() {
  tr -d '\\r' <"$WORK/head" | awk -v name="$1:" -v limit="$ASK_LIMIT" -v seconds="$2" '
    tolower($1) == name && $2 ~ /^[0-9]+$/ { seconds = $2 > limit ? limit : $2 + 0 }
    END { print seconds }'
}

# What the last answer said, in one bounded line.
answered() {
  if [ "$STATUS" = 000 ]; then
    head -c 200 "$WORK/error" | tr '\\n' ' '
  else
    printf '%s ' "$STATUS"
    head -c 200 "$WORK/answer" | tr -c '[:print:]' ' '
  fi
}

# When the next heartbeat is due, in seconds since boot; up to a tenth later, so that a fleet spreads out.
set_due() { echo $(($(uptime_seconds) + $1 + $(random_to $(($1 / 10 + 1))) - 1)) >"$RUN_DIR/due"; }

endpoints_json() {
  list=''
  for endpoint in $ENDPOINTS; do
    list="$list\${list:+,}{\\"name\\":\\"\${endpoint%%:*}\\",\\"address\\":\\"$ADDRESS\\",\\"port\\":\${endpoint##*:}}"
  done
  printf '[%s]' "$list"
}

write_identity() {
  [ -n "$TEXTFILE_DIR" ] || return 0
  (
    umask 022
    mkdir -p "$TEXTFILE_DIR" || exit
    {
      echo "# HELP $IDENTITY_METRIC The instance that this machine joined as."
      echo "# TYPE $IDENTITY_METRIC gauge"
      echo "$IDENTITY_METRIC{instance_id=\\"$INSTANCE_ID\\"} 1"
    } >"$TEXTFILE_DIR/.promferry.$$" && mv "$TEXTFILE_DIR/.promferry.$$" "$TEXTFILE_DIR/promferry.prom"
  ) || say "can't write the identity gauge to $TEXTFILE_DIR"
}

# A token's third part is the SHA-256 of the CA file that the service must answer under; "-" pins none.
check_ca() {
  [ "\${1##*.}" != - ] || return 0
  [ "$(sha256sum 2>/dev/null <"\${CA_FILE:-/dev/null}" | cut -d' ' -f1)" = "\${1##*.}" ] ||
    die 3 "\${CA_FILE:-(no CA_FILE)} is not the CA that the join token names"
}

join() {
  token=$STATE_DIR/join-token
  if [ ! -s "$token" ]; then
    [ -s "$STATE_DIR/joined" ] || die 3 "not joined, and no join token in $token"
    write_identity
    rm -f "$RUN_DIR/due"
    heartbeat
    return
  fi
  secret=$(tr -d ' \\r\\n' <"$token")
  case $secret in
    *[!A-Za-z0-9._~+/=-]*) die 3 "the text in $token is no join token" ;;
  esac
  check_ca "$secret"
  find_address
  make_key
  rm -f "$STATE_DIR/joined"
  key=$(printf '%s' "$(cat "$STATE_DIR/key")" | sha256sum | cut -d' ' -f1)
  body="{\\"token\\":\\"$secret\\",\\"instance_id\\":\\"$INSTANCE_ID\\",\\"boot_id\\":\\"$BOOT_ID\\",\\"key\\":\\"$key\\",\\"endpoints\\":$(endpoints_json)}"
  ceiling=2 waited=0
  while :; do
    request POST /v1/join "$body"
    case $STATUS in
      200 | 201) break ;;
      000 | 408 | 425 | 429 | 5??) ;;
      *) die 3 "join refused: $(answered)" ;;
    esac
    pause=$(($(header_seconds retry-after 0) + $(random_to "$ceiling")))
    waited=$((waited + pause))
    [ "$waited" -le "$GIVE_UP" ] || die 4 "join failed, last: $(answered)"
    say "join: $(answered); next try in $pause s"
    sleep "$pause"
    ceiling=$((ceiling * 2))
    [ "$ceiling" -le "$BACKOFF_LIMIT" ] || ceiling=$BACKOFF_LIMIT
  done
  echo "$INSTANCE_ID" >"$STATE_DIR/joined"
  rm -f "$token"
  set_due "$(header_seconds heartbeat-after "$PACE")"
  write_identity
  say "joined as $INSTANCE_ID at $ADDRESS"
}

heartbeat() {
  [ -s "$STATE_DIR/joined" ] || return 0
  rest=$(($(cat "$RUN_DIR/due" 2>/dev/null || echo 0) - $(uptime_seconds)))
  [ "$rest" -le "$TICK" ] || return 0
  [ "$rest" -le 0 ] || sleep "$rest"
  request POST "/v1/instances/$INSTANCE_ID/heartbeat" "{\\"boot_id\\":\\"$BOOT_ID\\"}"
  case $STATUS in
    2??) set_due "$(header_seconds heartbeat-after "$PACE")" ;;
    404 | 410)
      say "the service no longer knows $INSTANCE_ID: $(answered)"
      # A new token is for a new key.
      rm -f "$STATE_DIR/joined" "$STATE_DIR/key"
      join
      ;;
    000 | 408 | 425 | 429 | 5??)
      set_due "$(header_seconds retry-after "$PACE")"
      die 4 "heartbeat: $(answered)"
      ;;
    *)
      set_due 300
      die 3 "heartbeat refused: $(answered)"
      ;;
  esac
}

# Prints poweroff or halt while the machine is on its way there; nothing at a reboot or when only the unit stops.
ending() {
  if [ "\${RC_RUNLEVEL:-}" = shutdown ]; then
    [ "\${RC_REBOOT:-}" = YES ] || echo poweroff
    return
  fi
  systemctl list-jobs --plain --no-legend 2>/dev/null |
    awk '$3 == "start" && ($2 == "poweroff.target" || $2 == "halt.target") { sub(/[.]target/, "", $2); print $2; exit }'
}

stop() {
  [ -s "$STATE_DIR/joined" ] || return 0
  reason=$(ending)
  [ -n "$reason" ] || return 0
  REQUEST_TIMEOUT=5
  for try in 1 2; do
    request DELETE "/v1/instances/$INSTANCE_ID?reason=$reason" ""
    case $STATUS in
      2??) return 0 ;;
      000 | 408 | 429 | 5??) [ "$try" = 2 ] || sleep 1 ;;
      *) die 3 "goodbye refused: $(answered)" ;;
    esac
  done
  die 4 "goodbye not heard: $(answered)"
}

# Where no service manager runs timers: joins, then sends heartbeats for ever.
run() {
  join
  while [ -s "$STATE_DIR/joined" ]; do
    sleep "$TICK"
    (heartbeat) || [ $? = 4 ] || exit 3
  done
}

# fetch URL SHA256 FILE: one program out of a tar.gz, checked before anything of it is unpacked.
fetch() {
  [ $# = 3 ] || die 2 "usage: agent fetch URL SHA256 FILE"
  # What is published is served from elsewhere by redirect; the digest decides, not the place.
  curl -q --silent --show-error --fail --location --max-redirs 5 --proto '=https' --proto-redir '=https' \\
    --max-time 600 --retry 5 --output "$WORK/archive" "$1" || die 4 "can't fetch $1"
  [ "$(sha256sum <"$WORK/archive" | cut -d' ' -f1)" = "$2" ] || die 3 "$1 does not have the digest $2"
  name=\${3##*/}
  member=$(tar -tzf "$WORK/archive" | awk -F/ -v name="$name" '$NF == name { print; exit }')
  [ -n "$member" ] || die 3 "$1 has no $name"
  tar -xzOf "$WORK/archive" "$member" >"$WORK/program" || die 4 "can't unpack $name of $1"
  chmod 755 "$WORK/program"
  mv "$WORK/program" "$3"
}

command=\${1:-}
[ $# = 0 ] || shift
case $command in
  address)
    load_config
    write_address
    ;;
  join | heartbeat | stop | run)
    load_config
    find_instance
    "$command"
    ;;
  fetch)
    RUN_DIR=/tmp
    WORK=$(mktemp -d) || die 2 "can't write to the folder of temporary files"
    trap 'rm -rf "$WORK"' EXIT
    fetch "$@"
    ;;
  *) die 2 "usage: agent address | join | heartbeat | stop | run | fetch URL SHA256 FILE" ;;
esac
`;
