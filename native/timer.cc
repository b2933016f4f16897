#include "timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>

namespace knockd {

bool Timer::Open() {
  descriptor_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  return descriptor_ >= 0;
}

void Timer::Set(int milliseconds) {
  const timespec period{0, milliseconds * 1000000L};
  const itimerspec times{period, period};
  timerfd_settime(descriptor_, 0, &times, nullptr);  // fails only for times that are none
}

void Timer::Clear() {
  uint64_t times;
  (void)!read(descriptor_, &times, sizeof times);
}

void Timer::Close() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

}  // namespace knockd
