/* A managed Postgres is copied to a newer major version: to see how that goes, or to go over. */
#ifndef TRAMWAY_MODEL_DATABASE_UPGRADE_H
#define TRAMWAY_MODEL_DATABASE_UPGRADE_H

#include "model/shape.h"

enum database_upgrade_status {
  DATABASE_UPGRADE_COPYING,   /* a service beside it takes everything over */
  DATABASE_UPGRADE_COMPARING, /* it answers: is all there? */
  DATABASE_UPGRADE_SWAPPING,  /* the service is deployed with the new image and the copy's volume */
  DATABASE_UPGRADE_DONE,
  DATABASE_UPGRADE_FAILED,    /* the database is as it was: `problem` says why */
  DATABASE_UPGRADE_RETURNING, /* after DONE: the service is deployed with the former image and volume */
  DATABASE_UPGRADE_RETURNED,
};
MODEL_ENUM(database_upgrade_status);

/* The latest one of a database in an environment. */
struct database_upgrade {
  char id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE];
  char sibling_id[ID_SIZE]; /* the service that takes over; "": it is gone, or was not made yet */
  char deployment_id[ID_SIZE]; /* made by SWAPPING or RETURNING; "": not yet */
  char *image;              /* the new version's */
  char *former_image;       /* what the service had */
  char former_volume_id[ID_SIZE], volume_id[ID_SIZE]; /* the service's, and the copy's */
  bool is_rehearsal;
  enum database_upgrade_status status;
  json_t *report; /* as core/database_upgrade_report.h says; NULL: not that far */
  char *problem; /* also of one that is being undone, and (with DONE) of a way back that failed */
  int64_t frozen_us; /* when all writing to the live one had ended; 0: not yet, or a rehearsal */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(database_upgrade);
#define auto_database_upgrade MODEL_AUTO(database_upgrade)
#define auto_database_upgrade_list MODEL_AUTO(database_upgrade_list)

#endif
