# shellcheck shell=bash disable=SC2034
# For system tests in shell: a folder of their own, an engine in it, checks that count.
#
#   . tests/lib/engine.sh
#   engine_folder NAME       $folder is made, and removed at the end together with the engine
#   engine_start             build/stockaded on $folder/data; answers at $folder/data/stockade.sock
#   engine_stop, engine_kill
#   check "what" COMMAND...  one case: passes when the command ends with 0
#   says "what" WANT COMMAND...    passes when the output holds WANT; the exit code is in $code
#   checks_end               prints "N passed, N failed" and exits

STK_BUILD=${STK_BUILD:-$PWD/build}
stockade=$STK_BUILD/stockade
engine_pid=
checks_passed=0
checks_failed=0

engine_folder()
{
    folder=$(mktemp -d "/tmp/stockade-$1-XXXXXX") || exit 1
    trap 'engine_kill; rm -rf "$folder"' EXIT
    trap 'exit 1' INT TERM HUP
}

# A test may write $folder/stockade.yaml before.
engine_start()
{
    # No TCP: tests may run side by side.
    [ -e "$folder/stockade.yaml" ] || printf 'rpc:\n  listen: []\n' > "$folder/stockade.yaml"
    : > "$folder/stockaded.out"
    "$STK_BUILD/stockaded" --config "$folder/stockade.yaml" --data "$folder/data" \
        > "$folder/stockaded.out" 2>&1 < /dev/null &
    engine_pid=$!
    engine_wait=0
    until grep -q ready "$folder/stockaded.out"; do
        if ! kill -0 "$engine_pid" 2> /dev/null || [ $engine_wait -ge 300 ]; then
            echo "the engine did not start:"
            cat "$folder/stockaded.out"
            engine_kill
            exit 1
        fi
        sleep 0.1
        engine_wait=$((engine_wait + 1))
    done
    STOCKADE_ADDRESS=$folder/data/stockade.sock
    export STOCKADE_ADDRESS
}

engine_end()
{
    [ -n "$engine_pid" ] || return 0
    kill "-$1" "$engine_pid" 2> /dev/null
    wait "$engine_pid" 2> /dev/null
    engine_pid=
}
engine_stop() { engine_end TERM; }
engine_kill() { engine_end KILL; }

passed() { checks_passed=$((checks_passed + 1)); }
failed()
{
    checks_failed=$((checks_failed + 1))
    echo "FAILED: $1"
    [ ! -s "$folder/said" ] || sed 's/^/    /' "$folder/said" | head -n 30
}

check()
{
    check_what=$1
    shift
    if "$@" > "$folder/said" 2>&1; then passed; else failed "$check_what"; fi
}

says()
{
    check_what=$1 check_want=$2
    shift 2
    "$@" > "$folder/said" 2>&1
    code=$?
    if grep -qF -- "$check_want" "$folder/said"; then
        passed
    else
        failed "$check_what: '$check_want' is not in"
    fi
}

ends() # ends "what" CODE COMMAND...
{
    check_what=$1 check_want=$2
    shift 2
    "$@" > "$folder/said" 2>&1
    code=$?
    if [ $code -eq "$check_want" ]; then passed; else failed "$check_what: exit code $code"; fi
}

checks_end()
{
    engine_kill
    echo "$checks_passed passed, $checks_failed failed"
    [ "$checks_failed" -eq 0 ]
    exit
}
