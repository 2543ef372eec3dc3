/*
 * The device behind every road of the bench: answers FC 3 with the registers asked for, FC 6 with its echo. One thread, epoll.
 * usage: plc; prints its port, serves until its standard input ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 65536

struct peer {
  int fd;
  size_t held;
  uint8_t in[ROOM];
};

static size_t answer(const uint8_t *ask, uint8_t *out) {
  memcpy(out, ask, 8);
  if (ask[7] == 6) {
    memcpy(out + 8, ask + 8, 4);
    return 12;
  }
  unsigned count = ask[10] << 8 | ask[11];
  out[4] = (3 + 2 * count) >> 8, out[5] = (3 + 2 * count) & 0xff;
  out[8] = 2 * count;
  memset(out + 9, 0x5a, 2 * count);
  return 9 + 2 * count;
}

int main(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int one = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
  if (bind(listening, (struct sockaddr *)&at, size) != 0 || listen(listening, 256) != 0) return 3;
  getsockname(listening, (struct sockaddr *)&at, &size);
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, ready[128];
  struct peer end = {.fd = 0};
  epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event);
  event.data.ptr = &end;
  epoll_ctl(poll, EPOLL_CTL_ADD, 0, &event);
  for (;;) {
    int n = epoll_wait(poll, ready, 128, -1);
    for (int i = 0; i < n; i++) {
      struct peer *peer = ready[i].data.ptr;
      if (peer == NULL) {
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        peer = calloc(1, sizeof *peer);
        peer->fd = fd;
        event.data.ptr = peer;
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        continue;
      }
      if (peer == &end) return 0;
      ssize_t got = read(peer->fd, peer->in + peer->held, ROOM - peer->held);
      if (got <= 0) {
        close(peer->fd);
        free(peer);
        continue;
      }
      peer->held += got;
      static uint8_t out[ROOM * 2];
      size_t used = 0, full = 0;
      while (peer->held - used >= 12) {
        full += answer(peer->in + used, out + full);
        used += 12;
        if (full > ROOM) break;
      }
      memmove(peer->in, peer->in + used, peer->held - used);
      peer->held -= used;
      if (full > 0 && write(peer->fd, out, full) != (ssize_t)full) return 4;
    }
  }
}
