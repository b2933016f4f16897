#include "ports.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace knockd {
namespace {

// Sets of enum tcp_state: TCP sockets that listen; UDP sockets that are bound, connected to nobody or to somebody.
constexpr uint32_t kListening = 1u << 10, kBound = 1u << 7 | 1u << 1;

struct Socket {
  int fd;
  ~Socket() {
    if (fd >= 0) close(fd);
  }
};

// sock_diag(7) walks the listening sockets alone; /proc/net/tcp would print every connection. False: see errno.
bool AddPorts(int family, int protocol, uint32_t states, Napi::Array* ports) {
  const Socket netlink{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG)};
  struct {
    nlmsghdr header;
    inet_diag_req_v2 body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = static_cast<uint8_t>(family);
  request.body.sdiag_protocol = static_cast<uint8_t>(protocol);
  request.body.idiag_states = states;
  if (netlink.fd < 0 || send(netlink.fd, &request, sizeof request, 0) < 0) return false;
  std::vector<char> buffer(32768);
  for (;;) {
    const ssize_t got = recv(netlink.fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    int left = static_cast<int>(got);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return true;
      if (message->nlmsg_type == NLMSG_ERROR) {
        errno = -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
        return errno == ENOENT;  // a kernel without IPv6, or without this protocol's part: none listen
      }
      const auto* found = static_cast<const inet_diag_msg*>(NLMSG_DATA(message));
      (*ports)[ports->Length()] = Napi::Number::New(ports->Env(), ntohs(found->id.idiag_sport));
    }
  }
}

}  // namespace

Napi::Value ListeningPorts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  Napi::Array tcp = Napi::Array::New(env), udp = Napi::Array::New(env);
  for (const int family : {AF_INET, AF_INET6}) {
    if (!AddPorts(family, IPPROTO_TCP, kListening, &tcp) || !AddPorts(family, IPPROTO_UDP, kBound, &udp)) {
      throw Napi::Error::New(env, std::string("sock_diag: ") + strerror(errno));
    }
  }
  result["tcp"] = tcp;
  result["udp"] = udp;
  return result;
}

}  // namespace knockd
