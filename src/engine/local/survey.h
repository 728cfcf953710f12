/* A look at what should be there while instances run: bridges, links, addresses, mounts, files.
 *
 * The loop writes down what to expect, a pool thread measures it with some system calls (no program is
 * started), and the loop acts upon what was found (watch.c). */
#ifndef TRAMWAY_ENGINE_LOCAL_SURVEY_H
#define TRAMWAY_ENGINE_LOCAL_SURVEY_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "engine/local/netlink.h"

/* What is wrong with one thing, by what mends it. */
enum survey_damage {
  SURVEY_FINE,
  SURVEY_BRIDGE, /* of a network: it is to be made anew */
  SURVEY_ANCHOR, /* its anchor is to be made anew; the bridge is good */
  SURVEY_NAMES,  /* its names are to be written anew */
  SURVEY_LOOSE,  /* of an instance: its link is to be put into the bridge */
  SURVEY_LINK,   /* its link is to be made anew */
  SURVEY_STATE,  /* it cannot be stopped or entered in order any more: it is to be restarted */
};

struct survey_network {
  char *environment_id, *anchor_path, *names_path;
  char bridge[IF_NAMESIZE];
  struct in_addr gateway;
  struct in6_addr gateway6;
  enum survey_damage damage;
  char *cause; /* in words; NULL when fine */
};

struct survey_instance {
  char *id, *rootfs;
  struct strv files; /* that must be there */
  pid_t pid;
  uint64_t pid_started;
  unsigned run;
  char link[IF_NAMESIZE];
  size_t network; /* index of its network in the survey */
  struct in_addr address;
  struct in6_addr address6;
  bool closely;     /* look at its files, its mount and its end of the link, too, which costs more */
  bool unmounted;   /* the host does not see its root any more; its own mount namespace does */
  enum survey_damage damage;
  char *cause;
};

struct survey {
  struct survey_network *networks;
  size_t networks_len;
  struct survey_instance *instances;
  size_t instances_len;
  struct strv folders, folders_gone;
  struct strv volumes, volumes_gone; /* mount points, of what is in use */
  uint32_t firewall; /* generation; 0: not known */
  bool unsure;       /* links changed while the kernel told of them: nothing is judged */
};

struct survey *survey_new(size_t networks_len, size_t instances_len); /* room for so many; all empty */
void survey_free(struct survey *s);

/* On a pool thread: fills in what is found. */
fallible survey_measure(struct survey *s);

/* The judgements; pure.  What was found in words, or NULL; the caller owns it. */
char *survey_judge_bridge(const struct netlink_links *links, const struct survey_network *n);
char *survey_judge_link(const struct netlink_links *links, const char *link, const char *bridge,
                        enum survey_damage *ret_damage);
/* `route`, `inet6` and `route6` are the files of these names in /proc/<pid>/net. */
char *survey_judge_inside(const char *route, const char *inet6, const char *route6,
                          const struct survey_instance *i, const struct survey_network *n);

#endif
