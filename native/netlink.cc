#include "netlink.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace knockd {
namespace {

// The kernel sends messages of at most 32 KiB in a dump; a larger buffer saves calls.
constexpr size_t kBufferSize = 65536;

[[noreturn]] void Fail(int code) { throw NetlinkError{code}; }

}  // namespace

std::string NetlinkError::Text() const { return std::string("netlink: ") + strerror(code); }

Descriptor OpenNetlink(int protocol, unsigned groups) {
  Descriptor netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!netlink) Fail(errno);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(netlink.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) Fail(errno);
  return netlink;
}

bool Dump(int protocol, const nlmsghdr* request, const TakeMessage& take) {
  const Descriptor netlink = OpenNetlink(protocol);
  if (send(netlink.Get(), request, request->nlmsg_len, 0) < 0) Fail(errno);
  bool whole = true;
  std::vector<char> buffer(kBufferSize);
  for (;;) {
    // The kernel makes each part of a dump when it is asked for it, so this never has to wait.
    const ssize_t got = recv(netlink.Get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) Fail(errno);
    int left = static_cast<int>(got);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) whole = false;
      if (message->nlmsg_type == NLMSG_DONE) return whole;
      if (message->nlmsg_type == NLMSG_ERROR) Fail(-static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error);
      take(message);
    }
  }
}

void EachAttribute(const nlmsghdr* message, size_t fixed, const TakeAttribute& take) {
  const char* data = static_cast<const char*>(NLMSG_DATA(message));
  int left = static_cast<int>(message->nlmsg_len) - static_cast<int>(NLMSG_SPACE(fixed));
  for (auto* one = reinterpret_cast<const rtattr*>(data + NLMSG_ALIGN(fixed)); RTA_OK(one, left);
       one = RTA_NEXT(one, left)) {
    take(one);
  }
}

void EachNested(const rtattr* outer, const TakeAttribute& take) {
  int left = static_cast<int>(RTA_PAYLOAD(outer));
  for (auto* one = static_cast<const rtattr*>(RTA_DATA(outer)); RTA_OK(one, left); one = RTA_NEXT(one, left)) take(one);
}

}  // namespace knockd
