/* Stable sort of small items by a 64-bit key: what stands first among equals stays first. */
#ifndef STK_STORE_SORT_H
#define STK_STORE_SORT_H

#include <stdint.h>

struct stk_sort_item {
    uint64_t key;
    uint32_t at;   /* carried along: where the thing lies */
    uint32_t more; /* and what else belongs to it */
};
/* spare: room for as many items. No allocation. */
void stk_sort(struct stk_sort_item *items, struct stk_sort_item *spare, uint32_t count);

#endif
