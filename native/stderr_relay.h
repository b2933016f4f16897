// Passes what a command writes on standard error on to ours, as if it had written there itself, and keeps the head of
// it.
#pragma once

#include <uv.h>

#include <memory>
#include <string>

#include "descriptor.h"
#include "poll.h"

namespace knockd {

class StderrRelay {
 public:
  // Null where it can't be had: no descriptor is left, or there is no /proc.
  static std::unique_ptr<StderrRelay> Open(uv_loop_t* loop);
  ~StderrRelay();

  // What becomes the command's standard error.
  int command_end() const { return command_end_.Get(); }

  // The command's shell has ended: returns the head of what it wrote. Programs that it has left running may go on
  // writing for as long as they live. The relay passes that on too, and owns itself until then; it never holds them up
  // or ends them, even when this process ends.
  static std::string Finish(std::unique_ptr<StderrRelay> relay);

 private:
  StderrRelay() = default;
  void Read();
  void Write();
  void PassOn();
  static void OnEvent(void* self);

  // The poll ends before the descriptor: members are destroyed in reverse order.
  Descriptor our_end_;
  Descriptor command_end_;
  Poll poll_;
  LoopTimer timer_;
  bool at_end_ = false;        // nobody can write any more
  bool left_running_ = false;  // nobody but us keeps this object
  std::string head_;
  std::string waiting_;  // for room on our standard error
};

}  // namespace knockd
