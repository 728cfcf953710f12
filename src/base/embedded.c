#include "base/embedded.h"

#include <stdlib.h>

#include "base/str.h"

const char *embedded_text(const char *name) {
  for (const struct embedded_file *f = embedded_files; f->name; f++)
    if (str_eq(f->name, name)) return f->text;
  abort(); /* the Makefile embeds it */
}
