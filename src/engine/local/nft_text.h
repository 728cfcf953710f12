/* Looks at what `nft -s -a list ruleset` prints.  Pure. */
#ifndef TRAMWAY_ENGINE_LOCAL_NFT_TEXT_H
#define TRAMWAY_ENGINE_LOCAL_NFT_TEXT_H

/* The lines of the table `inet <name>`, from its own to its closing brace; "" when it is not there.
 * The caller owns it. */
char *nft_text_table(const char *ruleset, const char *name);

/* How the table differs from what it was: "the rule 'tcp dport 53 accept' was gone"; NULL when it is
 * the same.  Rules are told apart by their handles, too, so that one that was moved is seen.  The caller
 * owns it. */
char *nft_text_difference(const char *before, const char *now);

/* What a network lacks of the rules that netavark gives it, for one subnet ("10.213.0.0/24") of the
 * family "ip" or "ip6": "the masquerading of 10.213.0.0/24 was gone"; NULL when nothing does, or when
 * netavark keeps its rules in a table of its own (its nftables driver), whose form is not known here.
 * The caller owns it. */
char *nft_text_network_lacks(const char *ruleset, const char *family, const char *subnet);

#endif
