/*
 * The clients of the bench: N connections, each asks again as soon as it was answered (FC 3, ten registers: 12 octets out, 29 back).
 * usage: load PORT CONNECTIONS SECONDS PIDS [CERTIFICATE KEY CA]; prints one JSON object, times in microseconds.
 *
 * PIDS ("-" or "12,13") are the processes between here and the device. Of the time that is measured, without connecting and warming up, `cpu`
 * is what they used of their core and `kept` what they waited for it while others had it, both a request; `rss` and `pss` are their memory
 * at its end, kB, while all connections are open; -1 where the system does not tell.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPLY 29
#define MOST 20000000

struct peer {
  int fd;
  SSL *tls;
  size_t held;
  uint16_t id;
  int64_t sent;
  uint8_t in[512];
};

static uint32_t *times;
static size_t count;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void ask(struct peer *peer) {
  uint8_t out[12] = {0, 0, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10};
  peer->id++;
  out[0] = peer->id >> 8, out[1] = peer->id & 0xff;
  peer->sent = now();
  int put = peer->tls ? SSL_write(peer->tls, out, 12) : (int)write(peer->fd, out, 12);
  if (put != 12) fprintf(stderr, "a request was not taken\n"), exit(4);
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* On a core and waiting for one, nanoseconds, all threads of these processes (schedstat). */
static void cpu_of(const char *pids, double *used, double *kept) {
  *used = *kept = 0;
  for (const char *at = pids; *at >= '0' && *at <= '9'; at += strspn(at, "0123456789"), at += *at == ',') {
    char name[300];
    snprintf(name, sizeof name, "/proc/%d/task", atoi(at));
    DIR *tasks = opendir(name);
    if (!tasks) continue;
    for (struct dirent *task; (task = readdir(tasks));) {
      double on, waiting;
      snprintf(name, sizeof name, "/proc/%d/task/%s/schedstat", atoi(at), task->d_name);
      FILE *file = task->d_name[0] == '.' ? NULL : fopen(name, "r");
      if (!file) continue;
      if (fscanf(file, "%lf %lf", &on, &waiting) == 2) *used += on, *kept += waiting;
      fclose(file);
    }
    closedir(tasks);
  }
}

/* What stands behind this word in a file of theirs, added up. */
static long told(const char *pids, const char *file_name, const char *word) {
  long sum = -1, one;
  for (const char *at = pids; *at >= '0' && *at <= '9'; at += strspn(at, "0123456789"), at += *at == ',') {
    char line[300];
    snprintf(line, sizeof line, "/proc/%d/%s", atoi(at), file_name);
    FILE *file = fopen(line, "r");
    if (!file) continue;
    while (fgets(line, sizeof line, file))
      if (strncmp(line, word, strlen(word)) == 0 && sscanf(line + strlen(word), " %ld", &one) == 1) sum = (sum < 0 ? 0 : sum) + one;
    fclose(file);
  }
  return sum;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  int connections = atoi(argv[2]), one = 1, poll = epoll_create1(0);
  double seconds = atof(argv[3]);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  SSL_CTX *context = NULL;
  if (argc > 7) {
    context = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_use_certificate_chain_file(context, argv[5]) != 1 || SSL_CTX_use_PrivateKey_file(context, argv[6], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(context, argv[7], NULL) != 1)
      return 3;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  }
  times = malloc(sizeof *times * MOST);
  struct peer *peers = calloc(connections, sizeof *peers);
  for (int i = 0; i < connections; i++) {
    struct peer *peer = &peers[i];
    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(peer->fd, (struct sockaddr *)&at, sizeof at) != 0) return 3;
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (context) {
      peer->tls = SSL_new(context);
      SSL_set_fd(peer->tls, peer->fd);
      if (SSL_connect(peer->tls) != 1) return ERR_print_errors_fp(stderr), 3;
    }
    fcntl(peer->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    epoll_ctl(poll, EPOLL_CTL_ADD, peer->fd, &event);
  }
  int64_t start = now(), warm = start + (int64_t)(seconds * 0.2e9), end = warm + (int64_t)(seconds * 1e9);
  for (int i = 0; i < connections; i++) ask(&peers[i]);
  struct epoll_event ready[128];
  const char *pids = argv[4];
  double used, used_before = -1, kept, kept_before = 0;
  int64_t t = start;
  while (t < end) {
    if (t > warm && used_before < 0) cpu_of(pids, &used_before, &kept_before);
    int n = epoll_wait(poll, ready, 128, 10000);
    if (n == 0) return fprintf(stderr, "no answer for ten seconds\n"), 4;
    for (int i = 0; i < n; i++) {
      struct peer *peer = ready[i].data.ptr;
      for (;;) {
        int got = peer->tls ? SSL_read(peer->tls, peer->in + peer->held, sizeof peer->in - peer->held)
                            : (int)read(peer->fd, peer->in + peer->held, sizeof peer->in - peer->held);
        if (got <= 0) {
          if (peer->tls ? SSL_get_error(peer->tls, got) == SSL_ERROR_WANT_READ : got < 0) break;
          return fprintf(stderr, "the connection was closed\n"), 4;
        }
        peer->held += got;
        if (peer->held < REPLY) continue;
        if (peer->held > REPLY || peer->in[7] != 3 || (peer->in[0] << 8 | peer->in[1]) != peer->id)
          return fprintf(stderr, "an answer that was not asked for\n"), 4;
        peer->held = 0;
        t = now();
        if (t > warm && count < MOST) times[count++] = (uint32_t)(t - peer->sent);
        ask(peer);
        break;
      }
    }
  }
  cpu_of(pids, &used, &kept);
  long rss = told(pids, "status", "VmRSS:"), pss = told(pids, "smaps_rollup", "Pss:");
  qsort(times, count, sizeof *times, by_size);
#define AT(q) (count ? times[(size_t)((count - 1) * (q))] / 1000.0 : 0)
#define EACH(ns) (count ? (ns) / 1000 / count : 0)
  printf("{\"count\":%zu,\"perSecond\":%.0f,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"cpu\":%.2f,\"kept\":%.2f,\"rss\":%ld,\"pss\":%ld}\n",
         count, count / seconds, AT(0.5), AT(0.99), AT(0.999), AT(1), EACH(used - used_before), EACH(kept - kept_before), rss, pss);
  return 0;
}
