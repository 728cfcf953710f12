/* Network names and numbers as text: checks that are strict enough to pass the text on to another
 * program's configuration or command line. */
#ifndef TRAMWAY_BASE_ADDRESS_H
#define TRAMWAY_BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct address {
  int family; /* AF_INET or AF_INET6 */
  char host[INET6_ADDRSTRLEN];
  uint16_t port;
};

struct address_net {
  int family;
  uint8_t bytes[16]; /* network byte order; IPv4 uses the first 4 */
  int prefix;
};

/* A numeric address without brackets, zone or port: AF_INET, AF_INET6, or 0 for anything else. */
int address_family(const char *text);

/* "1.2.3.4:80" or "[::1]:80"; the port is 1 … 65535. */
bool address_parse(const char *text, struct address *ret_address);

/* "10.213.0.0/16"; no bit behind the prefix may be set. */
bool address_parse_net(const char *text, struct address_net *ret_net);

/* Makes ::ffff:203.0.113.0/120 203.0.113.0/24, which is how programs that serve both families spell what comes by
 * IPv4; leaves what is not IPv4-mapped as it is. */
void address_net_unmap(struct address_net *net);

bool address_nets_overlap(const struct address_net *a, const struct address_net *b);

/* A host name: labels of letters, digits and '-' (inside), at most 63 bytes each and 253 together,
 * no final dot.  "_" may begin a label.  A number like "1.2.3.4" also passes. */
bool address_is_host_name(const char *text);

#endif
