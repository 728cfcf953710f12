/* A folder that is filled with names a stranger chose.  Every name is walked component by component
 * from the folder's own descriptor and no symlink is ever followed, so nothing is made outside.
 *
 *     TRY(tree_open("/data/tmp/x", &t));        the folder is ours alone, 0700
 *     TRY(tree_add_file(t, "src/a.c", false, &fd));  … write, close …
 *     TRY(tree_check_links(t));                 last: no link leads out, also not through others
 *
 * Modes are made plain: folders 0755, files 0644 or 0755, owner ours.  Parents are made as needed.
 * A later file or link replaces an earlier one of the same name and kind; any other change of kind
 * is refused (ERR_INVALID), since that is how archives smuggle.  Blocking. */
#ifndef TRAMWAY_SOURCE_TREE_H
#define TRAMWAY_SOURCE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Beyond these a path is refused: enough for every source seen, far from PATH_MAX. */
enum { TREE_PATH_MAX = 2048, TREE_DEPTH_MAX = 128, TREE_LINK_MAX = 2048 };

typedef struct tree tree;

fallible tree_open(const char *path, tree **ret_tree);
void tree_close(tree *t); /* NULL is accepted */

/* "./a//b/" → "a/b"; "" for the root itself.  Refuses absolute names, "..", and what is too long
 * or too deep, naming the entry.  The caller owns the result. */
fallible tree_clean_path(const char *name, char **ret_path);

/* All of these take cleaned paths. */
fallible tree_add_folder(tree *t, const char *path);
fallible tree_add_file(tree *t, const char *path, bool executable, int *ret_fd);
fallible tree_add_link(tree *t, const char *path, const char *target);
fallible tree_add_hard_link(tree *t, const char *path, const char *target_path,
                            int64_t *ret_size_bytes);

/* Whether a link's text alone, read from the folder of `path`, is absolute or climbs above the
 * root: such a link is refused. */
bool tree_link_leaves(const char *path, const char *target);

/* Refuses when a link that was added leads outside, however it gets there.  A link to nothing is
 * fine as long as that nothing is inside. */
fallible tree_check_links(tree *t);

/* Where `path` (cleaned) really is below `root_fd`, symlinks followed: "a/b" without any.
 * ERR_INVALID when it leads outside, ERR_NOT_FOUND when nothing is there. */
fallible tree_resolve(int root_fd, const char *path, char **ret_real_path);

/* A name from outside as it may stand in a message: printable UTF-8, quoted bytes as \xNN, cut
 * after 200 bytes.  The caller owns it. */
char *tree_printable(const char *name);

static inline void tree_cleanup_(tree **t) {
  tree_close(*t);
}
#define auto_tree __attribute__((cleanup(tree_cleanup_))) tree

#endif
