/* What must end the process: our own faults, met by stk_assert. */
#ifndef STK_TEST_DEATH_H
#define STK_TEST_DEATH_H

/* Runs fn(arg) in a child whose stderr goes to /dev/null. The signal that ended it; 0 when it came
 * back; -1 when there was no child. */
int death_of(void (*fn)(void *arg), void *arg);

#endif
