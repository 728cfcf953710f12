/* Which of the recipes of images/ can stand in for an image that no registry gives.  Pure.
 *
 * A recipe is a folder images/<name>/ with a Dockerfile: Debian's packages (and, for Node, npm's own
 * builds of Node) arranged as the official image of that name is.  images/README.md lists them. */
#ifndef TRAMWAY_BUILD_BASE_RECIPE_H
#define TRAMWAY_BUILD_BASE_RECIPE_H

#include <stdbool.h>

#include "build/reference.h"

struct base_recipe {
  char *name;    /* "node": the folder below images/ */
  char *version; /* "20"; "" where the suite decides */
  char *suite;   /* "bookworm" */
  char *parent;  /* the recipe it starts from: "debian", "alpine", "database"; "" for debian itself */
  char *variant; /* "postgis", "valkey": what else or instead a recipe installs; "" */
  char *label;   /* of a database server: "MariaDB"; else NULL */
  char *caution; /* what has to be told to who gets it; NULL */
  bool full;     /* with compilers and git, as the images without -slim and -alpine are */
  bool alpine;   /* its parent is the stand-in for Alpine */
};

/* Images that are made here and nowhere else, "tramway/postgres:17": no registry is asked for them. */
bool base_recipe_is_own(const struct reference *reference);

/* "Postgres 15 and 17": what there is, when the reference names a database server; else NULL.  Owned. */
char *base_recipe_versions(const struct reference *reference);

/* Finds the recipe for a reference; false when there is none.  `suite` is used where the reference
 * does not decide it ("bookworm" in "node:20-bookworm", Python 3.11 is bookworm's); `forced` ("" or
 * NULL: not) is used whatever the reference says.  A database server's version decides its suite (server_release.h).  An
 * unknown suite is left to Debian's mirror. */
bool base_recipe_find(const struct reference *reference, const char *suite, const char *forced,
                      struct base_recipe *ret_recipe);

/* The recipe that `r` starts from; only when r->parent is not "". */
void base_recipe_parent(const struct base_recipe *r, struct base_recipe *ret_parent);

void base_recipe_copy(const struct base_recipe *from, struct base_recipe *to);
void base_recipe_done(struct base_recipe *r);

/* "node:20-bookworm-alpine": names it in the store; the caller owns it. */
char *base_recipe_key(const struct base_recipe *r);

/* "Debian bookworm's Python 3.11", "Debian bookworm and npm's build of Node 20"; owned. */
char *base_recipe_contents(const struct base_recipe *r);

/* "debian, alpine, python, …" for error texts. */
const char *base_recipe_names(void);

#endif
