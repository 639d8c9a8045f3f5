/*
 * The two ends of a connection to the endpoint mapper of DCE-RPC, as bare as possible, to measure what stands between.
 *
 *   rpc_peer server ADDRESS              serves port 135: bind to the endpoint mapper in NDR, and ept_map. samr is at another port each
 *                                        time, where a listener waits for one connection, as behind the 227 of ftp_peer; any other
 *                                        service is always at the same port. Each connection there gets one byte of data
 *   rpc_peer client ADDRESS cycle COUNT  ept_map of samr, connect, read, close; COUNT times on one connection to port 135
 *   rpc_peer client ADDRESS again COUNT  the same with lsarpc, which is where it was
 *
 * Both print: p50 and p99 in microseconds, operations a second, failures. The data connection goes to the address and port of
 * the tower. PDUs are little-endian and as long as those of Samba. IPv4. One thread each.
 */
#define _GNU_SOURCE
#include "tcp_peer.h"
#include <sys/epoll.h>

enum {
  MAPPER_PORT = 135,
  /* From here on the helper denies no port unless it is told to. There are more than a client asks for in ten seconds. */
  FIRST_PORT = 28000,
  LASTING_PORT = 65535,
  PDU = 512,
  DESCRIPTORS = 1024
};

/* Types of PDUs, and where things stand in them (C706, 12.6). */
enum { REQUEST = 0, RESPONSE = 2, BIND = 11, BIND_ACK = 12 };
enum { TYPE_AT = 2, LENGTH_AT = 8, CALL_AT = 12, HEADER = 16 };
/* The floors of a tower in both, and what stands in them (C706, appendices I and L). */
enum { TOWER_OF_REQUEST = 40, TOWER_OF_RESPONSE = 72, SERVICE = 5, PORT = 64, HOST = 71, TOWER = 75 };
enum { STATUS = TOWER_OF_RESPONSE + TOWER + 1, STATUS_BYTES = 4 };

#define SAMR "785734123412cdabef000123456789ac0100"
#define LSARPC "785734123412cdabef000123456789ab0000"
#define NDR "045d888aeb1cc9119fe808002b104860 0200"
#define FLOORS(service) \
  "0500 1300 0d" service "02000000 1300 0d" NDR "02000000 01000b02000000 0100070200 0087 0100090400 00000000"
#define HANDLE "0000000000000000000000000000000000000000"
#define MAP(service) \
  "05000003 10000000 8c000000 02000000 74000000 0000 0300 00000000 01000000 4b000000 4b000000" FLOORS(service) "00" HANDLE "01000000"

struct pdu {
  unsigned char bytes[PDU];
  int length;
};

static struct pdu pdu(const char *hex) {
  struct pdu p = {.length = 0};
  for (unsigned byte; sscanf(hex, " %2x", &byte) == 1; hex += strspn(hex, " ") + 2) p.bytes[p.length++] = byte;
  return p;
}

static int u16(const unsigned char *at) { return at[0] | at[1] << 8; }

static void send_pdu(int fd, const struct pdu *p) {
  if (send(fd, p->bytes, p->length, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET) fail("send");
}

/* Reads on; whether a PDU is whole, -1 at the end of the connection or for one that has no room. */
static int read_pdu(int fd, struct pdu *p) {
  ssize_t n = recv(fd, p->bytes + p->length, PDU - p->length, 0);
  if (n <= 0) return -1;
  p->length += n;
  if (p->length < HEADER) return 0;
  int whole = u16(p->bytes + LENGTH_AT);
  if (whole < HEADER || whole > PDU) return -1;
  return p->length >= whole;
}

/* ---- server ---- */

/* What a descriptor is; for the listener of one connection, which connection asked for it, and the other way round. */
enum kind { NOTHING, MAPPER_LISTENER, MAPPER, LISTENER_OF_ONE, LASTING_LISTENER };
struct entry {
  enum kind kind;
  int partner;
  struct pdu pdu;
};

static struct entry entries[DESCRIPTORS];
static int epoll_fd;
static struct pdu bind_ack, map_response;

static void watch(int fd, enum kind kind, int partner) {
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  if (fd >= DESCRIPTORS) fail("too many connections");
  entries[fd].kind = kind;
  entries[fd].partner = partner;
  entries[fd].pdu.length = 0;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) fail("epoll_ctl");
}

static void forget(int fd) {
  int partner = entries[fd].partner;
  if (partner > 0 && entries[partner].partner == fd) entries[partner].partner = 0;
  if (entries[fd].kind == MAPPER && partner > 0) {
    entries[partner].kind = NOTHING;
    close(partner);
  }
  entries[fd].kind = NOTHING;
  close(fd);
}

/* A listener at the port after the last one, so that none comes again before all others did. */
static int next_listener(struct sockaddr_in *where) {
  static int port = LASTING_PORT;
  for (int tries = 0; tries < LASTING_PORT - FIRST_PORT; tries++) {
    port = port + 1 < LASTING_PORT ? port + 1 : FIRST_PORT;
    where->sin_port = htons(port);
    int listener = listen_on(where, 1);
    if (listener >= 0) return listener;
  }
  fail("listen");
  return -1;
}

