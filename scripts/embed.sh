#!/bin/sh
# Writes C source that holds the named text files as strings: `embedded_files`, see base/embedded.h.
set -eu
echo '#include "base/embedded.h"'
echo '#include <stddef.h>'
echo 'const struct embedded_file embedded_files[] = {'
for file in "$@"; do
  printf '  {"%s",\n' "$file"
  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/    "/' -e 's/$/\\n"/' "$file"
  echo '  },'
done
echo '  {NULL, NULL},'
echo '};'
