// libuv's handles with one owner each. libuv uses the memory of a handle until its close callback has run, and that is
// after the owner has released it. So each handle is a block of its own, and that callback frees it.
#pragma once

#include <uv.h>

#include <memory>

namespace knockd {

template <typename Handle>
struct CloseHandle {
  void operator()(Handle* handle) const {
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
};

// Calls back whenever a descriptor is readable. The descriptor belongs to somebody else, who may close it as soon as
// this poll is stopped or closed (uv_poll_stop).
class Poll {
 public:
  using Callback = void (*)(void* owner);

  // Returns 0, or libuv's error. An error of the descriptor counts as readable: the read that follows returns it.
  int Open(uv_loop_t* loop, int fd, void* owner, Callback callback) {
    auto handle = std::make_unique<Shared>();
    const int status = uv_poll_init(loop, &handle->poll, fd);
    if (status != 0) return status;
    handle->owner = owner;
    handle->callback = callback;
    handle_.reset(handle.release());
    Start();
    return 0;
  }
  bool IsOpen() const { return handle_ != nullptr; }
  // Fails only for a handle that is closing.
  void Start() { uv_poll_start(&handle_->poll, UV_READABLE, OnPoll); }
  void Stop() { uv_poll_stop(&handle_->poll); }
  // The event loop may end without waiting for this handle.
  void Unref() { uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->poll)); }
  // May be called in the callback.
  void Close() { handle_.reset(); }

 private:
  struct Shared {
    uv_poll_t poll;  // the first member: libuv's pointer is ours
    void* owner;
    Callback callback;
  };

  static void OnPoll(uv_poll_t* poll, int status, int) {
    Shared* shared = reinterpret_cast<Shared*>(poll);
    // On POLLERR, libuv has stopped the poll by itself.
    if (status < 0) uv_poll_start(poll, UV_READABLE, OnPoll);
    shared->callback(shared->owner);
  }

  std::unique_ptr<Shared, CloseHandle<Shared>> handle_;
};

// Calls back after a time, once or again and again.
class LoopTimer {
 public:
  using Callback = void (*)(void* owner);

  void Open(uv_loop_t* loop, void* owner, Callback callback) {
    handle_.reset(new Shared{});
    uv_timer_init(loop, &handle_->timer);
    handle_->owner = owner;
    handle_->callback = callback;
  }
  bool IsOpen() const { return handle_ != nullptr; }
  // repeat_ms 0: once.
  void Start(uint64_t after_ms, uint64_t repeat_ms) { uv_timer_start(&handle_->timer, OnTimer, after_ms, repeat_ms); }

 private:
  struct Shared {
    uv_timer_t timer;
    void* owner;
    Callback callback;
  };

  static void OnTimer(uv_timer_t* timer) {
    Shared* shared = reinterpret_cast<Shared*>(timer);
    shared->callback(shared->owner);
  }

  std::unique_ptr<Shared, CloseHandle<Shared>> handle_;
};

}  // namespace knockd
