# Runs on a node, for one order, and leaves nothing behind that runs but what it is told to start. Handed over as the text of `sh -c`,
# so it is for any POSIX shell (dash, BusyBox); backslashes are avoided, for the login shell that passes it on may read them its own way.
# $1 the order · $2 the node's folder, from the home of the user on if it is relative · $3 who manages the process: none, system or user
# (systemd's) · $4 the name of its service · the rest is the order's own. Answers are lines name=value.
set -eu
umask 077
order=$1 folder=$2 manager=$3 service=$4
shift 4
case $folder in
  /*) ;;
  *) folder=$HOME/$folder ;;
esac

fail() {
  echo "$*" >&2
  exit 3
}

boot() {
  cat /proc/sys/kernel/random/boot_id
}

# When a process began, in clock ticks since boot. Nothing for one that is gone, or dead and not yet waited for.
began() {
  line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  set -- ${line##*) }
  case $1 in
    Z | X) ;;
    *) echo "${20}" ;;
  esac
}

control() {
  if [ "$manager" = user ]; then
    XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user "$@"
  else
    systemctl "$@"
  fi
}

# Whether the process of the node's service lives; then pid and start tell which it is.
served() {
  [ "$manager" != none ] || return 1
  pid=$(control show -p MainPID --value "$service" 2>/dev/null) || return 1
  [ "${pid:-0}" != 0 ] || return 1
  start=$(began "$pid")
  [ -n "$start" ]
}

# The same of one that was started detached. Its number alone proves nothing: numbers are used again.
detached() {
  [ -f "$folder/pid" ] || return 1
  read -r pid start of < "$folder/pid" || return 1
  [ "$of" = "$(boot)" ] && [ -n "$start" ] && [ "$(began "$pid")" = "$start" ]
}

# One that was started detached lives on where systemd has come to manage the node since then.
alive() {
  served || detached
}

# Whether there is the library without which a program of .NET that has not been told so does not start at all.
icu() {
  for file in /usr/lib/libicuuc.so* /usr/lib/*/libicuuc.so* /usr/lib64/libicuuc.so*; do
    [ ! -e "$file" ] || return 0
  done
  return 1
}

units() {
  case $manager in
    system) echo /etc/systemd/system ;;
    user) echo "$HOME/.config/systemd/user" ;;
    *) fail "no systemd manages this node" ;;
  esac
}

errors() {
  tail -n 20 "$folder/log/errors.log" 2>/dev/null || true
}

newest() {
  ls -1t "$folder/log" 2>/dev/null | grep "^$1.*[.]log$" | head -n 1
}

# The log of the node and, where its workers are processes of their own, that of each of them; of each the file that goes on.
logs() {
  newest 'node'
  ls -1 "$folder/log" 2>/dev/null | grep '^worker[.].*[.]log$' | sed -e 's/_[0-9][0-9][0-9][0-9]*[.]log$//' -e 's/[.]log$//' | sort -u | while IFS= read -r worker; do
    ls -1t "$folder/log" 2>/dev/null | grep -e "^$worker[.]log$" -e "^${worker}_[0-9]*[.]log$" | head -n 1
  done
}

# The lines of a log; those of a worker say whose they are, behind the time, also where each is an object. Of what is followed they come one by
# one, so that each is there at once; the rest, which may be much, goes through a program that is quicker than a loop here.
lines() {
  case $2 in
    worker.*)
      of=${2#worker.}
      of=${of%.log}
      of=${of%_[0-9][0-9][0-9]}
      if [ -z "$3" ]; then
        tail -n "$1" "$folder/log/$2" | LC_ALL=C sed -E -e '/^[{]"time":/{' -e 's/,/,"process":"'"$of"'",/' -e b -e '}' -e '/^.{20}/!{' -e "s/^/$of | /" -e b -e '}' -e "s/^.{20}/&$of | /"
        return
      fi
      tail -n "$1" $3 "$folder/log/$2" | while IFS= read -r line; do
        case $line in
          '{"time":'*)
            printf '%s,"process":"%s",%s
' "${line%%,*}" "$of" "${line#*,}"
            continue
            ;;
        esac
        rest=${line#????????????????????}
        printf '%s%s | %s
' "${line%"$rest"}" "$of" "$rest"
      done
      ;;
    *) exec tail -n "$1" $3 "$folder/log/$2" ;;
  esac
}

