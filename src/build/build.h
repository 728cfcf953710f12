/* Snapshot → image.  One `build` at a time per request; the queue and its concurrency are core's.
 *
 * Order: builder_new → build_start (returns at once; lines arrive through on_line, the end through
 * on_done) → builder_free after the last on_done.  Everything on the loop thread. */
#ifndef TRAMWAY_BUILD_BUILD_H
#define TRAMWAY_BUILD_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "build/registry.h"
#include "loop/loop.h"

typedef struct image_builder builder; /* the tag `builder` is an enum of the model */
typedef struct build build;

enum registry_policy { REGISTRY_AUTO, REGISTRY_ALWAYS, REGISTRY_NEVER };

struct builder_config {
  const char *data_dir;     /* image store and caches live below it */
  const char *run_dir;
  const char *images_dir;   /* the recipes of images/ as installed */
  const char *exec_program; /* path of tramway-exec (src/loop/exec_main.c): cgroup, die-with-parent */
  const char *cgroup_parent; /* "" or what systemd has delegated: build_cgroup.h */
  int64_t timeout_ms, memory_bytes, cpu_millis; /* caps of one build; 0: none */
  enum registry_policy registry;
  const char *debian_mirror, *npm_registry; /* NULL or "": the host's own (apt_sources.h, npm_registry.h) */
  const char *debian_security; /* NULL or "": beside the mirror when that is called …/debian, else the host's own */
  const char *debian_suite;    /* NULL or "": trixie */
  const char *http_proxy, *https_proxy, *no_proxy, *ca_bundle; /* NULL or "": none */
  const char *build_subnet; /* builds have a private bridge: never the host's own network */
  const char *private_pool; /* the environments' networks, closed to builds; NULL or "": none */
};

/* What the image says about running it. */
struct image_info {
  char *id;           /* "sha256:…": the image id in the store */
  struct strv entrypoint, command, env, exposed_ports; /* ports as "8080/tcp" */
  char *working_dir, *user, *stop_signal;              /* never NULL, may be "" */
  char *start_command; /* shell form found by the planner; "" with a Dockerfile or image */
  int64_t size_bytes;
  bool reused; /* the same inputs had been built before: what follows is not known */
  char build_key[65];
  bool planned;          /* without a Dockerfile: every variable may matter */
  struct strv arguments; /* else the names of the only ones: what ARG declares in the stages that were needed */
};
void image_info_done(struct image_info *info);

struct build_request {
  const char *deployment_id;  /* names the build; unique among running ones */
  const char *service_id;     /* cache mounts are kept per service */
  const char *source_dir;     /* materialised snapshot, read-only; NULL with `image` */
  const char *snapshot_id;    /* its content hash, for the build key */
  const char *image;          /* a reference to pull instead of building; NULL */
  const char *root_directory; /* "" or a path inside the source */
  const char *builder;        /* "", DOCKERFILE, NIXPACKS, RAILPACK: a Dockerfile wins anyhow */
  const char *dockerfile_path, *build_command, *start_command, *target; /* NULL or "": detected */
  const char *const *variables; /* "NAME=value": build args where declared, planner's overrides */
  const struct registry_login *logins; /* for images that it needs; copied */
  size_t logins_len;
  const char *const *secret_names; /* of variables: those values stay out of an image's history where they can; NULL */
  const char *digest_key;       /* with secret_names: what stands in the history is a digest made with it */
  const char *reuse_image_id;   /* image that an equal build key made before, or NULL */
  bool no_cache;
};

/* The content address of what decides the result: service, snapshot, settings, and of the variables those that a
 * Dockerfile declares (`arguments`; of an image that is pulled: none) or, when that is NULL, all that a planned
 * build may see.  An image of the same key is reused.  Which arguments there are is known from an earlier build:
 * when that one's key comes out again, the Dockerfile was the same, and so are they.  The service is in it because
 * its cache mounts and the credentials for its base images are its own.  Base images are not: what they are is
 * known only while building; `no_cache` builds on their present state. */
void build_key(const struct build_request *request, const struct strv *arguments, char hex[65]);

typedef void build_line_fn(void *arg, const char *line); /* without newline; valid UTF-8, ≤ 64 KiB */
typedef void build_done_fn(void *arg, err *e, const struct image_info *info); /* owns e; info borrowed */

fallible builder_new(loop *l, const struct builder_config *config, builder **ret_builder);
void builder_free(builder *b);

fallible build_start(builder *b, const struct build_request *request, build_line_fn *on_line,
                     build_done_fn *on_done, void *arg, build **ret_build);
void build_cancel(build *b); /* on_done follows with ERR_BUSY "cancelled" */

/* Ends what an earlier tramd left of its builds: containers, mounts, folders, networks and their
 * firewall.  At start, and before the halt. */
void builder_clean(builder *b, void (*done)(void *arg, err *e), void *arg);

/* Deletes exactly these images ("sha256:…") from the store, and the layers that no other image has:
 * parents stay, even without a name (`buildah rmi` would take them along).  One that is not there is
 * success.  ERR_BUSY while a build is going on: it may be about to use one of them.  Builds that are
 * started meanwhile wait. */
void builder_remove_images(builder *b, const struct strv *image_ids, void (*done)(void *arg, err *e),
                           void *arg);

/* Asks a registry for what a tag points to now, or for the tags of a repository, without pulling.  Errors are
 * registry_explain's: ERR_BUSY when it wants to be asked less often. */
typedef struct registry_asking registry_asking;
struct registry_question {
  const char *reference;
  bool tags; /* the answer is all tags; else the digest alone, "sha256:…" */
  const struct registry_login *logins;
  size_t logins_len;
};
typedef void registry_answer_fn(void *arg, err *e, const struct strv *answer); /* owns e; answer is borrowed */
fallible builder_ask_registry(builder *b, const struct registry_question *question, registry_answer_fn *done, void *arg,
                              registry_asking **ret_asking);
void registry_asking_cancel(registry_asking *a); /* done is still called */

/* Somebody waits: it ends, without an error, after the image that is being deleted.  The others stay. */
void builder_stop_removing(builder *b);

#endif
