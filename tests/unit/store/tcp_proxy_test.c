#include "store/tcp_proxy.h"

#include "base/json.h"
#include "house.h"
#include "store/service.h"

static err *add(struct house *h, int application_port, int proxy_port, char id[ID_SIZE]) {
  auto_tcp_proxy made = {.application_port = application_port, .proxy_port = proxy_port,
                         .allow = json_pack("[s]", "203.0.113.0/24")};
  memcpy(made.project_id, h->instance.project_id, ID_SIZE);
  memcpy(made.environment_id, h->instance.environment_id, ID_SIZE);
  memcpy(made.service_id, h->instance.service_id, ID_SIZE);
  memcpy(made.service_instance_id, h->instance.id, ID_SIZE);
  TRY(tcp_proxy_insert(h->d, &made));
  memcpy(id, made.id, ID_SIZE);
  return NULL;
}

TEST(a_proxy_comes_back) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE], other[ID_SIZE];
  CHECK_OK(add(&h, 5432, 20002, id));
  CHECK_OK(add(&h, 6379, 20001, other));
  auto_tcp_proxy got = {0};
  auto_json *none = json_array();
  CHECK_OK(tcp_proxy_set_allow(h.d, id, none, 7));
  CHECK_OK(tcp_proxy_get(h.d, id, &got));
  CHECK_INT(got.application_port, 5432);
  CHECK_INT(got.proxy_port, 20002);
  CHECK_INT(json_array_size(got.allow), 0);
  CHECK_INT(got.updated_us, 7);
  auto_tcp_proxy_list by_instance = {0}, by_environment = {0}, live = {0};
  CHECK_OK(tcp_proxy_list_by_instance(h.d, h.instance.id, &by_instance));
  CHECK_OK(tcp_proxy_list_by_environment(h.d, h.environment.id, &by_environment));
  CHECK_OK(tcp_proxy_list_live(h.d, &live));
  CHECK_INT(by_instance.len, 2);
  CHECK_INT(by_environment.items[0].application_port, 5432);
  CHECK_INT(live.items[0].proxy_port, 20001);
  CHECK_OK(tcp_proxy_delete(h.d, id));
  CHECK_ERR(tcp_proxy_delete(h.d, id), ERR_NOT_FOUND, "TCP proxy '");
}

TEST(the_lowest_free_port_is_found) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  static const struct {
    int first, last, port;
  } cases[] = {{20000, 20009, 20000}, {20001, 20009, 20004}, {20003, 20009, 20004}, {20004, 20009, 20004},
               {20005, 20009, 20007}, {20001, 20003, 0},     {20005, 20006, 0},     {65535, 65535, 0}};
  static const int taken[] = {20001, 20002, 20003, 20005, 20006, 65535};
  for (int i = 0; i < (int)ARRAY_LEN(taken); i++) CHECK_OK(add(&h, i + 1, taken[i], id));
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    int port = -1;
    CHECK_OK(tcp_proxy_free_port(h.d, cases[i].first, cases[i].last, &port));
    CHECK_INT(port, cases[i].port);
  }
}

TEST(ports_are_taken_once) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  CHECK_OK(add(&h, 5432, 20001, id));
  CHECK_ERR(add(&h, 5432, 20002, id), ERR_CONFLICT, "has a TCP proxy to its port 5432 already");
  CHECK_ERR(add(&h, 5433, 20001, id), ERR_CONFLICT, "already");
}

TEST(those_of_a_service_that_goes_are_not_live) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  auto_tcp_proxy_list live = {0};
  CHECK_OK(add(&h, 5432, 20001, id));
  CHECK_OK(service_instance_mark_deleted(h.d, h.instance.id, 1));
  CHECK_OK(tcp_proxy_list_live(h.d, &live));
  CHECK_INT(live.len, 0);
}

TEST_MAIN
