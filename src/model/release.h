/* What a deployment was when it went live: everything that decides what runs, recorded once and never
 * changed, so that it can be compared with another and gone back to.
 *
 * It holds no secret: of a variable its name and a digest of its value that is keyed with a secret of
 * this installation; the values are in deployment_variables (store/deployment.h). */
#ifndef TRAMWAY_MODEL_RELEASE_H
#define TRAMWAY_MODEL_RELEASE_H

#include "model/service_settings.h"
#include "model/shape.h"

struct release {
  char deployment_id[ID_SIZE];
  char *hash;         /* of all of it but the version and the time, 64 hex digits: equal means the same */
  char *image_digest; /* "sha256:…"; "" of a deployment that has no image (never of a recorded one) */
  json_t *source;     /* {"snapshot": hash, "repo", "branch", "commitHash"}: what is known, as text */
  struct service_settings settings;
  json_t *variables;  /* {name: {"digest": hex, "sealed": true}}: as its instances got them, but for
                         RAILWAY_DEPLOYMENT_ID; "sealed" only where so */
  json_t *routes;     /* [{"host", "kind", "suffix" or null, "targetPort"}], the oldest host first */
  json_t *volumes;    /* [{"id" (of the volume instance), "name", "mountPath"}]: at most one */
  char *version;      /* of the Tramway that made it live */
  int64_t created_us;
};
MODEL_STRUCT(release);
#define auto_release MODEL_AUTO(release)

/* Begin with service_settings_init(&release.settings) or a copy of the deployment's.  Sets the hash
 * from the rest. */
void release_seal(struct release *r);

#endif
