/* What the providers (provider_*.c) share: the draft of a plan and the ways to fill it. */
#ifndef TRAMWAY_BUILD_PROVIDER_H
#define TRAMWAY_BUILD_PROVIDER_H

#include <jansson.h>

#include "build/plan.h"

/* A plan in the making.  The texts are owned; "" means "nothing". */
struct draft {
  const struct plan_request *request;
  const struct source_view *source;
  json_t *nixpacks;  /* nixpacks.toml/json, or NULL */
  json_t *railpack;  /* railpack.json, or NULL */
  struct strv notes;
  char *image;       /* FROM of the (first) stage */
  char *setup;       /* Dockerfile lines before anything is copied (ENV, apt) */
  struct strv install_files; /* copied before install, so that its layer is cached; empty: everything */
  struct strv installs;      /* commands, one RUN each */
  struct strv builds;
  struct strv caches;        /* folders kept between builds: one cache mount each */
  char *start;
  char *final;       /* further lines after the build, e.g. a second stage; "" */
  bool static_site;  /* `final` says how to start */
};

struct provider {
  const char *name;
  bool (*detect)(const struct draft *d);
  err *(*fill)(struct draft *d);
  const char *looks_for; /* for the error when nothing matched */
};

extern const struct provider provider_go, provider_python, provider_node, provider_static, provider_shell,
    provider_procfile;

/* The value of a service variable, or NULL. */
const char *draft_variable(const struct draft *d, const char *name);

/* RAILPACK_<name>, else NIXPACKS_<name>; NULL when neither is set. */
const char *draft_setting(const struct draft *d, const char *name);

bool draft_has(const struct draft *d, const char *path);
void draft_note(struct draft *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void draft_set(char **slot, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The file's text with white space around cut off, or NULL when it is not there; owned. */
char *draft_read(const struct draft *d, const char *path);

/* Reads a JSON (.json) or TOML file; NULL in *ret_value when it is not there. */
fallible draft_read_object(const struct draft *d, const char *path, json_t **ret_value);

/* nixpacks.toml/json, with the plan of NIXPACKS_PLAN (a JSON object) over it, and railpack.json; what of
 * them is not used is noted (plan_config.c). */
fallible draft_read_configuration(struct draft *d);

/* Appends `text` as one word of a shell command. */
void shell_quote(struct str *out, const char *text);

/* Appends a JSON string. */
void json_quote(struct str *out, const char *text);

/* The command of a process in the Procfile ("web"), or NULL; with name NULL web, else worker, else
 * the first that is not release.  Owned. */
char *procfile_command(const struct source_view *source, const char *name);

/* Lines that serve `folder` of stage `from` ("" : the context) with Caddy on $PORT. */
void static_site_lines(struct str *out, const char *from, const char *folder, bool spa);

/* The version number at the start of a version range: ">=18 <21" → "18", "^3.11" → "3.11", "v20.1.0"
 * → "20" with parts 1.  "" when there is none.  Owned. */
char *version_number(const char *range, int parts);

#endif
