// Calls to the kernel that the bench needs and that Node does not have.
//   probe stamp NAME            prints NAME and the time at which this program began, CLOCK_MONOTONIC in nanoseconds
//   probe note NAME             writes the same to the file $KNOCK_LOG, so the command needs no shell
//   probe alone COUNT COMMAND   starts `/bin/sh -c COMMAND` COUNT times, and prints the time before each start
//   probe cpu PID               the processor time of a process, of all its threads, not of its children: nanoseconds
//   probe packets PID           JSON: the longest filter of its packet sockets, and the packets since the last call
#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <string>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

namespace {

using Ull = unsigned long long;

uint64_t Now(clockid_t clock = CLOCK_MONOTONIC) {
  timespec t = {};
  clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

[[noreturn]] void Die(const char* what, int error = errno) {
  fprintf(stderr, "probe: %s: %s\n", what, strerror(error));
  exit(1);
}

// Measures a command without a daemon. No daemon can be faster.
void Alone(int count, char* command) {
  for (int i = 0; i < count; i++) {
    char shell[] = "/bin/sh", option[] = "-c";
    char* argv[] = {shell, option, command, nullptr};
    const uint64_t begun = Now();
    pid_t pid;
    const int error = posix_spawn(&pid, shell, nullptr, nullptr, argv, environ);
    if (error) Die("posix_spawn", error);
    waitpid(pid, nullptr, 0);
    printf("%llu\n", static_cast<Ull>(begun));
    usleep(50000);  // a daemon also starts its commands after some sleep
  }
}

struct Sockets {
  unsigned filter = 0;  // instructions of the longest filter
  uint64_t received = 0, dropped = 0;
};

// Only a process that has the socket can read its counters, so duplicate the descriptor. Reading sets them to 0.
void Ask(int fd, Sockets* sum) {
  int domain = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || domain != AF_PACKET) return;
  socklen_t instructions = 0;
  getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &instructions);
  if (instructions > sum->filter) sum->filter = instructions;
  tpacket_stats_v3 stats = {};  // the longest answer of the kernel; every version begins with the same two fields
  size = sizeof stats;
  if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size)) Die("PACKET_STATISTICS");
  sum->received += stats.tp_packets - stats.tp_drops;
  sum->dropped += stats.tp_drops;
}

void Cpu(pid_t pid) {
  clockid_t clock;
  const int error = clock_getcpuclockid(pid, &clock);
  if (error) Die("clock_getcpuclockid", error);
  printf("%llu\n", static_cast<Ull>(Now(clock)));
}

void Packets(pid_t pid) {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) Die("pidfd_open");
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  DIR* listing = opendir(path.c_str());
  if (!listing) Die(path.c_str());
  Sockets sum;
  while (const dirent* entry = readdir(listing)) {
    char target[64] = "";
    if (readlinkat(dirfd(listing), entry->d_name, target, sizeof target - 1) < 0) continue;
    if (strncmp(target, "socket:", 7) != 0) continue;
    const int fd = static_cast<int>(syscall(SYS_pidfd_getfd, process, atoi(entry->d_name), 0));
    if (fd < 0 && errno == EBADF) continue;  // closed meanwhile
    if (fd < 0) Die("pidfd_getfd");
    Ask(fd, &sum);
    close(fd);
  }
  printf("{\"filter\":%u,\"received\":%llu,\"dropped\":%llu}\n", sum.filter, static_cast<Ull>(sum.received),
         static_cast<Ull>(sum.dropped));
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t begun = Now();
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "stamp" && argc == 3) {
    printf("%s %llu\n", argv[2], static_cast<Ull>(begun));
  } else if (what == "note" && argc == 3) {
    const char* path = getenv("KNOCK_LOG");
    FILE* log = path ? fopen(path, "a") : nullptr;
    if (!log) Die("KNOCK_LOG");
    fprintf(log, "%s %llu\n", argv[2], static_cast<Ull>(begun));
    fclose(log);
  } else if (what == "alone" && argc == 4) {
    Alone(atoi(argv[2]), argv[3]);
  } else if (what == "cpu" && argc == 3) {
    Cpu(atoi(argv[2]));
  } else if (what == "packets" && argc == 3) {
    Packets(atoi(argv[2]));
  } else {
    fputs("usage: probe stamp NAME | probe note NAME | probe alone COUNT COMMAND | probe cpu PID | probe packets PID\n",
          stderr);
    return 2;
  }
  return 0;
}
