#include "source/ignore.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

/* A rule is kept as its components: "src/gen/x.c" → {"src", "gen", "x.c"}. */
struct rule {
  char *text; /* the components, each ended by a NUL */
  const char **parts;
  size_t parts_len;
  bool negated;
  bool folders_only;
  bool anchored; /* speaks of the path from its file's folder; else of the last component alone */
};

struct rules {
  struct rule *items;
  size_t len, capacity;
};

struct ignore {
  map *folders; /* "a/b" → struct rules[IGNORE_RANKS] */
  size_t rules_count;
  bool ranks_used[IGNORE_RANKS];
};

ignore *ignore_new(void) {
  ignore *g = mem_zalloc(sizeof *g);
  g->folders = map_new();
  return g;
}

static void rules_free(struct rules *ranks) {
  for (int rank = 0; rank < IGNORE_RANKS; rank++) {
    for (size_t i = 0; i < ranks[rank].len; i++) {
      free(ranks[rank].items[i].text);
      free(ranks[rank].items[i].parts);
    }
    free(ranks[rank].items);
  }
  free(ranks);
}

void ignore_free(ignore *g) {
  if (!g) return;
  size_t cursor = 0;
  const char *folder;
  void *ranks;
  while (map_next(g->folders, &cursor, &folder, &ranks)) rules_free(ranks);
  map_free(g->folders);
  free(g);
}

/* Cuts unescaped spaces off the end. */
static size_t trimmed_len(const char *line, size_t len) {
  size_t kept = 0;
  for (size_t i = 0; i < len; i++) {
    if (line[i] == '\\' && i + 1 < len) {
      kept = i + 2;
      i++;
    } else if (line[i] != ' ') {
      kept = i + 1;
    }
  }
  return kept;
}

/* The length of the bracket expression at `p`, or 1 when it is never closed. */
static size_t bracket_len(const char *p, size_t len) {
  size_t i = 1;
  if (i < len && (p[i] == '!' || p[i] == '^')) i++;
  for (size_t first = i; i < len; i++) {
    if (p[i] == ']' && i > first) return i + 1;
    if (p[i] == '\\') {
      i++;
    } else if (p[i] == '[' && i + 1 < len && p[i + 1] == ':') {
      size_t end = i + 2;
      while (end < len && p[end] != ']') end++;
      if (end < len && p[end - 1] == ':' && end > i + 2) i = end;
    }
  }
  return 1;
}

/* Splits at each '/' that is not inside brackets; an escaped one counts too, as in git. */
static void split_parts(struct rule *rule, const char *pattern, size_t len) {
  rule->text = mem_alloc(len + 1);
  char *out = rule->text;
  size_t capacity = 0;
  rule->parts = mem_grow(NULL, &capacity, 1, sizeof *rule->parts);
  rule->parts[rule->parts_len++] = out;
  for (size_t i = 0; i < len;) {
    bool escaped = pattern[i] == '\\' && i + 1 < len;
    if (pattern[i] == '/' || (escaped && pattern[i + 1] == '/')) {
      *out++ = '\0';
      rule->parts = mem_grow(rule->parts, &capacity, rule->parts_len + 1, sizeof *rule->parts);
      rule->parts[rule->parts_len++] = out;
      i += escaped ? 2 : 1;
      continue;
    }
    size_t take = escaped ? 2 : pattern[i] == '[' ? bracket_len(pattern + i, len - i) : 1;
    memcpy(out, pattern + i, take);
    out += take;
    i += take;
  }
  *out = '\0';
}

/* False when the line holds no rule. */
static bool rule_parse(struct rule *rule, const char *line, size_t len) {
  if (len && line[len - 1] == '\r') len--;
  len = trimmed_len(line, len);
  if (len == 0 || *line == '#' || memchr(line, '\0', len)) return false;
  *rule = (struct rule){.negated = *line == '!'};
  if (rule->negated) line++, len--;
  if (len && line[len - 1] == '/') {
    rule->folders_only = true;
    len--;
  }
  rule->anchored = memchr(line, '/', len) != NULL;
  if (len && *line == '/') line++, len--;
  if (len == 0) return false;
  split_parts(rule, line, len);
  return true;
}

