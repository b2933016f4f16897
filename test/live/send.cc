// Puts frames on an interface, raw: knocks at their exact times, or as many as go through.
//   send frames IFACE                          records on standard input, each sent at its time; prints when each
//                                              left, CLOCK_MONOTONIC in nanoseconds
//   send flood IFACE COUNT RATE VARY           COUNT frames at RATE per second (0: full speed), the records in turn;
//                                              VARY: none | source (address counts up) | port (source port, seq count
//                                              up)
// A record: u32le microseconds since the start, u16le length, the frame's bytes.
// Checksums are left as they are: the receivers are packet sockets.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

constexpr uint64_t kSecond = 1000000000;
constexpr uint64_t kMostFrames = 10000000;
constexpr size_t kBatch = 64;
constexpr uint64_t kPatience = 10 * kSecond;  // without one frame getting through, before we give up

struct Record {
  uint32_t at;
  std::vector<uint8_t> bytes;
};

[[noreturn]] void Refuse(const char* why) {
  fprintf(stderr, "send: %s\n", why);
  exit(1);
}

[[noreturn]] void Die(const char* what) {
  fprintf(stderr, "send: %s: %s\n", what, strerror(errno));
  exit(1);
}

uint64_t Now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * kSecond + t.tv_nsec;
}

void SleepUntil(uint64_t when) {
  timespec t = {static_cast<time_t>(when / kSecond), static_cast<long>(when % kSecond)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
  }
}

// Everything is read before the first frame leaves, so that a slow writer delays none of them.
std::vector<Record> ReadRecords() {
  std::vector<Record> records;
  uint8_t head[6];
  while (size_t got = fread(head, 1, sizeof head, stdin)) {
    size_t length = head[4] | head[5] << 8;
    std::vector<uint8_t> bytes(length);
    if (got < sizeof head || length < 14 || fread(bytes.data(), 1, length, stdin) < length) Refuse("bad record");
    records.push_back({head[0] | head[1] << 8 | head[2] << 16 | static_cast<uint32_t>(head[3]) << 24, bytes});
  }
  return records;
}

int Open(const char* interface) {
  sockaddr_ll to = {};
  to.sll_family = AF_PACKET;  // protocol 0: this socket receives nothing
  to.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  if (!to.sll_ifindex) Die(interface);
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) Die("socket");
  if (bind(fd, reinterpret_cast<sockaddr*>(&to), sizeof to)) Die("bind");
  return fd;
}

// The way ahead is full, which is no error: let the receiver run and try again.
void WaitForRoom(uint64_t last_success) {
  if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) Die("sending");
  if (Now() - last_success > kPatience) Refuse("no frame gets through");
  usleep(50);
}

void SendFrames(int fd, const std::vector<Record>& records) {
  std::vector<uint64_t> left;  // told at the end: printing must not delay the next frame
  left.reserve(records.size());
  uint64_t start = Now();
  for (const Record& record : records) {
    SleepUntil(start + record.at * uint64_t{1000});
    left.push_back(Now());
    while (send(fd, record.bytes.data(), record.bytes.size(), 0) < 0) WaitForRoom(left.back());
  }
  printf("[");
  for (size_t i = 0; i < left.size(); i++) printf("%s%llu", i ? "," : "", static_cast<unsigned long long>(left[i]));
  printf("]\n");
}

// Adds to a number in network order, in place.
void Add(uint8_t* bytes, int size, uint64_t more) {
  for (int i = size - 1; i >= 0; i--) {
    more += bytes[i];
    bytes[i] = static_cast<uint8_t>(more);
    more >>= 8;
  }
}

// Where in a template the things that vary are; sizes of 0 are not varied.
struct Places {
  size_t source = 0, ports = 0;
  int source_size = 0, seq_size = 0;
};

