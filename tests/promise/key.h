/* What of a world decides what can still happen in it. Two worlds with the same key have the same
 * future, so the search goes on from one of them only. */
#ifndef TESTS_PROMISE_KEY_H
#define TESTS_PROMISE_KEY_H

#include "tests/promise/model.h"

#define KEY_MAX 512

/* The bytes of the key; how many. */
unsigned key_of(const struct setup *setup, const struct world *w, uint8_t key[KEY_MAX]);

#endif