static struct rules *ranks_of(ignore *g, const char *folder) {
  struct rules *ranks = map_get(g->folders, folder);
  if (ranks) return ranks;
  ranks = mem_zalloc(IGNORE_RANKS * sizeof *ranks);
  map_set(g->folders, folder, ranks);
  return ranks;
}

err *ignore_add(ignore *g, const char *folder, int rank, const char *text, size_t len) {
  if (len > IGNORE_FILE_LIMIT)
    return err_new(ERR_LIMIT, "an ignore file of %zu bytes: at most %d are read", len,
                   IGNORE_FILE_LIMIT);
  if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) text += 3, len -= 3;
  struct rules *rules = &ranks_of(g, folder)[rank];
  g->ranks_used[rank] = true;
  const char *end = text + len;
  for (const char *line = text; line < end;) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    const char *line_end = newline ? newline : end;
    struct rule rule;
    if (rule_parse(&rule, line, (size_t)(line_end - line))) {
      rules->items = mem_grow(rules->items, &rules->capacity, rules->len + 1, sizeof rule);
      rules->items[rules->len++] = rule;
      if (++g->rules_count > IGNORE_RULES_LIMIT)
        return err_new(ERR_LIMIT, "more than %d ignore rules", IGNORE_RULES_LIMIT);
    }
    line = line_end + 1;
  }
  return NULL;
}

