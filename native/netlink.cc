#include "netlink.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace knockd {
namespace {

// A dump that the kernel says was disturbed is asked for again, so often.
constexpr int kMostTries = 8;

[[noreturn]] void Fail(const char* what) { throw Failure{std::string(what) + ": " + strerror(errno)}; }

// One dump. False when it was disturbed by a change.
bool DumpOnce(int type, const std::function<void(const nlmsghdr*)>& take) {
  struct Socket {
    int fd = OpenSocket(0);
    ~Socket() { close(fd); }
  } netlink;
  struct {
    nlmsghdr header;
    rtgenmsg body;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
  request.header.nlmsg_type = static_cast<uint16_t>(type);
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = 1;
  request.body.rtgen_family = AF_UNSPEC;
  if (send(netlink.fd, &request, request.header.nlmsg_len, 0) < 0) Fail("netlink");
  bool whole = true;
  std::vector<char> buffer(65536);
  for (;;) {
    // The kernel makes each part of a dump while it is asked for it: this never has to wait.
    const ssize_t got = recv(netlink.fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) Fail("netlink");
    int left = static_cast<int>(got);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) whole = false;
      if (message->nlmsg_type == NLMSG_DONE) return whole;
      if (message->nlmsg_type == NLMSG_ERROR) {
        errno = -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
        Fail("netlink");
      }
      take(message);
    }
  }
}

}  // namespace

int OpenSocket(unsigned groups) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) Fail("netlink");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    Fail("netlink");
  }
  return fd;
}

void EachAttribute(const nlmsghdr* message, size_t fixed, const std::function<void(const rtattr*)>& take) {
  const char* data = static_cast<const char*>(NLMSG_DATA(message));
  int left = static_cast<int>(message->nlmsg_len) - static_cast<int>(NLMSG_SPACE(fixed));
  for (auto* one = reinterpret_cast<const rtattr*>(data + NLMSG_ALIGN(fixed)); RTA_OK(one, left);
       one = RTA_NEXT(one, left)) {
    take(one);
  }
}

void Dump(int type, const std::function<void()>& begin, const std::function<void(const nlmsghdr*)>& take) {
  for (int tries = 0; tries < kMostTries; tries++) {
    begin();
    if (DumpOnce(type, take)) return;
  }
}

}  // namespace knockd