case $order in
  probe)
    [ "$(uname -s)" = Linux ] || fail "a node must run Linux, and this is $(uname -s)"
    missing=
    for tool in setsid tar gzip sha256sum readlink mktemp tail sort grep sed df; do
      command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
    done
    [ -z "$missing" ] || fail "the node has no$missing: install that"
    echo "folder=$folder"
    echo "machine=$(uname -m)"
    # That is the kernel's word; its programs may be of 32 bits below one of 64.
    echo "bits=$(getconf LONG_BIT 2>/dev/null || true)"
    # Where programs are made for glibc the library of others may be installed, too.
    libc=glibc
    if ! getconf GNU_LIBC_VERSION >/dev/null 2>&1 && ls /lib/ld-musl-* >/dev/null 2>&1; then
      libc=musl
    fi
    echo "libc=$libc"
    icu || echo "noicu=1"
    found=none
    if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
      if [ "$(id -u)" = 0 ]; then
        found=system
      elif [ -e "/var/lib/systemd/linger/$(id -un)" ]; then
        found=user
      fi
    fi
    echo "manager=$found"
    manager=$found
    echo "boot=$(boot)"
    echo "releases=$(echo $(ls -1 "$folder/releases" 2>/dev/null))"
    current=$(readlink "$folder/current" 2>/dev/null || true)
    echo "current=${current#releases/}"
    echo "program=$(head -n 1 "$folder/launch" 2>/dev/null || true)"
    if alive; then
      ticks=$(getconf CLK_TCK 2>/dev/null || echo 100)
      read -r up rest < /proc/uptime
      echo "pid=$pid"
      echo "began=$start"
      echo "seconds=$((${up%%.*} - start / ticks))"
      [ "$manager" = none ] || served || echo "detached=1"
    elif [ -f "$folder/pid" ]; then
      echo "crashed=1"
    fi
    # How the service is, how often it was started again and why, and how long it may take to end; lines of that form.
    if [ "$manager" != none ]; then
      control show -p ActiveState -p SubState -p NRestarts -p Result -p TimeoutStopUSec "$service" 2>/dev/null || true
    fi
    ;;

  # The archive of a release comes in: $1 its name, $2 the archive's SHA-256. What does not arrive whole is not there.
  receive)
    mkdir -p "$folder/releases"
    in=$(mktemp -d "$folder/incoming.XXXXXX")
    trap 'rm -rf "$in"' EXIT
    cat > "$in/archive"
    sum=$(sha256sum < "$in/archive")
    [ "${sum%% *}" = "$2" ] || fail "the archive has not arrived as it was sent: its SHA-256 must be $2, got ${sum%% *}"
    mkdir "$in/tree"
    tar -x -z -o -f "$in/archive" -C "$in/tree"
    rm -f "$in/archive"
    [ -d "$folder/releases/$1" ] || mv "$in/tree" "$folder/releases/$1"
    ;;

  # A file of the node's own, for the user alone: $1 its name. Where it is another one than there is, it stands beside that (next), until
  # place; with $2 = now it takes its place at once. It is there with all of its text, or as it was. To what an upgrade before this one has
  # kept (former) nobody goes back any more.
  put)
    mkdir -p "$folder"
    rm -f "$folder/$1.former"
    cat > "$folder/$1.new"
    if [ -f "$folder/$1" ] && [ "$(sha256sum < "$folder/$1.new")" = "$(sha256sum < "$folder/$1")" ]; then
      rm -f "$folder/$1.new" "$folder/$1.next"
      echo "changed=0"
    elif [ "$2" = now ]; then
      rm -f "$folder/$1.next"
      mv -f "$folder/$1.new" "$folder/$1"
      echo "changed=1"
    else
      mv -f "$folder/$1.new" "$folder/$1.next"
      echo "changed=1"
    fi
    ;;

  # The text of such a file.
  get)
    cat "$folder/$1" 2>/dev/null || true
    ;;

  # What was put beside takes its place; what stood there is kept (former), for restore.
  place)
    for file in database launch; do
      rm -f "$folder/$file.former"
      if [ -f "$folder/$file.next" ]; then
        [ ! -f "$folder/$file" ] || cp -p "$folder/$file" "$folder/$file.former"
        mv -f "$folder/$file.next" "$folder/$file"
      fi
    done
    ;;

  # What stood there before the last place stands there again.
  restore)
    for file in database launch; do
      [ ! -f "$folder/$file.former" ] || mv -f "$folder/$file.former" "$folder/$file"
    done
    ;;

  switch)
    [ -d "$folder/releases/$1" ] || fail "there is no release $1"
    rm -f "$folder/current.new"
    ln -s "releases/$1" "$folder/current.new"
    mv -T -f "$folder/current.new" "$folder/current"
    touch "$folder/releases/$1"
    ;;

  # Keeps the $1 releases that were used last, and the current one; nobody goes back to former files any more.
  prune)
    rm -f "$folder/database.former" "$folder/launch.former"
    current=$(readlink "$folder/current" 2>/dev/null || true)
    ls -1t "$folder/releases" | tail -n "+$(($1 + 1))" | while read -r release; do
      [ "releases/$release" = "$current" ] || rm -rf "$folder/releases/$release"
    done
    # What a connection that broke has left.
    if command -v find >/dev/null 2>&1; then
      find "$folder" -maxdepth 1 -name 'incoming.*' -mmin +60 -exec rm -rf {} +
    fi
    ;;

  # Text of a service comes in.
  service)
    units=$(units)
    mkdir -p "$units"
    cat > "$units/$service.new"
    chmod 644 "$units/$service.new"
    mv -f "$units/$service.new" "$units/$service"
    control daemon-reload
    control enable --quiet "$service"
    ;;

  # The service does not start with the computer any more, until it comes in again.
  disable)
    if [ "$manager" != none ] && [ -f "$(units)/$service" ]; then
      control disable --quiet "$service"
    fi
    ;;

  # Starts the program $1, a path within the current release, with the rest as its arguments.
  start)
    # A service may have been started meanwhile, by a computer that has begun anew, say: that is what is wanted.
    if served; then
      echo "pid=$pid"
      exit 0
    fi
    ! detached || fail "process $pid is at work already"
    mkdir -p "$folder/log" "$folder/work"
    : > "$folder/log/errors.log"
    if [ "$manager" != none ]; then
      control start --no-block "$service"
      exit 0
    fi
    release=$(readlink -f "$folder/current")
    icu || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
    program=$1
    shift
    cd "$folder/work"
    # What runs and is not written down no other order would know: so its place on the disk is had before, and what follows fits into it.
    printf '%200s' '' > "$folder/pid.new" || fail "the pid file $folder/pid.new cannot be written, so nothing was started"
    # Appending, so that the program may cut it.
    setsid "$release/$program" "$@" < /dev/null > /dev/null 2>> "$folder/log/errors.log" &
    pid=$!
    start=$(began "$pid")
    if [ -z "$start" ]; then
      code=0
      wait "$pid" || code=$?
      fail "the program ended at once with $code: $(errors)"
    fi
    if ! { echo "$pid $start $(boot)" 1<> "$folder/pid.new" && mv -T -f "$folder/pid.new" "$folder/pid"; }; then
      kill -KILL "-$pid" "$pid" 2>/dev/null || true
      fail "the pid file $folder/pid cannot be written, so the program was ended again"
    fi
    echo "pid=$pid"
    ;;

  # Asks the process to end, and waits for $1 seconds; $2 says what then: leave or kill.
  stop)
    if [ "$manager" != none ]; then
      control stop "$service" || true
      ! served || fail "the service $service does not stop"
      # One that had to be killed has failed in the eyes of systemd; it has been stopped.
      [ "$(control show -p ActiveState --value "$service" 2>/dev/null)" != failed ] || control reset-failed "$service" || true
    fi
    if detached; then
      # It may end by itself just now: then there is nobody to tell.
      kill -TERM "$pid" 2>/dev/null || true
      left=$(($1 * 5))
      while detached; do
        if [ "$left" -le 0 ]; then
          [ "$2" = kill ] || fail "process $pid does not end within $1 s"
          # It leads a session of its own, so what it has started goes with it, and nothing else.
          kill -KILL "-$pid" 2>/dev/null || true
          echo "killed=1"
          left=25
        fi
        sleep 0.2
        left=$((left - 1))
      done
    fi
    rm -f "$folder/pid"
    ;;

  errors)
    errors
    ;;

  # How many workers the node's process has that are processes of their own: it says so in its log when it begins.
  workers)
    if alive; then
      told=" workers as processes of their own, supervised by process $pid"
      said=$(grep -h -e "$told$" -e "$told"'"' "$folder"/log/node*.log 2>/dev/null | tail -n 1)
      said=${said% workers as processes*}
      [ -z "$said" ] || echo "workers=${said##* }"
    fi
    ;;

  # Whether somebody listens on the port $1 of the loopback, and the number of a user who does and is neither root nor this one. Of one who
  # listens on all addresses of IPv6 it cannot be told whether he takes those of IPv4, too, so he may only be a stranger. And whether it is
  # open to others than this computer.
  hears)
    port=$(printf '%04X' "$1")
    (
      grep -h -E ": (0100007F|00000000):$port 00000000:0000 0A " /proc/net/tcp || true
      grep -h -E ": (0{32}|0{16}FFFF0000(0100007F|0{8})):$port 0{32}:0000 0A " /proc/net/tcp6 2>/dev/null || true
    ) | while read -r number local remote state queue timer retries user rest; do
      [ "${#local}" -gt 13 ] || echo "hears=1"
      [ "$local" != "00000000:$port" ] || echo "open=1"
      [ "$user" = 0 ] || [ "$user" = "$(id -u)" ] || echo "stranger=$user"
    done
    ;;

  # The last $1 lines of the log; with $2 = follow what comes, until the input ends.
  logs)
    all=$(logs)
    # The lines of the log go there, too: they are worth it where the log has not begun, or may not tell the end.
    if [ -s "$folder/log/errors.log" ] && { [ -z "$all" ] || ! alive; }; then
      tail -n "$1" "$folder/log/errors.log" >&2
    fi
    if [ "$2" != follow ]; then
      [ -n "$all" ] || fail "there is no log yet"
      case $all in
        # By their times, where there are several.
        *'
