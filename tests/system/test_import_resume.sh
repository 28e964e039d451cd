#!/bin/bash
# An import whose engine is killed under it: it goes on when the engine is back, and places every
# order once. One that is stopped itself is run again.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/engine.sh
engine_folder resume
orders=20000

awk -v n=$orders 'BEGIN {
    print "order,sku,quantity,unit_price,currency"
    for (i = 1; i <= n; i++)
        for (l = 0; l < 3; l++)
            printf "R%d,S%d,%d,%d.%02d,EUR\n", i, (i * 7 + l * 13) % 500, 1 + l, i % 90, i % 100
}' > "$folder/orders.csv"
awk 'BEGIN { print "sku,quantity"; for (i = 0; i < 500; i++) print "S" i ",100000" }' \
    > "$folder/stock.csv"

run() { "$stockade" --json --timeout 60s import orders "$folder/orders.csv"; }
field() { sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" "$1"; }
# So many orders are there.
there() { [ "$("$stockade" --json --all order list | wc -l)" -eq "$1" ]; }

engine_start
check "a location" "$stockade" location put main
check "SKUs" "$stockade" import skus "$folder/stock.csv"
check "stock" "$stockade" import stock "$folder/stock.csv" --as receive --location main

# The engine goes under it, twice: the import reads a pipe, whose end is not written before.
mkfifo "$folder/orders.pipe"
"$stockade" --json --timeout 60s import orders "$folder/orders.pipe" > "$folder/first" 2>&1 &
import=$!
exec 9> "$folder/orders.pipe"
part=$orders # lines: an order has three
head -n $part "$folder/orders.csv" >&9
engine_kill
engine_start 9>&-
tail -n +$((part + 1)) "$folder/orders.csv" | head -n $part >&9
engine_kill
check "the import still runs when the engine is killed" kill -0 $import
engine_start 9>&-
tail -n +$((2 * part + 1)) "$folder/orders.csv" >&9
exec 9>&-
wait $import
check "the import ended well" [ $? -eq 0 ]
check "every order is placed" [ "$(field "$folder/first" orders_placed)" = $orders ]
check "once" there $orders

# Its own end is no matter either: the second run finds what the first one left.
sed -i 's/^R/Q/' "$folder/orders.csv"
"$stockade" --json --timeout 60s import orders "$folder/orders.pipe" > "$folder/cut" 2>&1 &
import=$!
exec 9> "$folder/orders.pipe"
head -n $((2 * part)) "$folder/orders.csv" >&9
kill -KILL $import
exec 9>&-
wait $import 2> /dev/null
run > "$folder/second" 2>&1
check "run again" [ "$(field "$folder/second" orders_placed)" = $orders ]
already=$(field "$folder/second" there_already)
echo "killed after ${already:-0} of $orders orders"
check "once each" there $((2 * orders))
run > "$folder/third" 2>&1
check "a third run changes nothing" [ "$(field "$folder/third" there_already)" = $orders ]
says "every unit accounted for" "balanced: all 500 SKUs" "$stockade" check
engine_stop
checks_end
