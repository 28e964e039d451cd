#!/bin/bash
# Is the house check a check? A clean copy of the tree passes; a copy with one planted fault of each
# kind has each of them reported, at its place, and nothing else.
set -u
cd "$(dirname "$0")/../.." || exit 2
tidy=$PWD/build/tidy
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

pass() { passed=$((passed + 1)); }
fail()
{
    failed=$((failed + 1))
    echo "FAILED: $*"
}

# What a run of tidy reports, as `path rule`.
reported_in()
{
    sed -nE 's/^([^: ]+):[0-9]+: ([a-z-]+): .*/\1 \2/p' "$1" | sort -u
}

copy_tree()
{
    mkdir -p "$1/build"
    tar -cf - --exclude=./build --exclude=./data --exclude=./.git . | tar -xf - -C "$1"
    cp build/libstockade.a "$1/build/"
}

# plant RULE PATH: a file with one fault, its text from standard input. Expect RULE at PATH.
expected=$work/expected
plant()
{
    mkdir -p "$work/faulty/$(dirname "$2")"
    cat > "$work/faulty/$2"
    echo "$2 $1" >> "$expected"
}

# A file of core that is right in every other way: its header and its test.
complete()
{
    local floor=${1%/*} stem=${1##*/} guard
    guard=STK_$(echo "${floor}_$stem" | tr a-z A-Z)_H
    mkdir -p "$work/faulty/core/$floor" "$work/faulty/tests/unit/$floor"
    printf '/* Planted. */\n#ifndef %s\n#define %s\n\n#endif\n' "$guard" "$guard" \
        > "$work/faulty/core/$1.h"
    printf '/* Planted. */\n#include "core/%s.h"\n' "$1" \
        > "$work/faulty/tests/unit/$floor/test_$stem.c"
}

# in_core RULE FLOOR/STEM: a fault in a complete file of core.
in_core()
{
    complete "$2"
    { echo '/* Planted. */'; cat; } | plant "$1" "core/$2.c"
}

copy_tree "$work/clean"
if "$tidy" "$work/clean" > "$work/clean.log"; then
    pass
else
    fail "the tree as it is has faults:"
    cat "$work/clean.log"
fi

copy_tree "$work/faulty"

# Floors and walls.
in_core floors base/zz_up <<< '#include "core/store/kv.h"'
in_core floors state/zz_side <<< '#include "core/store/kv.h"'
in_core floors flow/zz_out <<< '#include "tests/lib/zz_lib.h"'
in_core floors net/zz_plug <<< '#include "core/plug/zz_plug.h"'
complete plug/zz_plug
printf '/* Planted. */\n#include "core/plug/zz_plug.h"\n' > "$work/faulty/core/plug/zz_plug.c"
plant floors core/attic/zz.h <<< $'/* Planted. */\n#ifndef STK_?_ZZ_H\n#define STK_?_ZZ_H\n\n#endif'
plant floors plugins/zz/zz.c <<< $'/* Planted. */\n#include "core/base/err.h"'
plant floors plugins/zz/zz_plug.c <<< $'/* Planted. */\n#include "core/plug/loader.h"'
plant floors plugins/zz/zz_other.c <<< $'/* Planted. */\n#include "plugins/zz_other/zz.h"'
plant floors plugins/zz/zz_test.c <<< $'/* Planted. */\n#include "tests/lib/zz_lib.h"'
mkdir -p "$work/faulty/plugins/zz_other"
printf '/* Planted. */\n#ifndef STK_ZZ_H\n#define STK_ZZ_H\n\n#endif\n' \
    > "$work/faulty/plugins/zz_other/zz.h"
in_core floors plug/zz_net <<< '#include "core/net/api.h"'
in_core floors flow/zz_plug <<< '#include "core/plug/loader.h"'
in_core walls flow/zz_dlfcn <<< '#include <dlfcn.h>'
in_core walls plug/zz_dlfcn <<< '#include <dlfcn.h>'
plant walls plugins/zz/zz_curl.c <<< $'/* Planted. */\n#include <curl/curl.h>'
plant walls plugins/zz/zz_dl.c <<< $'/* Planted. */\n#include <dlfcn.h>'
in_core walls flow/zz_lmdb <<< '#include <lmdb.h>'
in_core walls flow/zz_event <<< '#include <event2/event.h>'
in_core walls flow/zz_msgpack <<< '#include <msgpack.h>'
in_core walls flow/zz_ssl <<< '#include <openssl/evp.h>'
in_core walls flow/zz_yaml <<< '#include <yaml.h>'
in_core walls flow/zz_xxhash <<< '#include <xxhash.h>'
in_core walls flow/zz_curl <<< '#include <curl/curl.h>'
in_core walls flow/zz_other <<< '#include <zlib.h>'
in_core include-root base/zz_near <<< '#include "ring.h"'
echo 'core/base/zz_near.c floors' >> "$expected"
plant guard core/base/zz_guard.h <<< $'/* Planted. */\n#ifndef ZZ_H\n#define ZZ_H\n\n#endif'
plant guard core/base/zz_bare.h <<< '/* Planted. */'
plant guard tests/lib/zz_lib.h <<< $'/* Planted. */\n#ifndef ZZ_H\n#define ZZ_H\n\n#endif'