'*)
          for file in $all; do (lines "$1" "$file" ''); done | sort -s -k 1,2 | tail -n "$1"
          ;;
        *) lines "$1" "$all" '' ;;
      esac
      exit
    fi
    exec 3<&0
    (
      cat <&3 > /dev/null
      kill -TERM $$
    ) > /dev/null 2>&1 &
    # With all that reads for it: nothing else is in the group of processes that the server has begun for us.
    trap 'trap "" TERM; kill -TERM 0 2>/dev/null; exit 0' TERM PIPE
    from=$1 of=' ' readers=
    while :; do
      # A log that has grown large goes on in another file, and workers come.
      for file in $all; do
        case $of in *" $file "*) continue ;; esac
        (lines "$from" "$file" -f) 3<&- &
        readers="$readers $!" of="$of$file "
      done
      [ "$of" = ' ' ] || from=+1
      sleep 1
      for reader in $readers; do
        kill -0 "$reader" 2>/dev/null || kill -TERM $$
      done
      all=$(logs)
    done
    ;;

  # Runs a command. It ends when the input does: so it never outlives whoever has given the order, however that one ends.
  exec)
    exec 3<&0
    cd "$HOME"
    setsid "$@" < /dev/null 3<&- &
    pid=$!
    (
      cat <&3 > /dev/null
      # It may not lead its group yet.
      kill -TERM "-$pid" || kill -TERM "$pid" || exit 0
      left=25
      while [ "$left" -gt 0 ] && kill -0 "-$pid"; do
        sleep 0.2
        left=$((left - 1))
      done
      kill -KILL "-$pid"
    ) > /dev/null 2>&1 &
    watching=$!
    code=0
    wait "$pid" || code=$?
    kill "$watching" 2>/dev/null || true
    exit "$code"
    ;;

  usage)
    cores=$(grep -c '^processor' /proc/cpuinfo || true)
    echo "cores=$cores"
    grep -E '^(MemTotal|MemAvailable):' /proc/meminfo | while read -r name value unit; do
      echo "${name%:}=$value"
    done
    read -r load rest < /proc/loadavg
    echo "load=$load"
    df -P -k "$folder" 2>/dev/null | tail -n 1 | while read -r device size used free rest; do
      echo "disk=$size"
      echo "free=$free"
    done
    head -n 1 /proc/stat | while read -r name rest; do echo "before=$rest"; done
    sleep 1
    head -n 1 /proc/stat | while read -r name rest; do echo "after=$rest"; done
    if alive; then
      leader=$pid memory=0 processes=0
      for each in /proc/[0-9]*; do
        line=$(cat "$each/stat" 2>/dev/null) || continue
        set -- ${line##*) }
        [ "$4" = "$leader" ] || continue
        memory=$((memory + ${22})) processes=$((processes + 1))
      done
      echo "pages=$memory"
      echo "page=$(getconf PAGESIZE 2>/dev/null || echo 4096)"
      echo "processes=$processes"
    fi
    ;;

  # Whether the computer may be told to begin anew by the command that follows, as far as that can be told without doing it.
  mayreboot)
    command -v "$1" > /dev/null 2>&1 || fail "there is no command $1"
    if [ "${1##*/} ${2:-}" = 'sudo -n' ]; then
      sudo=$1
      shift 2
      said=$("$sudo" -n -l "$@" 2>&1) || fail "sudo does not permit it without a password: $said"
    fi
    ;;

  # Lets the computer begin anew, a moment after this order has been answered. How the command ended is kept.
  reboot)
    mkdir -p "$folder/log"
    rm -f "$folder/reboot.end"
    setsid sh -c 'sleep 1; file=$1; shift; code=0; "$@" 2> "$file.said" || code=$?; echo "ended=$code" > "$file.new"; mv -f "$file.new" "$file.end"' reboot "$folder/reboot" "$@" < /dev/null > /dev/null 2>&1 &
    ;;

  rebooted)
    # Words of others, of which none is a pattern.
    set -f
    if [ -f "$folder/reboot.end" ]; then
      cat "$folder/reboot.end"
      echo "said=$(echo $(tail -n 5 "$folder/reboot.said"))"
    fi
    ;;

  *)
    fail "there is no order $order"
    ;;
esac
