#include "netlink_links.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "callback.h"
#include "netlink.h"

namespace knockd {
namespace {

// How often to ask again if the kernel says that a change has disturbed the dump.
constexpr int kMaxTries = 8;

// Gets all entries of one kind (RTM_GET*). `begin` discards what a disturbed dump has returned.
void DumpAll(int type, const std::function<void()>& begin, const TakeMessage& take) {
  struct {
    nlmsghdr header;
    rtgenmsg body;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
  request.header.nlmsg_type = static_cast<uint16_t>(type);
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = 1;
  request.body.rtgen_family = AF_UNSPEC;
  for (int tries = 0; tries < kMaxTries; tries++) {
    begin();
    if (Dump(NETLINK_ROUTE, &request.header, take)) return;
  }
}

Napi::Array Links(Napi::Env env) {
  Napi::Array links;
  DumpAll(
      RTM_GETLINK, [&] { links = Napi::Array::New(env); },
      [&](const nlmsghdr* message) {
        if (message->nlmsg_type != RTM_NEWLINK) return;
        const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
        Napi::Object found = Napi::Object::New(env);
        found["index"] = Napi::Number::New(env, link->ifi_index);
        found["up"] = Napi::Boolean::New(env, (link->ifi_flags & IFF_UP) != 0);
        Napi::Array altnames = Napi::Array::New(env);
        EachAttribute(message, sizeof *link, [&](const rtattr* one) {
          if (one->rta_type == IFLA_IFNAME) {
            found["name"] = Napi::String::New(env, static_cast<const char*>(RTA_DATA(one)));
          }
          if ((one->rta_type & NLA_TYPE_MASK) != IFLA_PROP_LIST) return;
          EachNested(one, [&](const rtattr* property) {
            if (property->rta_type != IFLA_ALT_IFNAME) return;
            altnames[altnames.Length()] = Napi::String::New(env, static_cast<const char*>(RTA_DATA(property)));
          });
        });
        if (altnames.Length() > 0) found["altnames"] = altnames;
        links[links.Length()] = found;
      });
  return links;
}

Napi::Array Addresses(Napi::Env env) {
  Napi::Array addresses;
  DumpAll(
      RTM_GETADDR, [&] { addresses = Napi::Array::New(env); },
      [&](const nlmsghdr* message) {
        if (message->nlmsg_type != RTM_NEWADDR) return;
        const auto* address = static_cast<const ifaddrmsg*>(NLMSG_DATA(message));
        const size_t length = address->ifa_family == AF_INET ? 4 : address->ifa_family == AF_INET6 ? 16 : 0;
        const void *local = nullptr, *plain = nullptr, *broadcast = nullptr;
        const char* label = nullptr;
        EachAttribute(message, sizeof *address, [&](const rtattr* one) {
          if (one->rta_type == IFA_LABEL) label = static_cast<const char*>(RTA_DATA(one));
          if (RTA_PAYLOAD(one) < length) return;
          if (one->rta_type == IFA_LOCAL) local = RTA_DATA(one);
          if (one->rta_type == IFA_ADDRESS) plain = RTA_DATA(one);
          if (one->rta_type == IFA_BROADCAST) broadcast = RTA_DATA(one);
        });
        // On a point-to-point link, IFA_ADDRESS is the address of the other end.
        const void* bytes = local != nullptr ? local : plain;
        char text[INET6_ADDRSTRLEN];
        if (length == 0 || bytes == nullptr || inet_ntop(address->ifa_family, bytes, text, sizeof text) == nullptr) {
          return;
        }
        Napi::Object found = Napi::Object::New(env);
        found["index"] = Napi::Number::New(env, address->ifa_index);
        found["address"] = Napi::String::New(env, text);
        if (label != nullptr) found["label"] = Napi::String::New(env, label);
        // The kernel treats the network's last address as a broadcast, even if none is configured.
        in_addr last;
        const bool is_network = address->ifa_family == AF_INET && address->ifa_prefixlen < 31 && plain != nullptr;
        if (broadcast == nullptr && is_network && std::memcmp(bytes, plain, sizeof last) == 0) {
          std::memcpy(&last, bytes, sizeof last);
          last.s_addr |= htonl(0xffffffffu >> address->ifa_prefixlen);
          broadcast = &last;
        }
        if (broadcast != nullptr && inet_ntop(address->ifa_family, broadcast, text, sizeof text) != nullptr) {
          found["broadcast"] = Napi::String::New(env, text);
        }
        addresses[addresses.Length()] = found;
      });
  return addresses;
}

// The interfaces of the default routes, of both families.
Napi::Array Defaults(Napi::Env env) {
  Napi::Array defaults;
  const auto add = [&](int index) { defaults[defaults.Length()] = Napi::Number::New(env, index); };
  DumpAll(
      RTM_GETROUTE, [&] { defaults = Napi::Array::New(env); },
      [&](const nlmsghdr* message) {
        if (message->nlmsg_type != RTM_NEWROUTE) return;
        const auto* route = static_cast<const rtmsg*>(NLMSG_DATA(message));
        const bool ip = route->rtm_family == AF_INET || route->rtm_family == AF_INET6;
        if (!ip || route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST || route->rtm_table != RT_TABLE_MAIN) {
          return;
        }
        EachAttribute(message, sizeof *route, [&](const rtattr* one) {
          if (one->rta_type == RTA_OIF) add(*static_cast<const int*>(RTA_DATA(one)));
          if (one->rta_type != RTA_MULTIPATH) return;
          int left = static_cast<int>(RTA_PAYLOAD(one));
          for (auto* hop = static_cast<const rtnexthop*>(RTA_DATA(one)); RTNH_OK(hop, left);) {
            add(hop->rtnh_ifindex);
            left -= static_cast<int>(RTNH_ALIGN(hop->rtnh_len));
            hop = RTNH_NEXT(hop);
          }
        });
      });
  return defaults;
}

}  // namespace

Napi::Value Snapshot(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  try {
    Napi::Object result = Napi::Object::New(env);
    result["links"] = Links(env);
    result["addresses"] = Addresses(env);
    result["defaults"] = info[0].ToBoolean().Value() ? Defaults(env) : Napi::Array::New(env);
    return result;
  } catch (const NetlinkError& error) {
    throw Napi::Error::New(env, error.Text());
  }
}

Napi::Function LinkWatch::Define(Napi::Env env) {
  return DefineClass(env, "LinkWatch", {InstanceMethod<&LinkWatch::Close>("close")});
}

LinkWatch::LinkWatch(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LinkWatch>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "LinkWatch takes a function");
  unsigned groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (info[1].ToBoolean().Value()) groups |= RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  try {
    socket_ = OpenNetlink(NETLINK_ROUTE, groups);
  } catch (const NetlinkError& error) {
    throw Napi::Error::New(env, error.Text());
  }
  const int status = poll_.Open(EventLoop(env), socket_.Get(), this, OnReadable);
  if (status != 0) throw Napi::Error::New(env, uv_strerror(status));
  on_change_ = Napi::Persistent(info[0].As<Napi::Function>());
  Ref();  // what is being polled must not be collected
}

void LinkWatch::Close(const Napi::CallbackInfo&) {
  if (!poll_.IsOpen()) return;
  poll_.Close();
  socket_.Reset();
  on_change_.Reset();
  Unref();
}

// Also called after ENOBUFS (too many changes for us): the socket still works.
void LinkWatch::OnReadable(void* pointer) {
  LinkWatch* self = static_cast<LinkWatch*>(pointer);
  const Napi::HandleScope scope(self->Env());
  char buffer[16384];
  for (int reads = 0; reads < 1024; reads++) {
    const ssize_t got = recv(self->socket_.Get(), buffer, sizeof buffer, MSG_TRUNC);
    if (got < 0 && errno != ENOBUFS && errno != EINTR) break;  // nothing more waits
  }
  const Napi::Function on_change = self->on_change_.Value();
  CallBack(self->Value(), on_change);
}

}  // namespace knockd
