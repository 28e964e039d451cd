#!/bin/bash
# The week of a real retailer: placed, short, returned, refused with reasons, every unit accounted
# for; and again after a restart, which changes nothing. Without the data it is skipped.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/engine.sh
data=${STOCKADE_DATA:-../shared/data}/online_retail_2010_12.csv
[ -r "$data" ] || { echo "SKIP: $data is not there (set STOCKADE_DATA to its folder)"; exit 0; }
engine_folder week

week() { STOCKADE=$stockade tools/real-week "$data" --out "$folder"; }
# count NAME: the number beside it in the report of the orders.
count() { sed -n "s/^ *$1 *\([0-9,]*\).*/\1/p" "$folder/week" | tr -d , | tail -n 1; }
is() { [ "$(count "$1")" = "$2" ] || { echo "$1: $(count "$1"), want $2"; false; }; }
cancelled_rows() { grep -c '^C' "$data"; }

engine_start
check "the week is taken, every unit accounted for" week
cp "$folder/said" "$folder/week"
sed 's/^/  /' "$folder/week"
first_check=$(sed -n '/accounted for$/,$p' "$folder/week")

placed=$(count 'orders shipped') short=$(count 'orders short') bad=$(count 'orders with a bad row')
check "some orders were placed" [ "$placed" -gt 100 ]
check "some orders were short" [ "$short" -gt 10 ]
says "some SKUs sold out" "sold out" grep -v '; 0 of them' "$folder/week"
# 699 ids of orders: 70 cancellations (6 of them of no goods), 629 orders (1 of no goods).
check "every order is placed, short, or has a bad row" [ $((placed + short + bad)) -eq 628 ]
check "cancellations" is cancellations 64
check "units came back" [ "$(count 'units returned')" -gt 0 ]
# Each row is in one place: a line that was placed, skipped, refused, or given back whole.
lines=$(count 'lines in them') skipped=$(count 'rows skipped by SKU')
refused=$(grep -c . "$folder/week-orders.rejects.csv")
refused=$((refused - 1))
check "no row is in two places" [ $((lines + skipped + refused)) -le 14594 ]
check "no row is lost" [ $((lines + skipped + refused)) -ge $((14594 - $(cancelled_rows))) ]
says "the rejects file has line, code and reason" "line,code,reason,InvoiceNo,StockCode" \
    head -n 1 "$folder/week-orders.rejects.csv"
says "adjustments are refused" ",NEGATIVE,negative quantity" cat "$folder/week-orders.rejects.csv"

engine_kill
engine_start
check "again, after a kill" week
cp "$folder/said" "$folder/week"
check "the same orders as before" [ "$(count 'orders shipped')" = "$placed" ]
check "all of them there already, those that were short, too" \
    [ "$(count 'there already')" -ge $((placed + short)) ]
says "not a unit has moved" "$(echo "$first_check" | tail -n 1)" cat "$folder/week"
second_check=$(sed -n '/accounted for$/,$p' "$folder/week")
check "the ledger is as it was" [ "$second_check" = "$first_check" ]
engine_stop
checks_end
