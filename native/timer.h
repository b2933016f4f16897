// A descriptor that becomes readable at an interval of milliseconds. libuv's timer counts whole milliseconds, and so
// does Node's above it: with them, packets would wait up to two milliseconds longer.
#pragma once

#include "descriptor.h"

namespace knockd {

class Timer {
 public:
  bool Open();  // returns false and sets errno if it fails
  int descriptor() const { return descriptor_.Get(); }
  void Set(int milliseconds);  // 0: never
  void Clear();                // not readable any more, until the next interval is over
  void Close() { descriptor_.Reset(); }

 private:
  Descriptor descriptor_;
};

}  // namespace knockd
