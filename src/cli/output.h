/* Where a verb prints.  Results go to `out`, so that they can be piped; progress, questions and
 * errors go to `err`.  Colours and moving lines only on a terminal, and no colours when NO_COLOR is
 * set or TERM is "dumb". */
#ifndef TRAMWAY_CLI_OUTPUT_H
#define TRAMWAY_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/format.h"

enum style { STYLE_BOLD, STYLE_DIM, STYLE_GREEN, STYLE_YELLOW, STYLE_RED, STYLE_CYAN };

struct output {
  FILE *out, *err; /* borrowed */
  bool out_colour, err_colour;
  bool out_terminal, err_terminal;
  bool interactive;  /* standard input and error are both terminals: questions may be asked */
  bool status_shown; /* a moving line stands at the end of `err` */
};

void output_init(struct output *o, FILE *out, FILE *error);

/* The start of a style on `out`, or "" without colours; RESET ends it. */
const char *out_style(const struct output *o, enum style style);
const char *out_reset(const struct output *o);
const char *err_style(const struct output *o, enum style style);
const char *err_reset(const struct output *o);

void out_line(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_done(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3))); /* "✓ …", of what is done */
void err_line(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_table(struct output *o, const struct table *t);
void out_json(struct output *o, const json_t *value);      /* indented */
void out_json_line(struct output *o, const json_t *value); /* one line, for streams */

/* A deployment's status with its colour, for a table on `out`; the caller owns it. */
char *out_status(const struct output *o, const char *status);

/* The moving last line on a terminal: replaced by the next one, wiped before any other line.  Off a
 * terminal nothing is printed. */
void out_moving(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_moving_end(struct output *o);

/* "Uploading ████████░░░░  3.4 MB of 12 MB" as the moving line. */
void out_progress(struct output *o, const char *what, int64_t done_bytes, int64_t total_bytes);

#endif
