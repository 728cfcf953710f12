/* `tram up`: an archive becomes a snapshot, and the snapshot a deployment. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/internal.h"
#include "loop/work.h"
#include "model/database.h"
#include "store/project.h"
#include "store/service.h"
#include "store/deployment.h"

struct upload_job {
  core *core;
  char project_id[ID_SIZE], environment_id[ID_SIZE], service_id[ID_SIZE], user_id[ID_SIZE];
  char *archive_path, *message;
  err *refused; /* the disk is too full */
  int64_t room_bytes;
  struct snapshot_info snapshot;
  int64_t started_us;
  core_deployed_fn *done;
  void *arg;
};

static void upload_job_free(struct upload_job *job) {
  core_remove_file(job->core, job->archive_path);
  free(job->archive_path);
  free(job->message);
  free(job);
}

/* The service that the upload is for: the one named, else the only one that runs no image (as a database does),
 * else a new one. */
static err *choose_service(struct upload_job *job) {
  core *c = job->core;
  if (*job->service_id) return NULL;
  auto_service_instance_list list = {0};
  auto_project project = {0};
  auto_service made = {0};
  size_t takers = 0;
  TRY(project_get(c->db, job->project_id, &project));
  TRY(service_instance_list_by_environment(c->db, job->environment_id, &list));
  for (size_t i = 0; i < list.len; i++) {
    if (list.items[i].settings.source_kind == SOURCE_IMAGE) continue;
    id_copy(job->service_id, list.items[i].service_id);
    takers++;
  }
  if (takers > 1) return err_new(ERR_INVALID, "the environment has %zu services: say which with --service", takers);
  if (takers == 1) return NULL;
  TRY(core_service_create(c, job->project_id, project.name, NULL, &made));
  id_copy(job->service_id, made.id);
  return NULL;
}

static err *record_snapshot_step(struct upload_job *job, const char *deployment_id) {
  char step_id[ID_SIZE];
  auto_deployment_step step = {.step = STEP_SNAPSHOT_CODE, .started_us = job->started_us};
  id_copy(step.deployment_id, deployment_id);
  TRY(deployment_step_start(job->core->db, &step));
  id_copy(step_id, step.id);
  return deploy_step_end(job->core, deployment_id, step_id, NULL);
}

static err *deploy(struct upload_job *job, char ret_id[ID_SIZE]) {
  core *c = job->core;
  auto_service_instance instance = {0};
  bool found = false;
  char snapshot_id[ID_SIZE];
  TRY(choose_service(job));
  TRY(service_instance_find(c->db, job->service_id, job->environment_id, &found, &instance));
  if (!found || !str_eq(instance.project_id, job->project_id))
    return err_new(ERR_NOT_FOUND, "that service is not in this environment: see `tram service list`");
  if (instance.settings.source_kind == SOURCE_IMAGE && database_kind_of_image(instance.settings.source_image) != DATABASE_NONE)
    return err_new(ERR_CONFLICT,
                   "that service is a database, which runs the image %s, and not code: say another one with --service, or "
                   "make one with --name",
                   instance.settings.source_image);
  TRY(snapshot_record(c, &job->snapshot, NULL, snapshot_id));
  struct deployment_request request = {.cause = DEPLOYMENT_CAUSE_UP, .snapshot_id = snapshot_id,
                                       .message = job->message, .user_id = job->user_id};
  TRY(create_deployment(c, &instance, &request, ret_id));
  auto_err *unrecorded = record_snapshot_step(job, ret_id); /* it is deployed all the same */
  if (unrecorded) log_error("deploy", "%s: recording its upload: %s", ret_id, err_message(unrecorded));
  auto_free char *line = str_format("received snapshot sha256:%.12s (%lld files, %lld bytes)%s",
                                    job->snapshot.id, (long long)job->snapshot.files,
                                    (long long)job->snapshot.size_bytes,
                                    job->snapshot.is_new ? "" : ", the same code as before");
  deploy_build_line(c, ret_id, "info", line);
  return NULL;
}

static err *unpack(void *arg) {
  struct upload_job *job = arg;
  bool narrow = job->room_bytes < UNPACK_TOTAL_BYTES;
  struct unpack_limits limits = {.total_bytes = narrow ? job->room_bytes : 0};
  err *e = job->refused;
  job->refused = NULL;
  if (e) return e;
  e = snapshot_from_archive(job->core->snapshots, job->archive_path, &limits, &job->snapshot);
  if (e && narrow && err_code_of(e) == ERR_LIMIT)
    e = err_wrap(e, "the disk has too little room for it (`tram disk` shows what uses it)");
  return e;
}

static void on_unpacked(void *arg, err *e) {
  struct upload_job *job = arg;
  char id[ID_SIZE] = "";
  job->core->uploads--;
  if (!e && job->core->stopping) e = err_new(ERR_BUSY, "Tramway is stopping: try again");
  if (!e) e = deploy(job, id);
  job->done(job->arg, e, e ? NULL : id);
  upload_job_free(job);
}

void core_deploy_upload(core *c, const struct core_upload *upload, core_deployed_fn *done, void *arg) {
  struct upload_job *job = mem_zalloc(sizeof *job);
  job->core = c;
  id_copy(job->project_id, upload->project_id);
  id_copy(job->environment_id, upload->environment_id);
  id_copy(job->service_id, upload->service_id);
  id_copy(job->user_id, upload->user_id);
  job->archive_path = str_dup(upload->archive_path);
  job->message = str_dup(upload->message);
  job->started_us = clock_now_us();
  job->refused = core_disk_admits_source(c, &job->room_bytes);
  job->done = done;
  job->arg = arg;
  c->uploads++;
  work_start(c->loop, unpack, on_unpacked, job);
}
