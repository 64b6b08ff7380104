/* A load generator that is not the bottleneck: both ends of a relay in one thread, one epoll.
 *
 *   load MODE --connect PORT --upstream PORT
 *        [--connections N] [--size BYTES] [--seconds S] [--idle N] [--every-ms MS]
 *
 * It listens on the upstream port, connects through the relay to itself, and prints one line of JSON.
 * With --connect equal to --upstream there is no relay: the physical limit.
 *
 *   pingpong   each connection sends SIZE bytes, waits until they came back, and again; round trips
 *   bulk       each connection sends all it can; the upstream throws it away (MSG_TRUNC: no copy) and counts
 *   connect    N at a time: connect, one byte there and back, close; how many a second
 *   idle       opens --idle connections, says so, and holds them until its standard input ends
 *   paced      SIZE bytes once through one connection, timed from the first sent to the last at the upstream
 *   oneway     each connection sends SIZE bytes every MS, never two at a time, and all take turns evenly; the
 *              samples are trips in one direction, from the send to the upstream's last byte.  At fixed times,
 *              not as soon as the last arrived: messages that met once would travel together ever after
 *
 * --idle N opens that many connections first, one byte there and back on each, and leaves them open.
 *
 * "seconds", "count" and "bytes" leave out the first WARM_UP_MS (except paced); the "total_" ones do not, and go
 * with the CPU time of the relay from start to end.  Loopback only. Ends by itself after --seconds, or with a line on standard error and status 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST_EVENTS = 512, BULK_BYTES = 256 * 1024, MOST_SAMPLES = 8 * 1024 * 1024, WARM_UP_MS = 300,
       MOST_SECONDS_TO_OPEN = 60 };

enum role { LISTENER, SERVER, CLIENT, TIMER };

/* What a message of oneway begins with: one process is both ends, so one clock times the trip. */
struct stamp {
    uint64_t sent_ns;
    uint32_t connection;
};

struct peer {
    enum role role;
    int fd;
    int is_connected;
    int is_idle;       /* opened to be there; its one byte proves that the whole way is open */
    size_t left;       /* of the message under way: bytes still to come */
    uint64_t sent_ns;  /* when that message was sent */
    size_t got;        /* oneway, at the upstream: bytes of the message that are here */
    struct stamp stamp;
};

static struct {
    const char *mode;
    int connect_port, upstream_port, connections, idle;
    size_t size;
    double seconds, every_ms;
} options = {.connections = 1, .size = 64, .seconds = 2, .every_ms = 60};

static int poller;
static char *payload;
static uint64_t started_ns, warm_ns, stop_ns, count, bytes, total_count, total_bytes, samples_made, last_ns;
static int idle_dialled, idle_open, ready, next_turn;
static struct peer **clients; /* oneway: the clients in the order of their turns */
static uint32_t *samples; /* round trips, in 10 ns: 4 bytes each, up to 42 s */

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int is_mode(const char *mode) { return !strcmp(options.mode, mode); }

/* Bytes only go to the upstream, which throws them away and counts. */
static int is_stream(void) { return is_mode("bulk") || is_mode("paced"); }

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static struct peer *watch(int fd, enum role role, uint32_t events) {
    struct peer *peer = calloc(1, sizeof *peer);
    int on = 1;
    peer->role = role;
    peer->fd = fd;
    if (role == SERVER || role == CLIENT) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = events, .data.ptr = peer};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
    return peer;
}

static void ask_for(struct peer *peer, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = peer};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, peer->fd, &event)) fail("epoll_ctl");
}

static void open_upstream(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in a = loopback(options.upstream_port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (void *)&a, sizeof a) || listen(fd, 4096)) fail("listen");
    watch(fd, LISTENER, EPOLLIN);
}

static void dial(int is_idle) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = loopback(options.connect_port);
    if (fd < 0) fail("socket");
    /* A relay that closes first leaves its ports in TIME_WAIT; ours must not run out of them. */
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (connect(fd, (void *)&a, sizeof a) && errno != EINPROGRESS) fail("connect");
    watch(fd, CLIENT, EPOLLIN | EPOLLOUT)->is_idle = is_idle;
    idle_dialled += is_idle;
}

static void hang_up(struct peer *peer, int reset) {
    struct linger linger = {.l_onoff = reset};
    if (reset) setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(peer->fd);
    free(peer);
}

static void sample(uint64_t sent_ns, uint64_t ns) {
    total_count++;
    last_ns = ns;
    if (sent_ns < warm_ns) return;
    count++;
    if (samples_made < MOST_SAMPLES) samples[samples_made++] = (ns - sent_ns) / 10;
}

