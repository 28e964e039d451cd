#!/bin/bash
# Does tests/lib/run-tests count right? A tree of pretended programs, each with another way to end.
set -u
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check()
{
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1: \"$2\", want \"$3\""
    fi
}

mkdir -p "$work/tests/lib" "$work/tests/torture" "$work/build/tests/torture" "$work/tests/system"
cp tests/lib/run-tests "$work/tests/lib/"
cp tests/tiers.txt "$work/tests/"
# The run that this test is part of has set sizes of its own.
# shellcheck disable=SC2046
unset $(sed -n 's/^\([A-Z_]*\) .*/\1/p' tests/tiers.txt)

# program NAME: a torture program whose script comes from standard input.
program()
{
    : > "$work/tests/torture/torture_$1.c"
    { echo '#!/bin/bash'; cat; } > "$work/build/tests/torture/torture_$1"
    chmod +x "$work/build/tests/torture/torture_$1"
}

# counted NAME: what run-tests says about it alone, as `last line, exit code`.
counted()
{
    local out code
    mkdir -p "$work/aside"
    mv "$work"/tests/torture/*.c "$work/aside/"
    mv "$work/aside/torture_$1.c" "$work/tests/torture/"
    out=$(TIMEOUT_TORTURE=${limit-60} "$work/tests/lib/run-tests" torture 2>&1)
    code=$?
    mv "$work"/aside/*.c "$work/tests/torture/" 2> /dev/null
    echo "$out" > "$work/out"
    echo "$(echo "$out" | tail -n 1), $code"
}

program plain <<< 'exit 0'
check 'exit code 0' "$(counted plain)" '1 passed, 0 failed, 0'
program bad <<< 'exit 3'
check 'exit code 3' "$(counted bad)" '0 passed, 1 failed, 1'
program dies <<< 'echo "9 passed, 0 failed"; kill -SEGV $$'
check 'dies after good words' "$(counted dies)" '9 passed, 1 failed, 1'
grep -q 'signal 11' "$work/out"
check 'names the signal' $? 0
program counts <<< 'echo "9 passed, 2 failed"; exit 1'
check 'its own count' "$(counted counts)" '9 passed, 2 failed, 1'
program liar <<< 'echo "9 passed, 2 failed"; exit 0'
check 'failures beside exit code 0' "$(counted liar)" '9 passed, 2 failed, 1'
program skips <<< 'echo "SKIP: no disk"'
check 'a skip is no pass' "$(counted skips)" '0 passed, 1 failed, 1'
grep -q 'torture/torture_skips: no disk' "$work/out"
check 'a skip is shown with its reason' $? 0
program nothing <<< 'echo "0 passed, 0 failed"'
check 'ran nothing' "$(counted nothing)" '0 passed, 1 failed, 1'
program hangs <<< 'sleep 60'
check 'hangs' "$(limit=1 counted hangs)" '0 passed, 1 failed, 1'
program gone <<< 'exit 0'
rm "$work/build/tests/torture/torture_gone"
check 'not built' "$(counted gone)" '0 passed, 1 failed, 1'
program unit << 'END'
cat << 'LOG'
[==========] Running 3 test(s).
[ RUN      ] one
[       OK ] one
[ RUN      ] two
[  FAILED  ] two
[ RUN      ] three
[  SKIPPED ] three
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] three
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] two
LOG
exit 1
END
check 'cmocka' "$(counted unit)" '1 passed, 1 failed, 1'
program cut << 'END'
echo '[ RUN      ] one'; echo '[       OK ] one'; echo '[ RUN      ] two'; exit 1
END
check 'cmocka that dies inside a test' "$(counted cut)" '1 passed, 1 failed, 1'
program tier <<< '[ "$TORTURE_SECONDS $CRASH_CYCLES" = "2 77" ]'
check 'sizes reach the program, given ones win' "$(CRASH_CYCLES=77 counted tier)" \
    '1 passed, 0 failed, 0'
program long <<< '[ "$TORTURE_SECONDS" = 300 ]'
rm -f "$work"/tests/torture/*.c
: > "$work/tests/torture/torture_long.c"
check 'nightly sizes' "$("$work/tests/lib/run-tests" --tier nightly torture | tail -n 1)" \
    '1 passed, 0 failed'
rm -f "$work"/tests/torture/*.c
check 'no program at all' "$("$work/tests/lib/run-tests" torture | tail -n 1)" '0 passed, 1 failed'
check 'an unknown suite' "$("$work/tests/lib/run-tests" nonsense 2>&1)" \
    "run-tests: unknown suite 'nonsense'"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
