/* Where a variable's value refers to another variable (reference 2.6).  Pure: text in, places out; what they
 * name is looked up by core/variable_references.
 *
 *   ${{VAR}}  ${{Service Name.VAR}}  ${{ "Service Name".VAR }}  ${{shared.VAR}}      references
 *   {{svc.VAR}}  ${svc.VAR}  ${svc.${VAR}}     near misses that guides use; references when both names exist
 *   ${{secret(32)}}                            a function: core/variable_functions
 *
 * Everything else is plain text: ${HOME}, {{name}}, ${X:-y}. */
#ifndef TRAMWAY_CORE_REFERENCE_SYNTAX_H
#define TRAMWAY_CORE_REFERENCE_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "model/service.h"

enum reference_form {
  REFERENCE,
  REFERENCE_NEAR_MISS,
  REFERENCE_FUNCTION,
  REFERENCE_UNREADABLE, /* ${{ without an end, or around something else */
};

struct span {
  const char *at; /* in the value's text, not terminated; NULL: none */
  size_t len;
};

struct reference {
  enum reference_form form;
  struct span whole;   /* with its marks; of one without an end the "${{" alone */
  struct span service; /* as written, without spaces and quotes around it; at NULL: none is named */
  struct span name;    /* of the variable, or of the function */
  struct span arguments; /* of a function: what stands between the parentheses */
};

/* The next one at or after *cursor, which is moved behind it; false at the end. */
bool reference_next(const char *text, size_t *cursor, struct reference *ret_reference);

#define REFERENCE_SHARED "shared" /* the environment's own variables; no service can take that name's place */
bool reference_is_shared(struct span service);

/* Railway's way: the exact name, else letter case ignored, else the label.  NULL when there is none. */
const struct service *reference_service(const struct service_list *services, struct span name);

#endif
