#!/bin/bash
# The command line on a real engine, as a person uses it.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/engine.sh
engine_folder cli

s() { "$stockade" "$@"; }
json() { "$stockade" --json "$@"; }

# Without an engine
says "help names the verbs" "order.place" s --help
says "help of a verb" "--lines" s order place --help
ends "an unknown word" 2 s order.plaice
STOCKADE_ADDRESS=$folder/none.sock ends "no engine" 3 s status
says "and why" "none.sock" s status --socket "$folder/none.sock"

engine_start
says "status" "version" s status
check "status as JSON is one line" [ "$(json status | wc -l)" -eq 1 ]

# A life of an order
check "a location" s location put main --country GB
says "a SKU" "created" s sku put CUP-1 --title "Cup, blue" --cost 2.55 --currency GBP --tags a,b
check "another" s sku put PLATE --title 盘子
says "money as it was typed" "2.55" s sku get CUP-1
says "and in minor units" '"cost":255' json sku get CUP-1
check "received" s stock receive --sku CUP-1 --location main --quantity 10
says "available" '"available":10' json stock get CUP-1
says "placed" "placed" s order place --source web --id A1 --currency GBP --country GB \
    --line sku=CUP-1,quantity=3,unit_price=4.99
says "the same again is the same" "placed" s order place --source web --id A1 --currency GBP \
    --country GB --line sku=CUP-1,quantity=3,unit_price=4.99
says "another body is a conflict" CONFLICT s order place --source web --id A1 --currency GBP \
    --line sku=CUP-1,quantity=4
says "short names what is missing" "available" s order place --source web --id A2 \
    --line sku=CUP-1,quantity=8
ends "short is a refusal" 1 s order place --source web --id A3 --line sku=CUP-1,quantity=8
says "errors as JSON too" '"code":"SHORT"' json order place --source web --id A4 \
    --line sku=CUP-1,quantity=8
says "held" '"held":3' json stock get CUP-1
check "paid" s order pay A1 --source web --id p1
check "shipped" s order ship A1 --source web --id s1
says "returned" "shipped" s order return A1 --source web --id r1 --line line=1,quantity=1
says "shown with its money" "4.99" s order get A1 --source web
ends "no such order" 1 s order get nope --source web
says "a hold that ends" "expires_at" s order place --source web --id B1 --ttl 15m \
    --line sku=CUP-1,quantity=1
ends "a wrong option" 2 s order get A1 --colour red
says "a list is a table" "PLATE" s sku list
check "with --json one line each" [ "$(json sku list | wc -l)" -eq 2 ]
check "pages" [ "$(json sku list --limit 1 --all | wc -l)" -eq 2 ]
says "more is said" "--cursor" s sku list --limit 1

# Files
printf 'sku,title,cost,currency\nBOWL,"Bowl ""big""",1.50,GBP\nPLATE,x,abc,GBP\n' > "$folder/in.csv"
ends "an import with a refused row" 4 s import skus "$folder/in.csv"
says "is reported with its line" "line 3" s import skus "$folder/in.csv"
says "and kept" "3,INVALID" cat "$folder/in.csv.rejects.csv"
printf '货号;数量\nBOWL;7\nPLATE;2\n' | iconv -t GB18030 > "$folder/stock.csv"
says "a dry run shows rows" "GB18030" s import stock "$folder/stock.csv" --location main --dry-run
check "a count" s import stock "$folder/stock.csv" --location main
says "is there" '"on_hand":7' json stock get BOWL
touch -d '30 days ago' "$folder/stock.csv"
says "an old count is refused" "STALE" s import stock "$folder/stock.csv" --location main
check "unless it is of now" s import stock "$folder/stock.csv" --location main --as-of now
check "another location" s location put annex
awk 'BEGIN { print "sku,quantity"; for (i = 0; i < 20; i++) print "M" i ",5" }' > "$folder/m.csv"
check "twenty SKUs" s import skus "$folder/m.csv"
says "a whole set" '"snapshot_rows":20' json import stock "$folder/m.csv" --as snapshot \
    --location annex --as-of now
printf 'sku,quantity\nM1,5\nGHOST,1\n' > "$folder/few.csv"
says "a file that is nearly empty is held" "held by the breaker" \
    s import stock "$folder/few.csv" --as snapshot --missing zero --location annex --as-of now
set=$(sed -n 's/.*--snapshot \([^ ]*\) .*/\1/p' "$folder/said")
says "its unknown SKU is refused alone" "NOT_FOUND" cat "$folder/few.csv.rejects.csv"
says "nothing has moved" '"on_hand":5' json stock get M7
check "until a person agrees" s stock snapshot --snapshot "$set" --action approve
sleep 0.5
says "then it is so" '"on_hand":0' json stock get M7
check "export of SKUs" s export skus "$folder/out.csv"
says "with quotes" 'BOWL,"Bowl ""big"""' cat "$folder/out.csv"
check "imported again" s import skus "$folder/out.csv" --source again
says "export of stock" "PLATE,main,2" s export stock
says "export of orders" "A1,web" s export orders
says "every unit accounted for" "balanced: all 23 SKUs" s check
awk 'BEGIN { print "sku,quantity"; for (i = 0; i < 2500; i++) print "L" i ",5" }' > "$folder/l.csv"
check "a large location" s import skus "$folder/l.csv"
check "counted" s import stock "$folder/l.csv" --as snapshot --location annex --as-of now
sleep 0.5
head -1200 "$folder/l.csv" > "$folder/half.csv"
says "a large set is held, too, when it is judged" "held by the breaker" \
    s import stock "$folder/half.csv" --as snapshot --missing zero --location annex --as-of now
says "and listed" '"skus_zeroed_or_halved":1302' json snapshot list

# The answer is there after a kill; the data folder is read without the engine.
engine_kill
says "the journal walks" "effects" s journal verify --data "$folder/data"
says "and reads" "order.place" s journal read --data "$folder/data" --all
engine_start
says "the order is there" "shipped" s order get A1 --source web
engine_stop
checks_end
