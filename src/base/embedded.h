/* Text files of the source tree that are compiled into the programs (the Makefile's EMBEDDED): the
 * API's schema, what it leaves out of Railway's, the templates and the database migrations. */
#ifndef TRAMWAY_BASE_EMBEDDED_H
#define TRAMWAY_BASE_EMBEDDED_H

struct embedded_file {
  const char *name; /* path in the source tree: "src/store/migrations/0001_start.sql" */
  const char *text;
};

/* In the order of their names; ends with a NULL name. */
extern const struct embedded_file embedded_files[];

/* The text of one that is there. */
const char *embedded_text(const char *name);

#endif
