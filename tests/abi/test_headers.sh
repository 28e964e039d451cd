#!/bin/bash
# The public headers as strangers compile them: each alone and all together, as C11, C17 and C++17,
# with warnings as errors; without hidden padding in flat messages; beside every header of core
# without two meanings of one name. And does the pinned layout notice when something moves?
set -u
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
strict="-fsyntax-only -Wall -Wextra -Werror -Wshadow -Wundef -pedantic"

# good NAME COMMAND...: it must compile.
good()
{
    local name=$1
    shift
    if "$@" > "$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        head -n 5 "$work/log"
    fi
}

# bad NAME COMMAND...: it must not.
bad()
{
    local name=$1
    shift
    if "$@" > "$work/log" 2>&1; then
        failed=$((failed + 1))
        echo "FAILED: $name: nothing was noticed"
    else
        passed=$((passed + 1))
    fi
}

languages=("gcc -x c -std=c11" "gcc -x c -std=c17" "g++ -x c++ -std=c++17")
headers=$(cd include && find stockade -name '*.h' | sort)
for header in $headers; do
    echo "#include <$header>" > "$work/one"
    for language in "${languages[@]}"; do
        # shellcheck disable=SC2086
        good "$language $header" $language $strict -Iinclude "$work/one"
    done
done

# All together, in both orders: no header leans on what another one happened to include.
for header in $headers; do echo "#include <$header>"; done > "$work/all"
tac "$work/all" > "$work/backwards"
for language in "${languages[@]}"; do
    # shellcheck disable=SC2086
    good "$language, all" $language $strict -Iinclude "$work/all"
    # shellcheck disable=SC2086
    good "$language, all backwards" $language $strict -Iinclude "$work/backwards"
    # shellcheck disable=SC2086
    good "$language, layout" $language -fsyntax-only -Wall -Wextra -Werror -I. -Iinclude \
        tests/abi/test_layout.c
done
command -v clang > /dev/null && good "clang, all" clang -x c -std=c11 -fsyntax-only -Wall -Wextra \
    -Werror -Iinclude "$work/all"

# struct stk_bytes alone has padding: it holds a pointer and is in no message.
# shellcheck disable=SC2086
gcc -x c -std=c11 -fsyntax-only -Wpadded -Iinclude "$work/all" 2>&1 | grep '\[-Wpadded\]' |
    grep -v 'types.h:' > "$work/padded"
good "hidden padding: $(head -n 1 "$work/padded")" test ! -s "$work/padded"

# Each header of core beside all public words, as core/plug has them.
beside()
{
    { echo "#include \"$1\""; cat "$2/all"; } |
        gcc -x c -std=c11 -D_GNU_SOURCE -fsyntax-only -Wall -Werror -I. -Iinclude - ||
        echo "$1" >> "$2/beside"
}
export -f beside
find core -name '*.h' | sort | xargs -P 2 -I{} bash -c "beside {} $work" 2> "$work/said"
good "beside the public words: $(sort "$work/beside" 2> /dev/null | head -n 3 | tr '\n' ' ')" \
    test ! -e "$work/beside"
[ ! -e "$work/beside" ] || head -n 4 "$work/said"

# A plugin's manifest as C and as C++.
cat > "$work/manifest" <<'EOF'
#include <stockade/stockade.h>
STK_MANIFEST(.name = "a", .vendor = "b", .version = "1", .kinds = STK_KIND_BIT(ORDERS_IN));
EOF
for language in "gcc -x c -std=c11" "g++ -x c++ -std=c++17"; do
    # shellcheck disable=SC2086
    good "$language, manifest" $language -fsyntax-only -Wall -Wextra -Werror \
        -Wno-missing-field-initializers -Iinclude "$work/manifest"
done

# moved NAME FILE SED: with that change the pinned layout must not compile.
moved()
{
    rm -rf "$work/moved" && cp -r include "$work/moved"
    sed -i "$3" "$work/moved/stockade/$2"
    if cmp -s "include/stockade/$2" "$work/moved/stockade/$2"; then
        failed=$((failed + 1))
        echo "FAILED: $1: the change was not made"
        return
    fi
    bad "$1" gcc -std=c11 -fsyntax-only -I. -I"$work/moved" tests/abi/test_layout.c
}
moved "a field is taken away" event.h '/int64_t hold_ms;/d'
moved "a field is put in between" ext/listings.h 's/^    int64_t expected;/    int64_t odd; &/'
moved "a field is wider" ext/submit.h 's/uint32_t shortfall;/uint64_t shortfall;/'
moved "two functions change places" ext/timer.h 's/(\*set)/(*swap)/; s/(\*cancel)/(*set)/'
moved "a number changes" event.h 's/STK_OUTCOME_UNKNOWN = 6/STK_OUTCOME_UNKNOWN = 16/'
moved "a status changes" status.h 's/STK_STATUS(SHORT, 3/STK_STATUS(SHORT, 33/'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
