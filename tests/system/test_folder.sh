#!/bin/bash
# What lies in a data folder, without an engine: shown, backed up, restored, rebuilt, and damage
# named.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/engine.sh
engine_folder folder
s() { "$stockade" "$@"; }
json() { "$stockade" --json "$@"; }

engine_start
check "a location" s location put main
printf 'sku,quantity\nA,10\nB,20\nC,30\n' > "$folder/stock.csv"
check "SKUs" s import skus "$folder/stock.csv"
check "stock" s import stock "$folder/stock.csv" --as receive --location main
for i in 1 2 3 4 5; do
    check "order $i" s order sell --source till --id "T$i" --line "sku=A,quantity=1"
done
half=$(json status | sed 's/.*"seq":\([0-9]*\).*/\1/')
s backup start "$folder/backup" > "$folder/backed" 2>&1
for i in 6 7 8; do
    check "order $i" s order sell --source till --id "T$i" --line "sku=B,quantity=1"
done
all=$(json status | sed 's/.*"seq":\([0-9]*\).*/\1/')
engine_stop

# Shown
says "tables with their digests" "agrees" s inspect "$folder/data"
says "orders by number" '"rows":8' json inspect "$folder/data"
says "rows of a table" "T8" s inspect "$folder/data" --table order
says "as JSON, one a line" '"id":"T1"' json inspect "$folder/data" --table order --limit 1
check "no more than asked for" [ "$(json inspect "$folder/data" --table order --limit 3 |
    wc -l)" -eq 3 ]
ends "no such table" 2 s inspect "$folder/data" --table colour
ends "no such folder" 1 s inspect "$folder/none"

# Damage: one byte of a row of S, in a copy
cp -r "$folder/data" "$folder/bad"
state=$(find "$folder/bad/state" -name '*.mdb' ! -name '*lock*' | head -n 1)
offset=$(grep -obUa "T8" "$state" | tail -n 1 | cut -d: -f1)
printf 'X' | dd of="$state" bs=1 seek="$offset" conv=notrunc 2> /dev/null
ends "damage is found" 1 s inspect "$folder/bad"

if grep -q "not there yet" "$folder/backed"; then
    echo "SKIP: backups are not built"
    checks_end
fi
says "a backup of the running engine" "folded" cat "$folder/backed"

# Backed up and restored: as it was, further by the journal, and to a point between.
check "the backup verifies" s backup verify "$folder/backup"
ends "a folder that is none does not" 1 s backup verify "$folder/data"
restored() { # restored NAME ORDERS WORDS...
    name=$1 want=$2
    shift 2
    check "restored $name" s restore "$folder/backup" --data "$folder/$name" "$@"
    says "$name: orders in S and J" "\"last\":" json inspect "$folder/$name"
    mv "$folder/data" "$folder/kept"
    mv "$folder/$name" "$folder/data"
    engine_start
    check "$name: $want orders" [ "$(json --all order list | wc -l)" -eq "$want" ]
    says "$name: every unit" "balanced: all 3 SKUs" s check
    engine_stop
    rm -rf "$folder/data"
    mv "$folder/kept" "$folder/data"
}
restored as-it-was 5
restored all 8 --journal "$folder/data"
restored between 6 --journal "$folder/data" --to $((half + 1))
ends "not into a folder that is full" 1 s restore "$folder/backup" --data "$folder/data"
says "nor beyond what there is" "$((all + 1000))" \
    s restore "$folder/backup" --data "$folder/beyond" --to $((all + 1000))

# Rebuilt from the journal alone
rm -rf "$folder/data/state"
ends "without its state" 1 s inspect "$folder/data"
check "rebuilt" s state rebuild --data "$folder/data"
says "all there" "agrees" s inspect "$folder/data"
says "in full" '"rows":8' json inspect "$folder/data"

checks_end
