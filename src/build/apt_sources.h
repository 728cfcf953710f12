/* Where this machine's own apt gets Debian: images are made from the same mirrors.  Reads both formats
 * of sources.list(5).  Whatever the host's release, a mirror is used for every suite. */
#ifndef TRAMWAY_BUILD_APT_SOURCES_H
#define TRAMWAY_BUILD_APT_SOURCES_H

#include "base/err.h"
#include "base/str.h"

enum { APT_SOURCES_MAX = 512 }; /* more are not looked at */

/* Whose packages an entry has, as far as its Signed-By tells. */
enum apt_signer { APT_SIGNER_OTHER, APT_SIGNER_UNSAID, APT_SIGNER_DEBIAN };

/* An entry for binary packages of the component main, per URI (http, https or mirror+file, without a
 * final '/').  Others are not kept, nor is a URI with a password: it would end in images. */
struct apt_source {
  char *uri;
  struct strv suites;
  enum apt_signer signer;
};

struct apt_sources {
  struct apt_source *items;
  size_t len;
};
#define APT_SOURCES_EMPTY ((struct apt_sources){0})
void apt_sources_done(struct apt_sources *sources);

/* Append what a file has; what cannot be understood is passed over, as it is apt's to complain.  Pure. */
void apt_sources_read_list(struct apt_sources *sources, const char *text);   /* *.list: a line each */
void apt_sources_read_deb822(struct apt_sources *sources, const char *text); /* *.sources */

/* The mirror of Debian itself and that of its security updates; borrowed, NULL when there is none.
 * Entries of others may well have a suite called bookworm: the one that also has bookworm-updates is
 * believed first, then Debian's own key, then an entry that names no key. */
const char *apt_sources_archive(const struct apt_sources *sources);
const char *apt_sources_security(const struct apt_sources *sources);

/* Appends what `folder` ("/etc/apt") has: sources.list and sources.list.d, as apt reads them.  A
 * mirror+file entry becomes the first mirror of its file.  A file that cannot be read is passed over.
 * Blocking, some small files. */
void apt_sources_of(const char *folder, struct apt_sources *sources);

/* "http://x/debian" → "http://x/debian-security": where a mirror has security updates by custom; NULL
 * when it is not called so.  The caller owns it. */
char *apt_sources_beside(const char *archive);

static inline void apt_sources_cleanup_(struct apt_sources *sources) {
  apt_sources_done(sources);
}
#define auto_apt_sources __attribute__((cleanup(apt_sources_cleanup_))) struct apt_sources

#endif