/* The idle connections come first, and on them every byte comes back. */
static int is_opening(void) { return idle_open < options.idle; }

static void send_message(struct peer *peer, uint64_t ns) {
    size_t size = peer->is_idle || is_mode("connect") ? 1 : options.size;
    if (send(peer->fd, payload, size, MSG_NOSIGNAL) != (ssize_t)size) fail("a message did not fit the socket");
    peer->left = size;
    peer->sent_ns = ns;
}

/* The timer of oneway ticks connections times in every_ms; each tick is the turn of the next connection. */
static void start_turns(void) {
    uint64_t tick_ns = (uint64_t)(options.every_ms * 1e6 / options.connections);
    struct timespec tick = {tick_ns / 1000000000, tick_ns % 1000000000};
    struct itimerspec ticks = {.it_interval = tick, .it_value = tick};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (fd < 0 || timerfd_settime(fd, 0, &ticks, 0)) fail("timerfd");
    watch(fd, TIMER, EPOLLIN);
}

static void take_turns(struct peer *timer) {
    uint64_t ticks = 0;
    if (read(timer->fd, &ticks, sizeof ticks) < 0) return;
    for (; ticks; ticks--) {
        struct peer *peer = clients[next_turn];
        if (!peer->left) { /* else its last message is still under way */
            struct stamp stamp = {.sent_ns = now_ns(), .connection = next_turn};
            memcpy(payload, &stamp, sizeof stamp);
            send_message(peer, stamp.sent_ns);
        }
        next_turn = (next_turn + 1) % options.connections;
    }
}

static void on_trip(struct peer *server, const char *data, size_t size) {
    uint64_t ns = now_ns();
    while (size) {
        size_t taken = options.size - server->got < size ? options.size - server->got : size;
        if (server->got < sizeof server->stamp) {
            size_t rest = sizeof server->stamp - server->got;
            memcpy((char *)&server->stamp + server->got, data, taken < rest ? taken : rest);
        }
        server->got += taken;
        data += taken;
        size -= taken;
        if (server->got < options.size) return;
        server->got = 0;
        if (server->stamp.connection >= (uint32_t)options.connections) {
            errno = EPROTO;
            fail("a message arrived changed");
        }
        clients[server->stamp.connection]->left = 0;
        sample(server->stamp.sent_ns, ns);
    }
}

/* Bulk has no end; what is paced has size bytes. */
static void send_what_it_takes(struct peer *peer) {
    for (int i = 0; i < 4; i++) {
        size_t size = is_mode("paced") && peer->left < BULK_BYTES ? peer->left : BULK_BYTES;
        ssize_t n = size ? send(peer->fd, payload, size, MSG_NOSIGNAL) : 0;
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) fail("send");
        if (is_mode("paced")) peer->left -= n;
        if (is_mode("paced") && !peer->left) ask_for(peer, EPOLLIN);
        if (n < BULK_BYTES) return;
    }
}

static void serve(struct peer *peer) {
    static char buffer[BULK_BYTES];
    ssize_t n = recv(peer->fd, buffer, sizeof buffer, is_stream() && !is_opening() ? MSG_TRUNC : 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) { hang_up(peer, 0); return; }
    if (is_stream() && !is_opening()) {
        uint64_t ns = now_ns();
        total_bytes += n;
        if (ns >= warm_ns) { bytes += n; last_ns = ns; }
        if (is_mode("paced") && bytes >= options.size) stop_ns = ns;
        return;
    }
    if (is_mode("oneway") && !is_opening()) { on_trip(peer, buffer, n); return; }
    for (ssize_t done = 0; done < n;) {
        ssize_t sent = send(peer->fd, buffer + done, n - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) continue;
        if (sent < 0) { hang_up(peer, 0); return; }
        done += sent;
    }
}

static void on_open(struct peer *peer) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) { errno = error; fail("connect"); }
    peer->is_connected = 1;
    if (is_stream() && !peer->is_idle) {
        peer->left = options.size;
        started_ns = now_ns();
    } else if (is_mode("oneway") && !peer->is_idle) {
        ask_for(peer, EPOLLIN);
        clients[ready++] = peer;
        if (ready == options.connections) start_turns();
    } else {
        ask_for(peer, EPOLLIN);
        send_message(peer, now_ns());
    }
}

static void start_load(void) {
    started_ns = now_ns();
    warm_ns = started_ns + (is_mode("paced") ? 0 : WARM_UP_MS * 1000000ull);
    stop_ns = warm_ns + (uint64_t)(options.seconds * 1e9);
    for (int i = 0; i < options.connections; i++) dial(0);
}

