#include "timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>

namespace knockd {

bool Timer::Open() {
  descriptor_.Reset(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  return static_cast<bool>(descriptor_);
}

void Timer::Set(int milliseconds) {
  const timespec period{0, milliseconds * 1000000L};
  const itimerspec times{period, period};
  timerfd_settime(descriptor_.Get(), 0, &times, nullptr);  // fails only for invalid times
}

void Timer::Clear() {
  uint64_t times;
  (void)!read(descriptor_.Get(), &times, sizeof times);
}

}  // namespace knockd
