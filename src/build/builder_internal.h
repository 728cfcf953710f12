/* What other files of build/ may know of the builder. */
#ifndef TRAMWAY_BUILD_BUILDER_INTERNAL_H
#define TRAMWAY_BUILD_BUILDER_INTERNAL_H

#include "build/build.h"

loop *builder_loop(const builder *b);
const struct builder_config *builder_configuration(const builder *b);

#endif
