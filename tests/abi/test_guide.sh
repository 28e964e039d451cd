#!/bin/bash
# Every block of C in plugins/README.md stands, line for line and together, in the sample; a block
# that does not is noticed. What the guide says about exported symbols is true of the built file.
set -u
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# check GUIDE SOURCE: one line `block at LINE` per block that is not in the source; counts blocks.
check()
{
    awk -v source="$2" '
        BEGIN { while ((getline line < source) > 0) text = text line "\n" }
        /^```c$/ { inside = 1; block = ""; at = NR; next }
        /^```$/ && inside {
            inside = 0; blocks++
            if (index("\n" text, "\n" block) == 0) print "block at " at
            next
        }
        inside { block = block $0 "\n" }
        END { print "blocks " blocks + 0 }' "$1"
}

check plugins/README.md plugins/sample/sample.c > "$work/found"
blocks=$(sed -n 's/^blocks //p' "$work/found")
wrong=$(grep -c '^block at' "$work/found")
passed=$((passed + blocks - wrong)) failed=$((failed + wrong))
sed -n 's/^block at \(.*\)/FAILED: plugins\/README.md:\1: not in plugins\/sample\/sample.c/p' \
    "$work/found"
if [ "$blocks" -ge 8 ]; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED: only $blocks blocks were found"
fi

sed 's/line.quantity = 1;/line.quantity = 2;/' plugins/README.md > "$work/guide"
if check "$work/guide" plugins/sample/sample.c | grep -q '^block at'; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "FAILED: a changed line was not noticed"
fi

# tools/one-symbol says no to a file that shows more.
build=${STK_BUILD:-build}
cp "$build/tests/plugins/extra_symbols.so" "$work/extra.so"
cp "$build/plugins/sample.so" "$work/sample.so"
if tools/one-symbol "$work/sample.so" && [ -e "$work/sample.so" ] &&
    ! tools/one-symbol "$work/extra.so" 2> "$work/said" && [ ! -e "$work/extra.so" ] &&
    grep -q 'shows stk_entry stk_test_extra_symbol and' "$work/said"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "FAILED: tools/one-symbol: $(cat "$work/said")"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
