/* Uploads of a few files, for the tests of what becomes of them. */
#ifndef TRAMWAY_TESTS_CORE_UPLOADS_H
#define TRAMWAY_TESTS_CORE_UPLOADS_H

#include <fcntl.h>

#include "source/pack.h"
#include "town.h"

#define FILES(...) (const char *const[]){__VA_ARGS__, NULL}

static struct {
  int calls;
  enum err_code code;
  char message[400], id[ID_SIZE];
} uploaded;

static inline void on_uploaded(void *arg, err *e, const char *id) {
  (void)arg;
  uploaded.calls++;
  uploaded.code = e ? err_code_of(e) : 0;
  snprintf(uploaded.message, sizeof uploaded.message, "%s", e ? err_message(e) : "");
  id_copy(uploaded.id, id);
  err_free(e);
}

/* A tar.gz of `files`: paths, each with its text behind it.  The caller owns the archive's path. */
static inline char *archive_of(const char *const *files) {
  auto_free char *folder = path_join(town_folder, "code");
  char *archive = path_join(town_folder, "code.tar.gz");
  struct pack_options options = {0};
  pack *p;
  CHECK_OK(file_remove_tree(folder));
  for (; *files; files += 2) {
    auto_free char *path = path_join(folder, files[0]);
    auto_free char *parent = str_ndup(path, (size_t)(strrchr(path, '/') - path));
    CHECK_OK(file_make_dirs(parent, 0755));
    CHECK_OK(file_write_fast(path, files[1], strlen(files[1]), 0644));
  }
  CHECK_OK(pack_new(folder, &options, &p));
  auto_fd fd = open(archive, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK_OK(pack_write_fd(p, fd, NULL, NULL));
  pack_free(p);
  return archive;
}

static inline void begin_upload(const char *archive, const char *service_id) {
  memset(&uploaded, 0, sizeof uploaded);
  struct core_upload upload = {.project_id = project.id, .environment_id = instance.environment_id,
                               .service_id = service_id, .archive_path = archive, .message = "first",
                               .user_id = user.id};
  core_deploy_upload(town, &upload, on_uploaded, NULL);
}

static inline void upload_files(const char *const *files, const char *service_id) {
  auto_free char *archive = archive_of(files);
  begin_upload(archive, service_id);
  WAIT(uploaded.calls);
  CHECK(!file_exists(archive));
}

#endif
