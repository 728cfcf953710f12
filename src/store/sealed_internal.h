/* What sealed.c and sealed_open.c share. */
#ifndef TRAMWAY_STORE_SEALED_INTERNAL_H
#define TRAMWAY_STORE_SEALED_INTERNAL_H

#include "store/sealed.h"

extern const struct sealed_column *const sealed_columns[]; /* NULL at the end */

#endif
