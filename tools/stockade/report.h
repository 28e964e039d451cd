/* What an import counts, the rows that it refuses, and its progress bar. One thread. */
#ifndef STK_STOCKADE_REPORT_H
#define STK_STOCKADE_REPORT_H

#include "core/base/clock.h"
#include "tools/stockade/csv.h"
#include <jansson.h>
#include <stdio.h>

#define REPORT_COUNTS  24
#define REPORT_REASONS 32

/* A thing that is counted, by its name in the report. */
struct report_count {
    const char *name; /* constant */
    uint64_t value;
};
struct report {
    const char *title;   /* the file */
    const char *rejects; /* path of the rejects file */
    int remove_old;      /* nothing refused: an old rejects file is removed */
    FILE *out;           /* of the rejects; NULL: none was refused yet */
    const char *header;  /* of the source, as CSV */
    uint64_t rows;       /* read, the header excluded */
    uint64_t refused;    /* rows */
    struct report_count counts[REPORT_COUNTS];
    struct report_count reasons[REPORT_REASONS]; /* rows by code; names are ours */
    struct buffer samples[REPORT_REASONS];       /* the first reason of each code */
    struct buffer note;                          /* what a person has to do now */
    uint64_t total_bytes;                        /* of the file, 0: unknown */
    int bar;                                     /* stderr is a terminal */
    int failed;                                  /* the rejects file cannot be written */
    struct stk_clock clock;
    int64_t begun_ns, drawn_ns;
};
void report_init(struct report *report, const char *title, const char *rejects,
                 uint64_t total_bytes);
/* name is a constant; the order of first use is the order of the report. */
void report_add(struct report *report, const char *name, uint64_t more);
/* A row that was refused, with its line number, code and reason; raw: the row as CSV. */
void report_refuse(struct report *report, uint64_t line, const char *code, const char *reason,
                   const char *raw);
/* A line that stands at the end of the report; the last one stays. */
void report_note(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Redraws the bar, at most ten times a second. */
void report_progress(struct report *report, uint64_t bytes);
/* Takes the bar away and closes the rejects file. */
void report_finish(struct report *report);
void report_print(const struct report *report, FILE *to);
json_t *report_json(const struct report *report);
void report_fini(struct report *report);
/* "12,345" into room of REPORT_NUMBER bytes. */
#define REPORT_NUMBER 32
const char *report_number(uint64_t value, char *room);

#endif
