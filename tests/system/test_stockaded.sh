#!/bin/bash
# stockaded from outside: its options, its configuration, starts that fail, and ends.
set -u
. tests/lib/engine.sh
engine_folder daemon
stockaded=$STK_BUILD/stockaded

cat > "$folder/stockade.yaml" << 'EOF'
engine: {skus: 1000, cells: 1000, listings: 100, components: 100, orders: 10000, holds: 10000,
  keys: 10000, keys_on_disk: 100000}
journal: {segment_bytes: 32MiB, free_bytes_min: 0}
rpc: {listen: ["127.0.0.1:0"]}
EOF
with=(--config "$folder/stockade.yaml" --data "$folder/data")

# options
ends "version" 0 "$stockaded" --version
says "version" "stockaded " "$stockaded" --version
ends "help" 0 "$stockaded" --help
ends "an unknown option" 2 "$stockaded" --colour
says "an unknown option is named" '"--colour" is not understood' "$stockaded" --colour
ends "an option without its value" 2 "$stockaded" --config
says "the points of faults" "journal.before_commit" "$stockaded" --list-faults

# configuration
ends "check" 0 "$stockaded" "${with[@]}" --check
printf 'engine:\n  skus: 5\n  sku: 7\n' > "$folder/bad.yaml"
ends "check of a bad one" 78 "$stockaded" --config "$folder/bad.yaml" --check
says "file, line, column and cause" "bad.yaml:2:9: skus: must be 16 to 100000000, is 5" \
    "$stockaded" --config "$folder/bad.yaml" --check
printf 'rpc: {listen: ["0.0.0.0:7460"]}\n' > "$folder/bad.yaml"
says "an open address" "there are no tokens" "$stockaded" --config "$folder/bad.yaml" --check
says "a file that is not there" "nothing.yaml: No such file" \
    "$stockaded" --config "$folder/nothing.yaml"
"$stockaded" "${with[@]}" --print-config > "$folder/printed.yaml"
"$stockaded" --config "$folder/printed.yaml" --print-config > "$folder/again.yaml"
check "what is printed reads back the same" cmp "$folder/printed.yaml" "$folder/again.yaml"
check "it holds what was set" grep -q '  skus: 1000$' "$folder/printed.yaml"
check "and the folder" grep -qF "data: \"$folder/data\"" "$folder/printed.yaml"

# one that runs
engine_start
check "it says where it is" grep -qE "^ready unix:$folder/data/stockade.sock 127\.0\.0\.1:[0-9]+ " \
    "$folder/stockaded.out"
check "the socket is its owner's" test "$(stat -c %a "$folder/data/stockade.sock")" = 600
check "the folder is its owner's" test "$(stat -c %a "$folder/data")" = 700
check "it answers" "$stockade" sku put --source t --sku A
ends "a second one on the folder" 1 "$stockaded" "${with[@]}"
says "a second one on the folder" "another engine runs on this folder" "$stockaded" "${with[@]}"
says "the first one is not concerned" "durable" "$stockade" status
kill -TERM "$engine_pid"
wait "$engine_pid"
check "TERM ends it with 0" test $? -eq 0
engine_pid=
check "its socket is gone" test ! -e "$folder/data/stockade.sock"

# after a kill its socket is still there
engine_start
engine_kill
check "a dead one leaves its socket" test -S "$folder/data/stockade.sock"
engine_start
says "the next one takes over" "A" "$stockade" sku get A
engine_stop

# a disk that fails
ends "a fault that is none" 2 env STOCKADE_FAULT=nonsense "$stockaded" "${with[@]}"
STOCKADE_FAULT=journal.before_commit:1:error engine_start
timeout 3 "$stockade" sku put --source t --sku B > "$folder/said" 2>&1
check "what the disk did not take is not acknowledged" test $? -ne 0
wait "$engine_pid"
check "it ends with 75" test $? -eq 75
engine_pid=
check "in one clear line" grep -q "nothing is acknowledged any more" "$folder/stockaded.out"
engine_start
says "what was acknowledged is there" "A" "$stockade" sku get A
sleep 1 # for the fold
engine_stop

# a state that is ahead of its journal: an older journal was put back
cp -r "$folder/data/journal" "$folder/older"
engine_start
"$stockade" sku put --source t --sku C > /dev/null
sleep 2 # for the fold
engine_stop
cp -r "$folder/data" "$folder/sound"
rm -rf "$folder/data/journal"
mv "$folder/older" "$folder/data/journal"
ends "a state ahead of its journal" 1 timeout 20 "$stockaded" "${with[@]}"
says "and it says so" "the state holds effects up to" timeout 20 "$stockaded" "${with[@]}"
rm -rf "$folder/data"
mv "$folder/sound" "$folder/data"
engine_start
says "with its own journal it starts" "C" "$stockade" sku get C
engine_stop

# a backup of what runs, and a check of it
engine_start
says "a backup" "bytes" "$stockade" backup start monday
says "its check" "folded" "$stockade" backup verify "$folder/data/backups/monday"
says "a target that leads elsewhere" "params.target" "$stockade" backup start a/b
engine_stop

# a state that is damaged
state=$folder/data/state/state.mdb
check "there is a state" test -s "$state"
head -c 120000 /dev/urandom | dd of="$state" bs=4096 seek=2 conv=notrunc status=none
timeout 20 "$stockaded" "${with[@]}" > "$folder/damaged" 2>&1
code=$?
check "a damaged state does not start" test $code -eq 1 -o $code -eq 65
check "and what helps is said" grep -q "rebuild the state from it" "$folder/damaged"

checks_end
