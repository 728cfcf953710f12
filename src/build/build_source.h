/* The first step of a build: what is there, and the Dockerfile for it.  Blocking, on a worker thread;
 * touches only what it is given. */
#ifndef TRAMWAY_BUILD_BUILD_SOURCE_H
#define TRAMWAY_BUILD_BUILD_SOURCE_H

#include "build/build.h"
#include "build/dockerfile.h"

struct build_source {
  char *context;            /* real path of the folder that is the build's context */
  char *file_name;          /* "backend/Dockerfile", for messages */
  char *ignore_file;        /* "<Dockerfile>.dockerignore", or NULL: the context's own */
  struct dockerfile *file;  /* parsed, the target's stages selected */
  struct strv images;       /* what it starts from */
  struct strv variables;    /* the request's and TRAMWAY_VARIABLES */
  struct strv declared;     /* names that the Dockerfile declares */
  struct strv args;         /* of the variables: what is declared; a digest for the hidden ones */
  struct strv hidden;       /* "=NAME=digest", "NAME=value" each: only RUN lines use them (runtime_main.c) */
  struct strv lines;        /* for the log: what was found and why */
  bool planned;             /* the Dockerfile is the planner's */
};

/* Errors: ERR_NOT_FOUND (no such root directory or Dockerfile, nothing the planner knows),
 * ERR_INVALID (with the file and line). */
fallible build_source_read(const struct build_request *request, struct build_source *ret_source);
void build_source_done(struct build_source *source);

#endif