static bool in_class(const char *name, size_t len, unsigned char c, bool *ret_known) {
  static const struct {
    const char *name;
    int (*test)(int);
  } classes[] = {
      {"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
      {"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
      {"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
  };
  for (size_t i = 0; i < ARRAY_LEN(classes); i++)
    if (strlen(classes[i].name) == len && memcmp(classes[i].name, name, len) == 0)
      return classes[i].test(c) != 0;
  *ret_known = false;
  return false;
}

/* Matches `c` against the bracket expression at *p and moves *p behind it.  False also when the
 * expression is broken: such a rule never matches, as in git. */
static bool bracket_matches(const char **p, unsigned char c) {
  const char *at = *p;
  size_t len = bracket_len(at, strlen(at));
  if (len == 1) return false;
  *p = at + len;
  const char *end = at + len - 1; /* the closing ']' */
  at++;
  bool negated = *at == '!' || *at == '^', matched = false, known = true;
  if (negated) at++;
  int previous = -1; /* where a range may begin */
  while (at < end) {
    if (*at == '[' && at[1] == ':') {
      const char *close = memchr(at + 2, ']', (size_t)(end - at - 2));
      if (close && close > at + 2 && close[-1] == ':') {
        matched |= in_class(at + 2, (size_t)(close - at - 3), c, &known);
        at = close + 1;
        previous = -1;
        continue;
      }
    }
    if (*at == '-' && previous >= 0 && at + 1 < end) {
      at++;
      if (*at == '\\' && at + 1 < end) at++;
      matched |= c >= previous && c <= (unsigned char)*at;
      at++;
      previous = -1;
      continue;
    }
    if (*at == '\\' && at + 1 < end) at++;
    previous = (unsigned char)*at++;
    matched |= c == previous;
  }
  return known && matched != negated;
}

/* One component against one pattern component, going back to the last `*` only: that is enough,
 * because an earlier star could take nothing that the later one cannot. */
static bool part_matches(const char *p, const char *text, size_t len) {
  const char *end = text + len, *star = NULL, *star_text = NULL;
  while (text < end || *p) {
    if (*p == '*') {
      while (*p == '*') p++;
      star = p;
      star_text = text;
      continue;
    }
    if (text < end && *p) {
      const char *next = p + 1;
      bool same;
      if (*p == '?') {
        same = true;
      } else if (*p == '[') {
        next = p;
        same = bracket_matches(&next, (unsigned char)*text);
      } else {
        if (*p == '\\' && p[1]) next = ++p + 1;
        else if (*p == '\\') return false; /* a trailing backslash never matches */
        same = *p == *text;
      }
      if (same) {
        p = next;
        text++;
        continue;
      }
    }
    if (!star || star_text >= end) return false;
    p = star;
    text = ++star_text;
  }
  return true;
}

static bool is_any_depth(const char *part) {
  return part[0] == '*' && part[1] == '*' && part[strspn(part, "*")] == '\0';
}

static size_t component_len(const char *path) {
  return strcspn(path, "/");
}

static const char *after_component(const char *path, size_t len) {
  return path[len] == '/' ? path + len + 1 : path + len;
}

/* The same on the level of components, `**` in the place of `*`. */
static bool path_matches(const struct rule *rule, const char *path) {
  size_t part = 0, back_part = 0;
  const char *back_path = NULL;
  while (*path || part < rule->parts_len) {
    if (part < rule->parts_len && is_any_depth(rule->parts[part])) {
      if (part + 1 == rule->parts_len)
        return *path != '\0'; /* what is in a folder, not the folder */
      back_part = ++part;
      back_path = path;
      continue;
    }
    size_t len = component_len(path);
    if (*path && part < rule->parts_len && part_matches(rule->parts[part], path, len)) {
      part++;
      path = after_component(path, len);
      continue;
    }
    if (!back_path || !*back_path) return false;
    back_path = after_component(back_path, component_len(back_path));
    path = back_path;
    part = back_part;
  }
  return true;
}

static bool rule_matches(const struct rule *rule, const char *path, bool is_folder) {
  if (rule->folders_only && !is_folder) return false;
  if (rule->anchored) return path_matches(rule, path);
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  return part_matches(rule->parts[0], name, strlen(name));
}

static enum ignore_verdict rules_verdict(const struct rules *rules, const char *path,
                                         bool is_folder) {
  for (size_t i = rules->len; i > 0; i--) {
    const struct rule *rule = &rules->items[i - 1];
    if (rule_matches(rule, path, is_folder))
      return rule->negated ? IGNORE_INCLUDED : IGNORE_EXCLUDED;
  }
  return IGNORE_UNDECIDED;
}

static enum ignore_verdict rank_verdict(const ignore *g, int rank, const char *path,
                                        bool is_folder) {
  auto_free char *folder = str_dup(path);
  for (;;) {
    char *slash = strrchr(folder, '/');
    if (slash) *slash = '\0';
    else *folder = '\0';
    const struct rules *ranks = map_get(g->folders, folder);
    size_t skip = strlen(folder);
    if (skip) skip++;
    enum ignore_verdict verdict =
        ranks ? rules_verdict(&ranks[rank], path + skip, is_folder) : IGNORE_UNDECIDED;
    if (verdict != IGNORE_UNDECIDED || !*folder) return verdict;
  }
}

enum ignore_verdict ignore_verdict(const ignore *g, const char *path, bool is_folder) {
  for (int rank = IGNORE_RANKS - 1; rank >= 0; rank--) {
    if (!g->ranks_used[rank]) continue;
    enum ignore_verdict verdict = rank_verdict(g, rank, path, is_folder);
    if (verdict != IGNORE_UNDECIDED) return verdict;
  }
  return IGNORE_UNDECIDED;
}

bool ignore_path(const ignore *g, const char *path, bool is_folder) {
  auto_free char *partial = str_dup(path);
  for (char *slash = strchr(partial, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (ignore_verdict(g, partial, true) == IGNORE_EXCLUDED) return true;
    *slash = '/';
  }
  return ignore_verdict(g, path, is_folder) == IGNORE_EXCLUDED;
}
