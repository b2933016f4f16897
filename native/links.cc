#include "links.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace knockd {

Napi::Value Addresses(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].ToString().Utf8Value();
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) throw Napi::Error::New(env, std::string("getifaddrs: ") + strerror(errno));
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first, freeifaddrs);

  Napi::Array found = Napi::Array::New(env);
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const std::string label = entry->ifa_name;
    if (label != name && label.compare(0, name.size() + 1, name + ":") != 0) continue;
    char text[INET6_ADDRSTRLEN];
    const int family = entry->ifa_addr->sa_family;
    const void* bytes;
    if (family == AF_INET) {
      bytes = &reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr;
    } else if (family == AF_INET6) {
      bytes = &reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr;
    } else {
      continue;
    }
    if (inet_ntop(family, bytes, text, sizeof text) != nullptr) found[found.Length()] = Napi::String::New(env, text);
  }
  return found;
}

}  // namespace knockd
