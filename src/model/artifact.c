#include "model/artifact.h"

#define F(member) FIELD(struct snapshot, member)
static const struct field snapshot_fields[] = {
    F(id), F(hash), F(size_bytes), F(file_count), F(meta), F(created_us), F(last_used_us),
};
#undef F
const struct shape snapshot_shape = SHAPE("snapshot", struct snapshot, snapshot_fields);

#define F(member) FIELD(struct image, member)
static const struct field image_fields[] = {
    F(id),         F(build_key), F(reference),  F(digest),       F(snapshot_id),
    F(size_bytes), F(config),    F(created_us), F(last_used_us),
};
#undef F
const struct shape image_shape = SHAPE("image", struct image, image_fields);