Places Find(const std::vector<uint8_t>& frame) {
  auto word = [&](size_t at) { return at + 1 < frame.size() ? frame[at] << 8 | frame[at + 1] : 0; };
  size_t ip = 14;
  while (word(ip - 2) == 0x8100 || word(ip - 2) == 0x88a8) ip += 4;
  Places places;
  uint8_t protocol = 0;
  if (word(ip - 2) == 0x0800 && ip + 20 <= frame.size()) {
    places.source = ip + 13, places.source_size = 3;  // within 10.0.0.0/8
    places.ports = ip + (frame[ip] & 15) * 4;
    protocol = frame[ip + 9];
  } else if (word(ip - 2) == 0x86dd && ip + 40 <= frame.size()) {
    places.source = ip + 16, places.source_size = 8;
    places.ports = ip + 40;
    protocol = frame[ip + 6];
  } else {
    Refuse("a template is neither IPv4 nor IPv6 on Ethernet");
  }
  places.seq_size = protocol == 6 ? 4 : 0;
  if ((protocol != 6 && protocol != 17) || places.ports + 8 > frame.size()) Refuse("a template is neither TCP nor UDP");
  return places;
}

void Vary(const std::string& vary, const Places& places, uint64_t i, uint8_t* frame) {
  if (vary == "source") Add(frame + places.source, places.source_size, i);
  if (vary == "port") {
    Add(frame + places.ports, 2, i);
    Add(frame + places.ports + 4, places.seq_size, i);
  }
}

void Flood(int fd, const std::vector<Record>& templates, uint64_t count, uint64_t rate, const std::string& vary) {
  std::vector<Places> places;
  for (const Record& one : templates) places.push_back(Find(one.bytes));
  int on = 1;
  // Best effort: without it the frames go through the queueing discipline, only slower.
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);

  std::vector<uint8_t> frames[kBatch];
  iovec parts[kBatch];
  mmsghdr messages[kBatch] = {};
  uint64_t start = Now(), last_success = start, sent = 0;
  while (sent < count) {
    uint64_t due = count;
    if (rate) {
      due = std::min(count, (Now() - start) * rate / kSecond + 1);
      if (due <= sent) {
        SleepUntil(start + sent * kSecond / rate + 1);
        continue;
      }
    }
    size_t size = std::min<uint64_t>(kBatch, due - sent);
    for (size_t slot = 0; slot < size; slot++) {
      size_t which = (sent + slot) % templates.size();
      frames[slot] = templates[which].bytes;
      Vary(vary, places[which], sent + slot, frames[slot].data());
      parts[slot] = {frames[slot].data(), frames[slot].size()};
      messages[slot].msg_hdr.msg_iov = &parts[slot];
      messages[slot].msg_hdr.msg_iovlen = 1;
    }
    int went = sendmmsg(fd, messages, static_cast<unsigned>(size), 0);
    if (went > 0) {
      sent += went;
      last_success = Now();
    } else {
      WaitForRoom(last_success);
    }
  }
  printf("{\"sent\":%llu,\"seconds\":%.6f}\n", static_cast<unsigned long long>(sent), (Now() - start) / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  std::string what = argc > 1 ? argv[1] : "";
  prctl(PR_SET_TIMERSLACK, 1);  // else every sleep may end 50 µs late
  if (what == "frames" && argc == 3) {
    SendFrames(Open(argv[2]), ReadRecords());
    return 0;
  }
  if (what == "flood" && argc == 6) {
    uint64_t count = strtoull(argv[3], nullptr, 10), rate = strtoull(argv[4], nullptr, 10);
    std::string vary = argv[5];
    if (count > kMostFrames) Refuse("more than 10000000 frames");
    if (rate > kMostFrames) Refuse("more than 10000000 frames per second: say 0 for full speed");
    if (vary != "none" && vary != "source" && vary != "port") Refuse("VARY is none, source or port");
    std::vector<Record> templates = ReadRecords();
    if (templates.empty()) Refuse("no template");
    Flood(Open(argv[2]), templates, count, rate, vary);
    return 0;
  }
  fputs("usage: send frames IFACE | send flood IFACE COUNT RATE VARY\n", stderr);
  return 2;
}
