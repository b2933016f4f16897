// Changes nf_tables over nfnetlink. src/firewall/ makes and reads the messages.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

#include "descriptor.h"

namespace knockd {

// Opens a socket that receives the messages of these groups. Throws with the system's message.
Descriptor OpenNftables(Napi::Env env, unsigned groups = 0);

// One socket. It owns our table until it is closed.
class NftSocket : public Napi::ObjectWrap<NftSocket> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit NftSocket(const Napi::CallbackInfo& info);
  ~NftSocket() override;

  // Sends a batch. Returns 0 or errno.
  int Transact(const uint8_t* batch, size_t length);

 private:
  Napi::Value Port(const Napi::CallbackInfo& info);
  Napi::Value Transact(const Napi::CallbackInfo& info);
  void Expect(const Napi::CallbackInfo& info);
  Napi::Value TakeExpected(const Napi::CallbackInfo& info);
  Napi::Value Ask(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  bool Send(const uint8_t* data, size_t length);

  Descriptor socket_;
  size_t send_room_ = 0;
};

}  // namespace knockd