static void map(int mapper, const struct pdu *request) {
  static struct pdu samr;
  if (!samr.length) samr = pdu(MAP(SAMR));
  struct sockaddr_in own;
  socklen_t length = sizeof own;
  if (getsockname(mapper, (struct sockaddr *)&own, &length) < 0) fail("getsockname");
  if (!memcmp(request->bytes + TOWER_OF_REQUEST, samr.bytes + TOWER_OF_REQUEST, PORT)) {
    if (entries[mapper].partner > 0) forget(entries[mapper].partner);
    int listener = next_listener(&own);
    watch(listener, LISTENER_OF_ONE, mapper);
    entries[mapper].partner = listener;
  } else {
    own.sin_port = htons(LASTING_PORT);
  }
  unsigned char *tower = map_response.bytes + TOWER_OF_RESPONSE;
  memcpy(map_response.bytes + CALL_AT, request->bytes + CALL_AT, HEADER - CALL_AT);
  memcpy(tower, request->bytes + TOWER_OF_REQUEST, TOWER);
  memcpy(tower + PORT, &own.sin_port, sizeof own.sin_port);
  memcpy(tower + HOST, &own.sin_addr, sizeof own.sin_addr);
  send_pdu(mapper, &map_response);
}

static void read_mapper(int fd) {
  struct pdu *p = &entries[fd].pdu;
  int whole = read_pdu(fd, p);
  if (whole < 0) forget(fd);
  if (whole <= 0) return;
  if (p->bytes[TYPE_AT] == BIND) send_pdu(fd, &bind_ack);
  else if (p->bytes[TYPE_AT] == REQUEST && p->length >= TOWER_OF_REQUEST + TOWER) map(fd, p);
  p->length = 0; /* the client waits for each answer */
}

static void send_byte(int listener) {
  int peer = accept(listener, 0, 0);
  if (peer < 0) return;
  if (send(peer, "x", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET) fail("send");
  close(peer); /* the client has closed by then or will reset */
}

static void server(const char *host) {
  struct sockaddr_in where = address(host, MAPPER_PORT), lasting = address(host, LASTING_PORT);
  bind_ack = pdu("05000c03 10000000 3c000000 01000000 b810b810 a2c50000 0400 31333500 0000 01000000 00000000" NDR "0000");
  map_response = pdu("05000203 10000000 98000000 02000000 80000000 00000000" HANDLE
                     "01000000 01000000 00000000 01000000 01000000 4b000000 4b000000" FLOORS(SAMR) "00 00000000");
  epoll_fd = epoll_create1(0);
  int listener = listen_on(&where, 64), lasting_listener = listen_on(&lasting, 64);
  if (epoll_fd < 0 || listener < 0 || lasting_listener < 0) fail("server");
  watch(listener, MAPPER_LISTENER, 0);
  watch(lasting_listener, LASTING_LISTENER, 0);
  for (;;) {
    struct epoll_event ready[64];
    int count = epoll_wait(epoll_fd, ready, 64, -1);
    for (int i = 0; i < count; i++) {
      int fd = ready[i].data.fd, peer;
      switch (entries[fd].kind) {
        case MAPPER_LISTENER:
          if ((peer = accept(fd, 0, 0)) < 0) fail("accept");
          set_option(peer, IPPROTO_TCP, TCP_NODELAY, 1);
          watch(peer, MAPPER, 0);
          break;
        case MAPPER:
          read_mapper(fd);
          break;
        case LISTENER_OF_ONE:
          send_byte(fd);
          forget(fd);
          break;
        case LASTING_LISTENER:
          send_byte(fd);
          break;
        case NOTHING:
          break; /* closed by an earlier event of this batch */
      }
    }
  }
}

/* ---- client ---- */

static void ask(int fd, const struct pdu *question, struct pdu *answer) {
  send_pdu(fd, question);
  answer->length = 0;
  int whole;
  while (!(whole = read_pdu(fd, answer))) {
  }
  if (whole < 0) fail("connection to port 135");
}

/* Where a response says that the service is; port 0 if it does not. */
static struct sockaddr_in found(const struct pdu *response) {
  struct sockaddr_in where = {.sin_family = AF_INET};
  static const unsigned char well[STATUS_BYTES];
  const unsigned char *tower = response->bytes + TOWER_OF_RESPONSE;
  if (response->bytes[TYPE_AT] != RESPONSE || response->length != STATUS + STATUS_BYTES ||
      memcmp(response->bytes + STATUS, well, STATUS_BYTES))
    return where;
  memcpy(&where.sin_port, tower + PORT, sizeof where.sin_port);
  memcpy(&where.sin_addr, tower + HOST, sizeof where.sin_addr);
  return where;
}

static int client(struct sockaddr_in mapper, struct pdu question, int count) {
  struct pdu bind = pdu("05000b03 10000000 48000000 01000000 b810b810 00000000 01000000 00000100"
                        "0883afe11f5dc91191a408002b14a0fa 03000000" NDR "0000");
  struct pdu answer;
  double *times = malloc(count * sizeof *times);
  int fd = connect_to(mapper), good = 0;
  if (fd < 0 || !times) fail("connect");
  ask(fd, &bind, &answer);
  if (answer.bytes[TYPE_AT] != BIND_ACK) fail("bind");
  double begin = now_us();
  for (unsigned i = 0; i < (unsigned)count; i++) {
    double start = now_us();
    memcpy(question.bytes + CALL_AT, &(unsigned){htole32(i + 2)}, HEADER - CALL_AT);
    ask(fd, &question, &answer);
    struct sockaddr_in where = found(&answer);
    if (where.sin_port && read_byte(where)) times[good++] = now_us() - start;
  }
  return print_times(times, good, count, (now_us() - begin) / 1e6);
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "server")) server(argv[2]);
  if (argc == 5 && !strcmp(argv[1], "client")) {
    struct sockaddr_in mapper = address(argv[2], MAPPER_PORT);
    int count = atoi(argv[4]);
    if (count > 0 && !strcmp(argv[3], "cycle")) return client(mapper, pdu(MAP(SAMR)), count);
    if (count > 0 && !strcmp(argv[3], "again")) return client(mapper, pdu(MAP(LSARPC)), count);
  }
  fprintf(stderr, "usage: rpc_peer server ADDRESS | client ADDRESS cycle|again COUNT\n");
  return 2;
}
