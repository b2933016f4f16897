#include "notify.h"

#include <sys/socket.h>

#include <string>

#include "unix_socket.h"

namespace knockd {

Napi::Value Notify(const Napi::CallbackInfo& info) {
  const std::string path = info[0].ToString().Utf8Value();
  const std::string text = info[1].ToString().Utf8Value();
  Descriptor socket;
  const bool sent =
      Connect(&socket, SOCK_DGRAM, path) == 0 && send(socket.Get(), text.data(), text.size(), MSG_NOSIGNAL) >= 0;
  return Napi::Boolean::New(info.Env(), sent);
}

}  // namespace knockd
