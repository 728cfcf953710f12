/* Gives back what is not needed now.
 *
 * memory_trim returns freed memory to the system (a long list or a build leaves megabytes behind),
 * and lets go of the pages of programs and libraries: most of them were touched once, by the dynamic
 * linker and the initialisers of fifty libraries.  What is used is mapped again from the page cache,
 * without reading a disk. */
#ifndef TRAMWAY_DAEMON_MEMORY_H
#define TRAMWAY_DAEMON_MEMORY_H

enum { MEMORY_TRIM_MS = 30000 }; /* how often it is worth while */

void memory_init(void); /* before the first thread */
void memory_trim(void);

#endif
