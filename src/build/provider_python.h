/* Between provider_python.c and python_requirements.c. */
#ifndef TRAMWAY_BUILD_PROVIDER_PYTHON_H
#define TRAMWAY_BUILD_PROVIDER_PYTHON_H

#include "build/provider.h"

/* What pyproject.toml (PEP 621, or Poetry's tables) or a Pipfile asks for, as pip reads it:
 * "flask>=3,<4".  Poetry's "^2.1" and "~2.1" become ranges.  Nothing is appended when the file is not
 * there. */
fallible python_requirements(const struct draft *d, struct strv *ret_requirements);

/* Poetry's or Pipfile's constraint for a name as a requirement; the caller owns it. */
char *python_requirement(const char *name, const char *constraint);

/* Whether the source asks for a distribution ("flask"), by any of its files. */
bool python_depends_on(const struct draft *d, const struct strv *requirements, const char *name);

#endif
