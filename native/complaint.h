// What a command writes on standard error: passed on to ours, as if it had written there itself, and the first of it
// kept.
#pragma once

#include <uv.h>

#include <memory>
#include <string>

namespace knockd {

class Complaint {
 public:
  struct Closer {
    void operator()(Complaint* complaint) const { complaint->Close(); }
  };
  using Pointer = std::unique_ptr<Complaint, Closer>;

  // Null where it can't be had: no descriptor is left, or there is no /proc.
  static Pointer Open(uv_loop_t* loop);

  // What becomes the command's standard error.
  int command_end() const { return command_end_; }

  // The command's shell has ended: the first of what it wrote. What it has left running may write on for as long as it
  // lives: that is passed on too, and never holds it up, nor ends it, whatever becomes of this process.
  static std::string Take(Pointer complaint);

 private:
  Complaint() = default;
  ~Complaint() = default;
  void Read();
  void Write();
  void PassOn();
  void Close();
  static void OnReadable(uv_poll_t* poll, int status, int events);
  static void OnTimer(uv_timer_t* timer);
  static void OnClosed(uv_handle_t* handle);

  uv_poll_t poll_{};
  uv_timer_t timer_{};
  int handles_ = 0;  // those that are not closed yet
  int our_end_ = -1;
  int command_end_ = -1;
  bool at_end_ = false;        // nobody can write any more
  bool left_running_ = false;  // nobody but us keeps this object
  std::string first_;
  std::string waiting_;  // for room on our standard error
};

}  // namespace knockd
