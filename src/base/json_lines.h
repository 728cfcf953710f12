/* Where in a JSON text something is: jansson keeps no positions.  Pure. */
#ifndef TRAMWAY_BASE_JSON_LINES_H
#define TRAMWAY_BASE_JSON_LINES_H

#include <stddef.h>

/* The line (from 1) of the key that `path` leads to, of an array's item that of the item; 0 when it
 * is not there.  The path is written as for toml_line_of (base/toml.h).  `text` must be what
 * json_parse has accepted: anything else gives a line that means nothing, but is read within bounds. */
int json_line_of(const char *text, size_t len, const char *path);

#endif
