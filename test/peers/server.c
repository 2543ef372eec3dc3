/* A libmodbus device. usage: server; prints its port, serves one connection after another until its standard input ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listening, (struct sockaddr *)&at, size) != 0 || listen(listening, 4) != 0) return 3;
  getsockname(listening, (struct sockaddr *)&at, &size);
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  modbus_t *bus = modbus_new_tcp("127.0.0.1", 0);
  modbus_mapping_t *map = modbus_mapping_new(600, 600, 600, 600);
  for (;;) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(0, &set);
    FD_SET(listening, &set);
    if (select(listening + 1, &set, NULL, NULL, NULL) < 0 || FD_ISSET(0, &set)) return 0;
    int peer = accept(listening, NULL, NULL);
    modbus_set_socket(bus, peer);
    for (;;) {
      FD_ZERO(&set);
      FD_SET(0, &set);
      FD_SET(peer, &set);
      if (select(peer + 1, &set, NULL, NULL, NULL) < 0 || FD_ISSET(0, &set)) return 0;
      int rc = modbus_receive(bus, query);
      if (rc < 0) break;
      if (rc > 0) modbus_reply(bus, query, rc, map);
    }
    close(peer);
  }
}
