/* Copies of the plain structs of build.h. */
#ifndef TRAMWAY_BUILD_BUILD_REQUEST_H
#define TRAMWAY_BUILD_BUILD_REQUEST_H

#include "build/build.h"

struct build_request_copy {
  struct build_request r; /* points into those below */
  struct strv texts, variables, secret_names;
  struct registry_login *logins; /* texts are owned */
};
void build_request_copy_init(struct build_request_copy *copy, const struct build_request *request);
void build_request_copy_done(struct build_request_copy *copy);

/* Texts that are NULL become "". */
void builder_config_copy(const struct builder_config *config, struct builder_config *ret_copy);
void builder_config_set(const char **slot, const char *text); /* a text of such a copy */
void builder_config_done(struct builder_config *copy);

void image_info_copy(const struct image_info *info, struct image_info *ret_copy);

#endif
