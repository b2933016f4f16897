// Calls JavaScript from the event loop, outside of any call that came from JavaScript.
#pragma once

#include <napi.h>
#include <uv.h>

#include <initializer_list>

namespace knockd {

// An exception of the function is an uncaught exception. The caller opens the HandleScope.
inline void CallBack(napi_value receiver, const Napi::Function& function,
                     std::initializer_list<napi_value> arguments = {}) {
  const Napi::Env env = function.Env();
  napi_value result;
  if (napi_make_callback(env, nullptr, receiver, function, arguments.size(), arguments.begin(), &result) !=
      napi_pending_exception) {
    return;
  }
  napi_value error;
  napi_get_and_clear_last_exception(env, &error);
  napi_fatal_exception(env, error);
}

// Node's own event loop. Throws if there is none.
inline uv_loop_t* EventLoop(Napi::Env env) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env, "no event loop");
  return loop;
}

}  // namespace knockd
