/* TCP proxies: ports, what the edge is told, and what variables say of them. */
#include "core/staged.h"
#include "town.h"
#include "store/tcp_proxy.h"

static json_t *told(const struct tcp_proxy *p) {
  auto_free char *key = str_format("%s-tcp-%d", p->service_instance_id, p->proxy_port);
  return json_object_get(gate->proxies, key);
}

static void make(int port, const char *network, struct tcp_proxy *ret_proxy) {
  auto_json *allow = network ? json_pack("[s]", network) : NULL;
  CHECK_OK(core_tcp_proxy_create(town, &instance, port, allow, ret_proxy));
}

TEST(the_edge_follows) {
  char id[ID_SIZE];
  auto_tcp_proxy p = {0};
  town_open();
  make(5432, "203.0.113.9", &p);
  CHECK(p.proxy_port >= 20000 && p.proxy_port <= 20099);
  turns(3);
  CHECK_INT(json_get_int(told(&p), "port", 0), p.proxy_port);
  CHECK_INT(json_array_size(json_object_get(told(&p), "targets")), 0); /* nothing runs yet */
  CHECK_TEXT(json_string_value(json_array_get(json_object_get(told(&p), "allow"), 0)), "203.0.113.9/32");
  CHECK_INT(core_tcp_proxy_status(town, &p), SYNC_ACTIVE);
  deploy_live(id);
  CHECK(str_ends(json_string_value(json_array_get(json_object_get(told(&p), "targets"), 0)), ":5432"));
  auto_json *nobody_else = json_pack("[s]", "::1");
  CHECK_OK(core_tcp_proxy_allow(town, p.id, nobody_else));
  turns(3);
  CHECK_TEXT(json_string_value(json_array_get(json_object_get(told(&p), "allow"), 0)), "::1/128");
  CHECK_OK(core_tcp_proxy_delete(town, p.id));
  turns(3);
  CHECK(!told(&p));
  CHECK_INT(core_tcp_proxy_status(town, &p), SYNC_CREATING);
  town_close();
}

TEST(what_cannot_be_is_refused) {
  auto_tcp_proxy p = {0}, q = {0};
  town_open();
  CHECK_ERR(core_tcp_proxy_create(town, &instance, 0, NULL, &p), ERR_INVALID, "0 is no port");
  auto_json *bad = json_pack("[s]", "everybody");
  CHECK_ERR(core_tcp_proxy_create(town, &instance, 5432, bad, &p), ERR_INVALID, "is no address");
  make(5432, NULL, &p);
  CHECK_ERR(core_tcp_proxy_create(town, &instance, 5432, NULL, &q), ERR_CONFLICT, "to its port 5432 already");
  for (int i = 1; i < TCP_PROXIES_MAX; i++) {
    auto_tcp_proxy more = {0};
    make(i, NULL, &more);
  }
  CHECK_ERR(core_tcp_proxy_create(town, &instance, 99, NULL, &q), ERR_LIMIT, "has 20 TCP proxies");
  town_close();
}

TEST(ports_of_others_are_not_given_out) {
  auto_tcp_proxy p = {0}, q = {0};
  struct core_options options;
  town_open();
  options = town_options();
  options.tcp_last_port = options.tcp_first_port;
  core_set_options(town, &options);
  fake_taken_port = 20000;
  CHECK_ERR(core_tcp_proxy_create(town, &instance, 5432, NULL, &p), ERR_LIMIT, "no free port was found");
  fake_taken_port = 0;
  make(5432, NULL, &p);
  CHECK_INT(p.proxy_port, 20000);
  CHECK_ERR(core_tcp_proxy_create(town, &instance, 5433, NULL, &q), ERR_LIMIT, "no free port was found");
  CHECK_OK(core_tcp_proxy_delete(town, p.id));
  make(5433, NULL, &q);
  CHECK_INT(q.proxy_port, 20000); /* given back */
  options.tcp_first_port = 0;
  core_set_options(town, &options);
  auto_tcp_proxy none = {0};
  CHECK_ERR(core_tcp_proxy_create(town, &instance, 1, NULL, &none), ERR_CONFLICT, "edge.tcp_first_port");
  town_close();
}