static void on_idle_open(void) {
    idle_open++;
    if (idle_dialled < options.idle) dial(1);
    else if (idle_open == options.idle && is_mode("idle")) stop_ns = 0;
    else if (idle_open == options.idle) start_load();
}

static void on_client(struct peer *peer, uint32_t events) {
    static char buffer[BULK_BYTES];
    if (!peer->is_connected && (events & (EPOLLOUT | EPOLLERR))) on_open(peer);
    if (is_stream() && !peer->is_idle) { send_what_it_takes(peer); return; }
    if (!(events & EPOLLIN)) return;
    ssize_t n = recv(peer->fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) fail("the relay hung up");
    peer->left -= n;
    if (peer->left) return;
    if (peer->is_idle) { on_idle_open(); return; }
    uint64_t ns = now_ns();
    sample(peer->sent_ns, ns);
    if (is_mode("connect")) {
        hang_up(peer, 0);
        if (ns < stop_ns) dial(0);
    } else if (ns < stop_ns) {
        send_message(peer, ns);
    }
}

static void on_listener(struct peer *listener) {
    for (int i = 0; i < 64; i++) {
        int fd = accept4(listener->fd, 0, 0, SOCK_NONBLOCK);
        if (fd < 0) return;
        watch(fd, SERVER, EPOLLIN);
    }
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(double p) {
    return samples_made ? samples[(uint64_t)(p * (samples_made - 1))] / 100.0 : 0;
}

static void print_result(void) {
    double seconds = (last_ns > warm_ns ? last_ns - warm_ns : 1) / 1e9;
    if (is_mode("paced")) seconds = (last_ns - started_ns) / 1e9;
    qsort(samples, samples_made, sizeof *samples, by_size);
    printf("{\"idle\": %d, \"count\": %lu, \"bytes\": %lu, \"total_count\": %lu, \"total_bytes\": %lu, \"seconds\": %.6f, "
           "\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"min_us\": %.2f, \"max_us\": %.2f}\n",
           idle_open, count, bytes, total_count, total_bytes, seconds, percentile_us(.5), percentile_us(.99),
           percentile_us(.999), percentile_us(0), percentile_us(1));
}

/* A generator that polls must not share a core with the relay that it measures. */
static void take_a_core(void) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
}

static void read_options(int argc, char **argv) {
    if (argc < 2) { fprintf(stderr, "load: say a mode; the source's first lines list them\n"); exit(2); }
    options.mode = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--connect")) options.connect_port = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--upstream")) options.upstream_port = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--connections")) options.connections = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--size")) options.size = strtoul(argv[i + 1], 0, 10);
        else if (!strcmp(argv[i], "--seconds")) options.seconds = atof(argv[i + 1]);
        else if (!strcmp(argv[i], "--every-ms")) options.every_ms = atof(argv[i + 1]);
        else if (!strcmp(argv[i], "--idle")) options.idle = atoi(argv[i + 1]);
        else { fprintf(stderr, "load: unknown option %s\n", argv[i]); exit(2); }
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    if (is_mode("oneway") && options.size < sizeof(struct stamp)) {
        fprintf(stderr, "load: oneway needs messages of %zu bytes or more\n", sizeof(struct stamp));
        return 2;
    }
    if (is_mode("oneway")) take_a_core();
    poller = epoll_create1(0);
    payload = calloc(1, options.size > BULK_BYTES ? options.size : BULK_BYTES);
    clients = calloc(options.connections, sizeof *clients);
    samples = malloc(sizeof *samples * MOST_SAMPLES);
    open_upstream();
    stop_ns = now_ns() + MOST_SECONDS_TO_OPEN * 1000000000ull;
    if (options.idle) for (int i = 0; i < 32 && i < options.idle; i++) dial(1);
    else start_load();
    struct epoll_event events[MOST_EVENTS];
    while (now_ns() < stop_ns) {
        /* oneway never sleeps: on the direct path it would not, either, and waking up takes longer than the trip. */
        int n = epoll_wait(poller, events, MOST_EVENTS, is_mode("oneway") ? 0 : 100);
        for (int i = 0; i < n; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer->role == LISTENER) on_listener(peer);
            else if (peer->role == TIMER) take_turns(peer);
            else if (peer->role == SERVER) serve(peer);
            else on_client(peer, events[i].events);
        }
    }
    print_result();
    fflush(stdout);
    if (is_mode("idle")) while (getchar() != EOF) {}
    return 0;
}
