// Passes a command's standard error on to ours, as if the command had written there itself, and keeps the beginning.
#pragma once

#include <uv.h>

#include <memory>
#include <string>

#include "descriptor.h"
#include "poll.h"

namespace knockd {

class StderrRelay {
 public:
  // Null if it cannot be made: no descriptor is left, or there is no /proc.
  static std::unique_ptr<StderrRelay> Open(uv_loop_t* loop);
  ~StderrRelay();

  // The descriptor for the command's standard error.
  int command_end() const { return command_end_.Get(); }

  // Call it when the command's shell has ended. Returns the beginning of what it wrote. Programs that the shell has
  // left running may go on writing. The relay passes that on, too, and owns itself until they end. It never delays or
  // ends them, even if this process ends.
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
  bool at_end_ = false;        // no process can write any more
  bool left_running_ = false;  // nobody but us keeps this object
  std::string head_;
  std::string waiting_;  // text that waits for room on our standard error
};

}  // namespace knockd
