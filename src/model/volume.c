#include "model/volume.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/project.h"

MODEL_ENUM_WORDS(volume_state, "volume state", "READY", "UPDATING", "MIGRATING", "MIGRATION_PENDING", "RESTORING",
                 "DELETING", "DELETED", "ERROR");

#define F(member) FIELD(struct volume, member)
static const struct field volume_fields[] = {
    F(id), F(workspace_id), F(project_id), F(name), F(created_us), F(updated_us),
};
#undef F
const struct shape volume_shape = SHAPE("volume", struct volume, volume_fields);

#define F(member) FIELD(struct volume_instance, member)
static const struct field volume_instance_fields[] = {
    F(id),
    F(volume_id),
    F(workspace_id),
    F(project_id),
    F(environment_id),
    F(service_id),
    F(mount_path),
    F(size_bytes),
    ENUM_FIELD(struct volume_instance, state, volume_state_names),
    F(problem),
    F(origin),
    F(trashed_service_id),
    F(used_bytes),
    F(measured_us),
    F(alerted_percent),
    F(created_us),
    F(updated_us),
    F(deleted_us),
};
#undef F
const struct shape volume_instance_shape = SHAPE("volume instance", struct volume_instance, volume_instance_fields);

err *volume_name_check(const char *name) {
  return name_check("volume", name, VOLUME_NAME_MAX);
}

bool volume_is_trashed(const struct volume_instance *v) {
  return v->deleted_us > 0;
}

bool volume_has_data(const struct volume_instance *v) {
  return v->state == VOLUME_READY || (v->state == VOLUME_ERROR && v->measured_us);
}

/* ---- mount paths ---- */

/* What programs cannot do without; `below`: nor places in it. */
/* clang-format off */
static const struct { const char *path; bool below; } needed[] = {
  {"/proc", true},    {"/sys", true},       {"/dev", true},        {"/run", true},         {"/var/run", true},
  {"/bin", true},     {"/sbin", true},      {"/lib", true},        {"/lib32", true},       {"/lib64", true},
  {"/boot", true},    {"/usr", false},      {"/usr/bin", true},    {"/usr/sbin", true},    {"/usr/lib", true},
  {"/usr/lib32", true}, {"/usr/lib64", true}, {"/usr/libexec", true}, {"/usr/share", false}, {"/usr/local", false},
  {"/usr/local/bin", true}, {"/usr/local/lib", true}, {"/usr/local/sbin", true},
  {"/etc", false},    {"/etc/hosts", true}, {"/etc/hostname", true}, {"/etc/resolv.conf", true},
  {"/etc/passwd", true}, {"/etc/group", true}, {"/etc/ssl", true}, {"/var", false}, {"/var/lib", false},
};
/* clang-format on */

static bool is_below(const char *path, const char *folder) {
  size_t len = strlen(folder);
  return strncmp(path, folder, len) == 0 && path[len] == '/';
}

static err *check_place(const char *path) {
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (str_eq(path, needed[i].path) || (needed[i].below && is_below(path, needed[i].path)))
      return err_new(ERR_INVALID, "a volume cannot be mounted at '%s': it would hide %s, which programs need; take a "
                                  "path of its own, such as /data", path, needed[i].path);
  return NULL;
}

static bool is_dots(const char *part, size_t len) {
  return (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.');
}

/* "/a//b/" → "/a/b". */
static err *put_in_order(const char *path, struct str *ret_path) {
  for (const char *at = path; *at;) {
    size_t len = strcspn(at, "/");
    if (is_dots(at, len))
      return err_new(ERR_INVALID, "the mount path '%s' must not have '.' or '..' in it", path);
    if (len) str_addf(ret_path, "/%.*s", (int)len, at);
    at += len + (at[len] == '/');
  }
  return NULL;
}

err *volume_mount_path(const char *path, char **ret_path) {
  auto_str out = STR_EMPTY;
  if (str_empty(path) || path[0] != '/')
    return err_new(ERR_INVALID, "the mount path '%.64s' must be absolute: begin it with '/'", path ? path : "");
  if (strlen(path) > VOLUME_MOUNT_PATH_MAX)
    return err_new(ERR_INVALID, "a mount path has at most %d bytes", VOLUME_MOUNT_PATH_MAX);
  for (const char *c = path; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr(":,\\", *c))
      return err_new(ERR_INVALID, "a mount path must not have control characters, ':', ',' or '\\' in it");
  TRY(put_in_order(path, &out));
  if (!out.len) return err_new(ERR_INVALID, "a volume cannot be mounted at '/': it would hide the whole image");
  TRY(check_place(out.data));
  *ret_path = str_take(&out);
  return NULL;
}

/* ---- sizes ---- */

err *volume_size_check(int64_t size_bytes, int64_t present_bytes) {
  if (size_bytes < VOLUME_SIZE_BYTES_MIN || size_bytes > VOLUME_SIZE_BYTES_MAX)
    return err_new(ERR_INVALID, "a volume has between %lld and %lld MB", VOLUME_SIZE_BYTES_MIN / VOLUME_MB,
                   VOLUME_SIZE_BYTES_MAX / VOLUME_MB);
  if (size_bytes < present_bytes)
    return err_new(ERR_CONFLICT, "a volume cannot shrink: it has %lld MB", (long long)(present_bytes / VOLUME_MB));
  return NULL;
}
