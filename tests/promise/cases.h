/* What is searched. */
#ifndef TESTS_PROMISE_CASES_H
#define TESTS_PROMISE_CASES_H

#include "tests/promise/model.h"

extern const struct setup clean_cases[], mutated_cases[];
extern const unsigned clean_count, mutated_count;

#endif