TEST(the_last_port_of_the_range_is_found) {
  auto_tcp_proxy none = {0};
  struct core_options options;
  town_open();
  options = town_options();
  options.tcp_last_port = options.tcp_first_port + 5;
  core_set_options(town, &options);
  fake_taken_port = (uint16_t)(options.tcp_first_port + 3);
  for (int i = 1; i <= 5; i++) {
    auto_tcp_proxy p = {0};
    make(i, NULL, &p);
    CHECK(p.proxy_port != fake_taken_port && p.proxy_port <= options.tcp_last_port);
  }
  CHECK_ERR(core_tcp_proxy_create(town, &instance, 6, NULL, &none), ERR_LIMIT, "no free port was found");
  fake_taken_port = 0;
  make(6, NULL, &none);
  town_close();
}

TEST(a_public_url_is_there_while_the_proxy_is) {
  auto_tcp_proxy p = {0};
  auto_json *without = NULL, *with = NULL;
  town_open();
  set_variable("URL", "redis://${{RAILWAY_TCP_PROXY_DOMAIN}}:${{RAILWAY_TCP_PROXY_PORT}}");
  CHECK_OK(core_variables(town, instance.environment_id, service.id, true, &without));
  CHECK(!json_object_get(without, "URL") && !json_object_get(without, "RAILWAY_TCP_PROXY_PORT"));
  make(6379, NULL, &p);
  CHECK_OK(core_variables(town, instance.environment_id, service.id, true, &with));
  auto_free char *expected = str_format("redis://localhost:%d", p.proxy_port);
  CHECK_TEXT(json_get_text(with, "URL"), expected);
  CHECK_TEXT(json_get_text(with, "RAILWAY_TCP_APPLICATION_PORT"), "6379");
  town_close();
}

static err *commit(const char *patch) {
  auto_json *input = NULL;
  char id[ID_SIZE];
  CHECK_OK(json_parse(patch, strlen(patch), "test", &input));
  struct core_patch_commit request = {.environment_id = instance.environment_id, .patch = input, .user_id = user.id};
  return core_patch_commit(town, &request, id);
}

TEST(patches_make_change_and_delete_them) {
  auto_tcp_proxy_list made = {0}, changed = {0}, gone = {0};
  town_open();
  CHECK_OK(commit("{\"services\":{\"api\":{\"networking\":{\"tcpProxies\":{\"5432\":{}}}}}}"));
  CHECK_OK(tcp_proxy_list_by_instance(town_db, instance.id, &made));
  CHECK_INT(made.len, 1);
  CHECK_OK(commit("{\"services\":{\"api\":{\"networking\":{\"tcpProxies\":{\"5432\":{\"allow\":[\"10.0.0.1\"]}}}}}}"));
  CHECK_OK(tcp_proxy_list_by_instance(town_db, instance.id, &changed));
  CHECK_INT(changed.items[0].proxy_port, made.items[0].proxy_port);
  CHECK_INT(json_array_size(changed.items[0].allow), 1);
  CHECK_OK(commit("{\"services\":{\"api\":{\"networking\":{\"tcpProxies\":{\"5432\":null}}}}}"));
  CHECK_OK(tcp_proxy_list_by_instance(town_db, instance.id, &gone));
  CHECK_INT(gone.len, 0);
  town_close();
}

/* One that is reached by TCP alone is not live before that port listens. */
TEST(its_port_is_what_health_waits_for) {
  char id[ID_SIZE];
  auto_tcp_proxy p = {0};
  auto_deployment d = {0};
  town_open();
  CHECK_OK(core_domain_delete(town, domain.id));
  make(8080, NULL, &p);
  deploy(id);
  WAIT(status_of(id) == DEPLOYMENT_SUCCESS);
  CHECK_OK(deployment_get(town_db, id, &d));
  CHECK_INT(d.detected_port, 8080);
  town_close();
}

TEST_MAIN