# How a file reads.
in_core columns base/zz_wide <<< "/* $(printf 'x%.0s' {1..100}) */"
in_core tabs base/zz_tab <<< $'/* a\tb */'
in_core line-end base/zz_end <<< '/* a */ '
in_core left-over base/zz_left <<< "/* TO""DO: later */"
in_core machine-path base/zz_path <<< "/* /wo""rk/here */"
in_core conditional base/zz_if <<< $'#ifdef A\n#endif'
in_core function base/zz_long < <(
    printf 'static inline void zz(int *a)\n{\n'
    printf '    a++;\n%.0s' {1..68}
    echo '}'
)
in_core atomic-partner base/zz_atomic <<< 'static const int zz = memory_order_acquire;'
complete base/zz_banner
plant banner core/base/zz_banner.c <<< 'static const int zz = 1;'

# Words.
in_core banned-call base/zz_strcpy <<< $'static void zz(char *a)\n{\n    strcpy(a, a);\n}'
in_core memory base/zz_malloc <<< $'static void zz(char *a)\n{\n    free(a);\n}'
in_core clock flow/zz_time <<< $'static void zz(void)\n{\n    time(0);\n}'
in_core stdout flow/zz_printf <<< $'static void zz(void)\n{\n    printf("a");\n}'
in_core float flow/zz_float <<< 'static const double zz = 1;'
in_core fork flow/zz_fork <<< $'static void zz(void)\n{\n    fork();\n}'
in_core lmdb-mode store/zz_mode <<< 'static const int zz = MDB_NOSYNC;'
in_core atomics base/zz_sync <<< $'static void zz(int *a)\n{\n    __atomic_load_n(a, 0);\n}'
in_core dlopen plug/zz_dlopen <<< $'static void zz(void)\n{\n    dlopen(0, 0);\n}'
in_plugin()
{
    printf '/* Planted. */\nstatic void zz(void)\n{\n    %s;\n}\n' "$3" |
        plant "$1" "plugins/zz/$2.c"
}
in_plugin plugin-wait zz_sleep 'sleep(1)'
in_plugin clock zz_clock 'time(0)'
in_plugin stdout zz_printf 'printf("a")'
in_plugin fork zz_fork 'fork()'
in_plugin dlopen zz_dlsym 'dlsym(0, "a")'
in_plugin banned-call zz_exit 'exit(1)'
in_core dlopen flow/zz_dlopen <<< $'static void zz(void)\n{\n    dlopen(0, 0);\n}'
in_core lock state/zz_lock <<< $'static void zz(void)\n{\n    pthread_mutex_lock(0);\n}'
in_core quiet-state state/zz_log <<< $'static void zz(void)\n{\n    stk_log(1, "a");\n}'
in_core quiet-state state/zz_clock <<< $'static void zz(struct zz *c)\n{\n    c->now_ms(c);\n}'

# Places and names.
complete base/zz_pair
rm "$work/faulty/core/base/zz_pair.h" "$work/faulty/tests/unit/base/test_zz_pair.c"
plant pair core/base/zz_pair.c <<< '/* Planted. */'
echo 'core/base/zz_pair.c unit-test' >> "$expected"
plant unit-test tests/unit/base/test_zz_gone.c <<< '/* Planted. */'
plant name tests/lib/util.c <<< '/* Planted. */'
plant name tests/lib/zz-Name.c <<< '/* Planted. */'
complete base/zz_dead
rm "$work/faulty/tests/unit/base/test_zz_dead.c"
echo "core/base/zz_dead.h dead" >> "$expected"
plant unit-test core/base/zz_dead.c <<< '/* Planted. */'
plant format tests/lib/zz_format.c <<< $'/* Planted. */\nint  zz;'
echo 'README.md tour' >> "$expected"
echo 'tools/tidy/exceptions.txt exceptions' >> "$expected"
echo 'tabs core/base/ring.c: no tab is there' >> "$work/faulty/tools/tidy/exceptions.txt"
echo 'build/libstockade.a exported' >> "$expected"
echo 'int not_ours; int not_ours = 1;' | gcc -x c -c -o "$work/zz.o" -
ar r "$work/faulty/build/libstockade.a" "$work/zz.o" 2> /dev/null

"$tidy" "$work/faulty" > "$work/faulty.log"
code=$?
[ $code -eq 1 ] && pass || fail "exit code $code with planted faults, want 1"
reported_in "$work/faulty.log" | comm -23 - <(reported_in "$work/clean.log") > "$work/reported"
sort -u "$expected" -o "$expected"
command -v clang-format > /dev/null || sed -i '/ format$/d' "$expected"
while read -r path rule; do
    if grep -qxF "$path $rule" "$work/reported"; then
        pass
    else
        fail "not reported: $rule in $path"
    fi
done < "$expected"
while read -r line; do
    fail "reported, but not planted: $line"
done < <(comm -13 "$expected" "$work/reported" | grep -v ' format$')

# The place is right: the line number of one fault in the middle of a file.
grep -q '^core/base/zz_strcpy.c:4: banned-call: strcpy ' "$work/faulty.log" && pass ||
    fail "the line of strcpy: $(grep strcpy "$work/faulty.log")"
# An exception silences its rule in its file only.
rm -rf "$work/faulty" && copy_tree "$work/faulty"
printf '/* Planted. */\nint  zz; \n' > "$work/faulty/tests/lib/zz_format.c"
echo 'line-end tests/lib/zz_format.c: planted' >> "$work/faulty/tools/tidy/exceptions.txt"
"$tidy" "$work/faulty" > "$work/faulty.log"
grep -q ': line-end: ' "$work/faulty.log" && fail "an exception silences nothing" || pass
[ -s "$work/faulty.log" ] && ! grep -q ': exceptions: ' "$work/faulty.log" && pass ||
    fail "a used exception is called unused"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
