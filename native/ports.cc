#include "ports.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "netlink.h"

namespace knockd {
namespace {

// Sets of enum tcp_state: listening TCP sockets; bound UDP sockets, connected or not.
constexpr uint32_t kListening = 1u << 10, kBound = 1u << 7 | 1u << 1;

// sock_diag(7) walks only the listening sockets. /proc/net/tcp would print every connection.
void AddPorts(int family, int protocol, uint32_t states, Napi::Array* ports) {
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
  try {
    Dump(NETLINK_SOCK_DIAG, &request.header, [&](const nlmsghdr* message) {
      const auto* found = static_cast<const inet_diag_msg*>(NLMSG_DATA(message));
      (*ports)[ports->Length()] = Napi::Number::New(ports->Env(), ntohs(found->id.idiag_sport));
    });
  } catch (const NetlinkError& error) {
    // The kernel has no IPv6 or lacks this protocol's module: nothing listens.
    if (error.code != ENOENT) throw Napi::Error::New(ports->Env(), std::string("sock_diag: ") + strerror(error.code));
  }
}

}  // namespace

Napi::Value ListeningPorts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  Napi::Array tcp = Napi::Array::New(env), udp = Napi::Array::New(env);
  for (const int family : {AF_INET, AF_INET6}) {
    AddPorts(family, IPPROTO_TCP, kListening, &tcp);
    AddPorts(family, IPPROTO_UDP, kBound, &udp);
  }
  result["tcp"] = tcp;
  result["udp"] = udp;
  return result;
}

}  // namespace knockd
