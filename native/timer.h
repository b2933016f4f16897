// A descriptor that is readable every so many milliseconds. Not libuv's timer, which counts whole milliseconds from
// when it was looked at: of that, and of Node's on top of it, packets would wait up to two milliseconds more.
#pragma once

#include "descriptor.h"

namespace knockd {

class Timer {
 public:
  bool Open();  // false and errno when it can't be had
  int descriptor() const { return descriptor_.Get(); }
  void Set(int milliseconds);  // 0: never
  void Clear();                // it is readable no more, until the next time
  void Close() { descriptor_.Reset(); }

 private:
  Descriptor descriptor_;
};

}  // namespace knockd
