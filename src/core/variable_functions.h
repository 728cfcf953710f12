/* secret() and randomInt() in the value of a variable (reference 2.6, template functions).  They are evaluated
 * once, when the variable is set; what they gave is the value from then on.
 *
 *   ${{secret()}}  ${{secret(16)}}  ${{secret(16, "abcdef")}}      32 letters and digits unless said otherwise
 *   ${{randomInt()}}  ${{randomInt(1, 6)}}                         0 to 100 unless said otherwise, both included */
#ifndef TRAMWAY_CORE_VARIABLE_FUNCTIONS_H
#define TRAMWAY_CORE_VARIABLE_FUNCTIONS_H

#include "base/err.h"

#define SECRET_LEN_DEFAULT 32
#define SECRET_LEN_MAX 4096
#define RANDOM_INT_MAX_DEFAULT 100

/* `text` with every function in it replaced; the caller owns it.  ERR_INVALID, naming `name`, for a function that
 * there is not, and for arguments that make no sense; ERR_LIMIT. */
fallible variable_functions_evaluate(const char *name, const char *text, char **ret_text);

#endif
