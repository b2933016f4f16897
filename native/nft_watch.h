// Receives notifications of changes of nf_tables, over nfnetlink. src/firewall/ reads the messages.
#pragma once

#include <napi.h>

#include "descriptor.h"
#include "poll.h"

namespace knockd {

// Reports the changes that any process makes.
class NftWatch : public Napi::ObjectWrap<NftWatch> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit NftWatch(const Napi::CallbackInfo& info);

 private:
  void Close(const Napi::CallbackInfo& info);
  static void OnReadable(void* self);

  // The poll ends before the socket: members are destroyed in reverse order.
  Descriptor socket_;
  Poll poll_;
  Napi::FunctionReference on_change_;
};

}  // namespace knockd
