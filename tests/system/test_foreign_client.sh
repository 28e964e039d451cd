#!/bin/bash
# Any MessagePack client works: the daemon spoken to from Python, over the Unix socket and over TCP.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${STK_BUILD:-$PWD/build}
python=/usr/bin/python3
if ! "$python" -c 'import msgpack' 2> /dev/null; then
    echo "SKIP: python3-msgpack is not installed"
    exit 0
fi
folder=$(mktemp -d /tmp/stockade-foreign-XXXXXX)
daemon=
trap '[ -z "$daemon" ] || kill "$daemon" 2> /dev/null; wait; rm -rf "$folder"' EXIT
passed=0 failed=0

run()
{
    local address=$1 output
    output=$("$python" tests/system/foreign_client.py "$address" 2>&1)
    sed '$d' <<< "$output"
    read -r good _ bad _ <<< "$(tail -n 1 <<< "$output" | tr -d ,)"
    case $good$bad in
    '' | *[!0-9]*) failed=$((failed + 1)); tail -n 1 <<< "$output" ;;
    *) passed=$((passed + good)) failed=$((failed + bad)) ;;
    esac
}

start()
{
    cat > "$folder/stockade.yaml" <<< "rpc:
  listen: [\"127.0.0.1:0\"]"
    "$build/stockaded" --config "$folder/stockade.yaml" --data "$folder/$1" > "$folder/out" 2>&1 &
    daemon=$!
    for _ in $(seq 300); do
        grep -q ready "$folder/out" && return 0
        sleep 0.05
    done
    echo "the daemon did not get ready:"
    cat "$folder/out"
    echo "$passed passed, $((failed + 1)) failed"
    exit 1
}

stop()
{
    kill "$daemon"
    wait "$daemon" || { echo "the daemon stopped with $?"; failed=$((failed + 1)); }
    daemon=
}

start one
run "$folder/one/stockade.sock"
stop
start two
port=$(grep -o '127\.0\.0\.1:[0-9]*' "$folder/out" | head -n 1)
run "$port"
stop
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
