/* What restic says with --json, read as it comes: a JSON object per line, of which the last summary and
 * the first complaints are kept.  Also `restic snapshots --json`, one array.  Pure.
 *
 * Bounded: a line over RESTIC_LINE_MAX is passed over, and so is what follows RESTIC_ERRORS_MAX complaints. */
#ifndef TRAMWAY_BACKUP_RESTIC_OUTPUT_H
#define TRAMWAY_BACKUP_RESTIC_OUTPUT_H

#include "base/json.h"
#include "base/str.h"

#define RESTIC_LINE_MAX (4 << 20)
#define RESTIC_ERRORS_MAX 20

struct restic_output {
  struct str line;
  bool skipping;       /* the rest of a line that is too long */
  json_t *answer;      /* the last summary, or the last line that is an array or another object */
  int64_t bytes;       /* of the files, by the sizes that they tell, as far as it knows them */
  int errors;          /* files that could not be read */
  int vanished;        /* of them: that were gone by then */
  char *first_error;   /* "pgdata/base/1: permission denied", of one that did not vanish; or NULL */
};

void restic_output_init(struct restic_output *o);
void restic_output_done(struct restic_output *o);

/* Takes a piece of standard output or error. */
void restic_output_feed(struct restic_output *o, const char *data, size_t len);
void restic_output_end(struct restic_output *o); /* the last line may lack its newline */

#endif
