#!/bin/bash
# engine.sh start FOLDER   prints the address of a Docker engine for the laboratory in containers: one that runs on this machine
#                          already, or else one of our own. That has a network namespace of its own, so that the machine's
#                          firewall, forwarding and devices stay as they are, and all that it keeps in FOLDER.
# engine.sh stop FOLDER    takes our own one away, with all that it made; another one is left alone.
# Needs root; installs docker.io if it is missing. Says on standard error why no engine can run here.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/../../deploy/common.sh"

[ $# = 2 ] || die "usage: engine.sh start|stop FOLDER"
action=$1 folder=$(realpath -m "$2")
# One engine for each folder; the name is that of the folder, as far as a name may be.
namespace=pinholed-engine-$(printf %s "$folder" | cksum | cut -d' ' -f1)
own=unix://$folder/sock

runs() { [ -s "$folder/pid" ] && [ "$(cat "/proc/$(cat "$folder/pid")/comm" 2>/dev/null)" = dockerd ]; }
answers() { DOCKER_HOST=$1 docker version >/dev/null 2>&1; }

# An engine whose processes this machine does not see is of no use: the laboratory enters its containers.
is_here() {
  case $1 in unix://*) ;; *) return 1 ;; esac
  [ "$1" = "$own" ] || grep -qsx dockerd /proc/[0-9]*/comm || return 1
  answers "$1"
}

start() {
  local address=${DOCKER_HOST:-unix:///var/run/docker.sock}
  if command -v docker >/dev/null && is_here "$address"; then
    echo "$address"
    return
  fi
  if runs && answers "$own"; then
    echo "$own"
    return
  fi
  install_missing dockerd:docker.io docker:docker.io ip:iproute2 nsenter:util-linux >&2
  # What an engine left that had no time to stop.
  remove_all
  mkdir -p "$folder"
  ip netns add "$namespace"
  ip -n "$namespace" link set lo up
  # Frames between two ports of a bridge are no business of the engine's own filter and conntrack.
  nsenter --net="/run/netns/$namespace" sysctl -qw net.bridge.bridge-nf-call-iptables=0 \
    net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null || true
  # Not by "ip netns exec": that mounts another /sys, in which the engine finds no control groups.
  nsenter --net="/run/netns/$namespace" setsid dockerd --bridge=none --iptables=false --ip6tables=false \
    --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" -H "$own" \
    </dev/null >"$folder/log" 2>&1 &
  local engine=$! deadline=$((SECONDS + 30))
  until answers "$own"; do
    if ! kill -0 "$engine" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
      grep -v level=info "$folder/log" | tail -n 3 >&2
      stop
      die "no Docker engine can run here"
    fi
    sleep 0.1
  done
  echo "$own"
}

stop() {
  if runs; then
    local engine
    engine=$(cat "$folder/pid")
    kill "$engine"
    await 30 sh -c "! kill -0 $engine" || kill -9 "$engine"
  fi
  remove_all
}

# Also what is left when the engine was killed, or when the machine stopped with it and /run outlived that.
remove_all() {
  ip netns del "$namespace" 2>/dev/null || rm -f "/run/netns/$namespace"
  # An engine mounts its own folder, and keeps mounted what its containers had; the last mounted goes first.
  local mounted
  findmnt -rno TARGET | { grep "^$folder/" || true; } | tac | while read -r mounted; do umount "$mounted"; done
  rm -rf "$folder"
}

need_root "$@"
case $action in
  start) start ;;
  stop) stop ;;
  *) die "usage: engine.sh start|stop FOLDER" ;;
esac
