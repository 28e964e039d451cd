#!/bin/bash
# What `make run` shows: two simulated marketplaces in processes of their own, in guaranteed mode.
# Listings are found and matched, quantities leave and are seen there, orders come in, nothing is
# short; the engine is killed in the middle, with the markets, and comes back.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/engine.sh
engine_folder market
{ cat tools/market.yaml; printf 'rpc:\n  listen: []\n'; } > "$folder/stockade.yaml"
# Fewer goods than there: quick on a busy machine.
sed -i 's/skus: 2000/skus: 300/' "$folder/stockade.yaml"

of_status() { "$stockade" --json status | grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d: -f2; }
of_channels()
{
    "$stockade" --json channel list | grep -o "\"$1\":[0-9]*" |
        awk -F: '{ sum += $2 } END { print sum + 0 }'
}
# until_more NAME THAN COMMAND: within two minutes
until_more()
{
    for ((i = 0; i < 600; i++)); do
        [ "$("$1" "$2")" -gt "$3" ] && return 0
        sleep 0.2
    done
    return 1
}

engine_start
check "goods" tools/market "$stockade"
check "listings are found and matched" until_more of_channels listings 500
check "quantities are seen there" until_more of_channels observed 250
check "orders come in" until_more of_status orders_placed 10
engine_kill
engine_start
check "goods again: nothing to do" tools/market "$stockade"
placed=$(of_status orders_open)
check "open orders are there after the kill" [ "$placed" -gt 0 ]
check "nothing is short" [ "$("$stockade" --json --all shortfall list | wc -l)" -eq 0 ]
says "every unit accounted for" "balanced: all" "$stockade" check
check "handed back" "$stockade" channel handback bazaar
says "and only looked at" "steps" "$stockade" channel status bazaar
says "nothing is written" "observe" "$stockade" channel status bazaar
engine_stop
checks_end
