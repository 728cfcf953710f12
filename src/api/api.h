/* The HTTP API: GraphQL at /graphql/v2 (POST, and graphql-transport-ws on the same path), uploads
 * at /project/{p}/environment/{e}/up, commands in instances at /exec, webhooks at
 * /webhooks/{provider}/{hook}, and /healthz.
 *
 * It owns nothing of the product: each request is authenticated (Bearer or Project-Access-Token; a webhook by its signature),
 * each field's @access is checked in one function (api/access.c), and the work is core's. */
#ifndef TRAMWAY_API_API_H
#define TRAMWAY_API_API_H

#include <stdint.h>

#include "base/err.h"
#include "core/core.h"
#include "loop/loop.h"

typedef struct api api;

struct api_parts { /* borrowed; must outlive the api */
  loop *loop;
  db *db;
  core *core;
  engine *engine;
  log_store *logs;
};

struct api_options { /* texts are copied */
  const char *const *listen; /* NULL-terminated host:port */
  const char *version;
  const char *public_url;    /* "" : http://<first listen address> */
  const char *edge_url;      /* "http://localhost:8080" */
  const char *domain_suffix;
  const char *upload_dir;    /* where archives lie until they are unpacked */
  int64_t upload_limit_bytes;
  int64_t ssh_uid; /* of sshd's helper, which asks at a unix socket; 0: there is none */
  int requests_per_hour, requests_per_second; /* of one caller; 0: no limit */
};

/* Binds and checks the schema, then listens. */
fallible api_start(const struct api_parts *parts, const struct api_options *options, api **ret_api);
void api_stop(api *a); /* ends all connections and frees; NULL is accepted */

/* Makes the one-time token for the first account when there is none yet, and writes it to `path`
 * (mode 0600).  *ret_made tells whether an account is still to be made. */
fallible api_prepare_setup(db *d, const char *path, bool *ret_needed);

/* All resolvers, for the test that compares them with the schema. */
struct graphql_schema;
fallible api_schema_new(struct graphql_schema **ret_schema);

#endif
