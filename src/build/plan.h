/* The planner: looks at a source and writes the Dockerfile that builds it, in the place of
 * Nixpacks/Railpack (reference: railway.md section 5).  Pure: it sees the source through a
 * source_view and the service's variables as a list.
 *
 * Order of detection, first wins: Go, Python, Node, static site, shell (Railpack's order, for the
 * languages that are here; Nixpacks has Node before Python), then a Procfile alone.  Settings win over variables (RAILPACK_*, then
 * NIXPACKS_*), these over railpack.json, nixpacks.toml/json and the Procfile, these over what was
 * detected. */
#ifndef TRAMWAY_BUILD_PLAN_H
#define TRAMWAY_BUILD_PLAN_H

#include "base/map.h"
#include "build/source_view.h"

struct plan_request {
  const struct source_view *source;
  const char *const *variables;  /* "NAME=value", NULL-terminated; NULL: none */
  const char *builder;           /* "NIXPACKS": its order, Node before Python; NULL */
  const char *build_command;     /* the service's setting; NULL or "": none */
  const char *start_command;
  const char *service_id;        /* owner of the cache mounts */
};

struct plan {
  char *provider;     /* "node", "python", "go", "static", "shell", "procfile" */
  char *dockerfile;   /* complete, readable, with comments that say why */
  char *start_command; /* shell form; "" for a static site, whose image says it */
  char *release;      /* the Procfile's `release:`, a candidate for pre-deploy; "" */
  struct strv notes;  /* "Python 3.13 (from .python-version)": for the log and for plan_print */
};

/* ERR_INVALID when a file of the source cannot be read as what it is, or when nothing says how to
 * start; ERR_NOT_FOUND when no provider takes the source: it lists what was looked for and what is
 * there. */
fallible plan_make(const struct plan_request *request, struct plan *ret_plan);
void plan_done(struct plan *plan);

/* For `tram build --plan`: provider, reasons, start command, Dockerfile; the caller owns it. */
char *plan_print(const struct plan *plan);

#endif
