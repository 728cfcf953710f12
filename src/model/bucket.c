#include "model/bucket.h"

#include <string.h>

#define F(member) FIELD(struct bucket, member)
static const struct field bucket_fields[] = {F(id), F(project_id), F(name), F(created_us), F(updated_us)};
#undef F
const struct shape bucket_shape = SHAPE("bucket", struct bucket, bucket_fields);

#define F(member) FIELD(struct bucket_instance, member)
static const struct field bucket_instance_fields[] = {
    F(id),          F(bucket_id),     F(environment_id),    F(service_id), F(bucket_name),
    F(access_key_id), F(secret_access_key), F(created_us), F(updated_us), F(deleted_us),
};
#undef F
const struct shape bucket_instance_shape = SHAPE("bucket instance", struct bucket_instance, bucket_instance_fields);

err *bucket_name_check(const char *name) {
  size_t len = strlen(name);
  bool spelled = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
  if (len < 3 || len > BUCKET_NAME_MAX || !spelled || name[0] == '-' || name[len - 1] == '-')
    return err_new(ERR_INVALID,
                   "'%.40s' is no name for a bucket: it has 3 to %d of a-z, 0-9 and '-', and begins and ends without '-'",
                   name, BUCKET_NAME_MAX);
  return NULL;
}
