/* The version of all programs: the Makefile's VERSION. */
#ifndef TRAMWAY_BASE_VERSION_H
#define TRAMWAY_BASE_VERSION_H

extern const char tramway_version[]; /* "0.1.0" */

#endif
