/* Domains and routes. */
#include "store/domain.h"

#include "house.h"

static err *add(struct house *h, const struct service_instance *i, const char *host,
                char id[ID_SIZE]) {
  auto_domain made = {.host = str_dup(host),
                      .suffix = str_dup("localhost"),
                      .sync_status = SYNC_ACTIVE,
                      .target_port = 3000};
  memcpy(made.project_id, i->project_id, ID_SIZE);
  memcpy(made.environment_id, i->environment_id, ID_SIZE);
  memcpy(made.service_id, i->service_id, ID_SIZE);
  memcpy(made.service_instance_id, i->id, ID_SIZE);
  TRY(domain_insert(h->d, &made));
  memcpy(id, made.id, ID_SIZE);
  return NULL;
}

TEST(a_domain_comes_back) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  CHECK_OK(add(&h, &h.instance, "api.localhost", id));
  auto_domain got = {0}, found = {0};
  bool there;
  CHECK_OK(domain_get(h.d, id, &got));
  CHECK_INT(got.kind, DOMAIN_SERVICE);
  CHECK_INT(got.target_port, 3000);
  CHECK_TEXT(got.suffix, "localhost");
  CHECK_OK(domain_set_host(h.d, id, "shop.localhost", 1));
  CHECK_OK(domain_set_target_port(h.d, id, 0, 1));
  CHECK_OK(domain_set_sync_status(h.d, id, SYNC_UPDATING, 2));
  CHECK_OK(domain_find_by_host(h.d, "shop.localhost", &there, &found));
  CHECK(there);
  CHECK_INT(found.target_port, 0);
  CHECK_INT(found.sync_status, SYNC_UPDATING);
  CHECK_INT(found.updated_us, 2);
  auto_domain_list by_instance = {0}, by_environment = {0};
  CHECK_OK(domain_list_by_instance(h.d, h.instance.id, &by_instance));
  CHECK_OK(domain_list_by_environment(h.d, h.environment.id, &by_environment));
  CHECK_INT(by_instance.len, 1);
  CHECK_INT(by_environment.len, 1);
  CHECK_OK(domain_delete(h.d, id));
  CHECK_ERR(domain_delete(h.d, id), ERR_NOT_FOUND, "domain '");
}

TEST(hosts_are_unique_everywhere) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE], other[ID_SIZE];
  bool exists;
  CHECK_OK(domain_host_exists(h.d, "api.localhost", &exists));
  CHECK(!exists);
  CHECK_OK(add(&h, &h.instance, "api.localhost", id));
  CHECK_OK(domain_host_exists(h.d, "api.localhost", &exists));
  CHECK(exists);
  CHECK_ERR(add(&h, &h.instance, "api.localhost", other), ERR_CONFLICT,
            "the domain 'api.localhost' is in use already");
  CHECK_ERR(add(&h, &h.instance, "API.localhost", other), ERR_CONFLICT, "CHECK");
  CHECK_OK(add(&h, &h.instance, "b.localhost", other));
  CHECK_ERR(domain_set_host(h.d, other, "api.localhost", 1), ERR_CONFLICT, "in use already");
  CHECK_ERR(domain_set_target_port(h.d, id, 65536, 1), ERR_CONFLICT, "CHECK");
}

TEST(routes_are_the_living_ones) {
  auto_house h;
  house_open(&h);
  auto_service web = {0};
  auto_service_instance web_instance = {0};
  house_service(&h, "web", &web, &web_instance);
  char a[ID_SIZE], b[ID_SIZE], c[ID_SIZE];
  CHECK_OK(add(&h, &web_instance, "b.localhost", b));
  CHECK_OK(add(&h, &h.instance, "a.localhost", a));
  CHECK_OK(add(&h, &h.instance, "c.localhost", c));
  CHECK_OK(domain_set_sync_status(h.d, c, SYNC_DELETING, 1));
  auto_domain_route_list both = {0}, one = {0};
  CHECK_OK(domain_list_routes(h.d, &both));
  CHECK_INT(both.len, 2);
  CHECK_TEXT(both.items[0].host, "a.localhost");
  CHECK_TEXT(both.items[1].service_instance_id, web_instance.id);
  CHECK_INT(both.items[1].target_port, 3000);
  CHECK_OK(service_mark_deleted(h.d, web.id, 1));
  CHECK_OK(domain_list_routes(h.d, &one));
  CHECK_INT(one.len, 1);
}

TEST(domains_go_with_their_service) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  CHECK_OK(add(&h, &h.instance, "a.localhost", id));
  CHECK_OK(service_mark_deleted(h.d, h.service.id, 1));
  CHECK_OK(service_purge(h.d, h.service.id));
  CHECK_INT(house_count(&h, "domains"), 0);
}

TEST_MAIN
