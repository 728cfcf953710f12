/* Reads Dockerfiles: enough to know which images they start from, which build arguments they
 * declare, and to rewrite what the installed buildah (1.28) does not do or must not do.
 *
 * Pure: text in, text out.  Grammar: docs.docker.com/reference/dockerfile (parser directives
 * `escape` and `syntax`, continuation lines, comments, here-documents of RUN, word expansion in the
 * forms $A, ${A}, ${A:-b}, ${A-b}, ${A:+b}, ${A+b}).
 *
 * Order: dockerfile_parse → dockerfile_select (which stages the target needs) → dockerfile_images →
 * dockerfile_rewrite.  Everything is freed by dockerfile_free. */
#ifndef TRAMWAY_BUILD_DOCKERFILE_H
#define TRAMWAY_BUILD_DOCKERFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/map.h"
#include "base/str.h"

#define DOCKERFILE_LIMIT (1024 * 1024) /* bytes; BuildKit refuses more too */

struct dockerfile_instruction {
  char *keyword;          /* upper-case: "RUN" */
  char *rest;             /* what follows, continuation lines joined, comments gone, trimmed */
  char *heredoc;          /* the lines of its here-documents with their ends; "" when it has none */
  size_t start, end;      /* its bytes in the text, here-documents included */
  int line;               /* of its first character; 1… */
  int stage;              /* -1 before the first FROM */
};

struct dockerfile_stage {
  char *name;     /* as written after AS, or "" */
  char *image;    /* expanded reference; "" for scratch and for another stage */
  int from_stage; /* the stage it continues, or -1 */
  int line;
  bool needed;
};

struct dockerfile {
  char *text;
  char escape; /* '\\' or '`' */
  struct dockerfile_instruction *instructions;
  size_t instructions_len, instructions_capacity;
  struct dockerfile_stage *stages;
  size_t stages_len, stages_capacity;
};

/* `variables` ("NAME=value", NULL-terminated, may be NULL) override the defaults of ARGs.
 * ERR_INVALID names the line: "line 3: FROM needs an image". */
fallible dockerfile_parse(const char *text, size_t len, const char *const *variables,
                          struct dockerfile **ret_file);
void dockerfile_free(struct dockerfile *file);
static inline void dockerfile_cleanup_(struct dockerfile **file) {
  dockerfile_free(*file);
}
#define auto_dockerfile __attribute__((cleanup(dockerfile_cleanup_))) struct dockerfile

/* Marks the stages that `target` ("" or NULL: the last one) needs.  ERR_NOT_FOUND lists the stages. */
fallible dockerfile_select(struct dockerfile *file, const char *target);

/* The images that the needed stages start from or copy from, each once, in order. */
void dockerfile_images(const struct dockerfile *file, struct strv *ret_images);

/* The names that ARG declares before the first FROM or in a needed stage, each once. */
void dockerfile_args(const struct dockerfile *file, struct strv *ret_names);

/* Whether an instruction's text may get the argument's value: any but the commands of RUN, which find it in
 * their environment.  In doubt it does. */
bool dockerfile_expands(const struct dockerfile *file, const char *name);

struct dockerfile_rewrite {
  const map *images;            /* reference as in dockerfile_images → (const char *) local image */
  const char *const *variables; /* as for dockerfile_parse */
  const char *service_id;       /* owner of the cache mounts */
};

/* One instruction of the rewritten text: what buildah calls STEP `step` of stage `stage`. */
struct dockerfile_step {
  int stage, step; /* both from 1, as buildah prints them: "[stage/…] STEP step/…" */
  int line;        /* in the file as written by its author */
  const char *keyword, *rest; /* of the author's instruction; borrowed from the dockerfile */
};
struct dockerfile_steps {
  struct dockerfile_step *items;
  size_t len, capacity;
};

/* The text for buildah: unneeded stages left out, images replaced, `--platform` (of this machine)
 * and `--link` dropped, EXPOSE without what expands to nothing, cache mounts named
 * "s-<service>-<id>", here-documents of RUN as exec form.  ERR_INVALID for what cannot be built here:
 * another platform, COPY with a here-document. */
fallible dockerfile_rewrite(const struct dockerfile *file, const struct dockerfile_rewrite *how,
                            struct str *ret_text, struct dockerfile_steps *ret_steps);

/* Shared with dockerfile_rewrite.c. */
char *dockerfile_expand(const char *word, char escape, const map *values); /* the caller owns it */

/* Takes the first word off `*rest` (quotes kept); NULL at the end.  The caller owns it. */
char *dockerfile_word(const char **rest);

/* The name in a word of ARG, `NAME`, `"NAME"` or `NAME=default`; the caller owns it. */
char *dockerfile_arg_name(const struct dockerfile *file, const char *word);

/* The value of a leading `--name=value` flag of an instruction (first one), or NULL; owned. */
char *dockerfile_flag(const char *rest, const char *name);

/* What `--from=` (COPY, ADD) or `from=` (RUN --mount) names that is no stage of the file so far:
 * expanded references are appended. */
int dockerfile_find_stage(const struct dockerfile *file, const char *name, int before);

/* A map name → value (owned by the map's user; free with dockerfile_values_free) of what ARG, ENV
 * and `variables` say at `instruction`'s place in its stage. */
map *dockerfile_values(const struct dockerfile *file, size_t instruction,
                       const char *const *variables);
void dockerfile_values_free(map *values);

#endif
