// native/decode.cc and encapsulation.cc under libFuzzer, ASan and UBSan (fuzz.ts builds and runs it). The first byte of
// an input selects the link type, the rest is the frame.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <memory>

#include "../native/encapsulation.h"

namespace {

using knockd::Record;

// fuzz.ts writes the corpus by the same order.
const int kLinkTypes[] = {0, 1, 12, 101, 108, 113, 276, 9, 50, 51, 204, 228, 229};

void Hold(bool invariant) {
  if (!invariant) abort();
}

// In a block of exactly its size, so that one byte too far is out of bounds; two records with other bytes in them
// before, so that a field that was not written shows.
bool Try(const uint8_t* bytes, size_t length, int link_type) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[length]);
  if (length > 0) memcpy(exact.get(), bytes, length);
  Record one, other;
  memset(&one, 0x00, sizeof one);
  memset(&other, 0xff, sizeof other);
  const bool knock = knockd::DecodeSaved(exact.get(), length, link_type, &one);
  Hold(knock == knockd::DecodeSaved(exact.get(), length, link_type, &other));
  if (!knock) return false;
  Hold(memcmp(&one, &other, offsetof(Record, length)) == 0);
  Hold(one.protocol == 6 || one.protocol == 17);
  Hold(one.flags <= 0x3f);
  Hold(one.protocol == 6 || (one.flags == 0 && one.sequence == 0));
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  if (size == 0) return -1;
  const int link_type = kLinkTypes[input[0] % (sizeof kLinkTypes / sizeof kLinkTypes[0])];
  const bool whole = Try(input + 1, size - 1, link_type);
  // What is a knock when cut is one when whole: bytes behind can't unmake it.
  if (size > 1) Hold(!Try(input + 1, size - 2, link_type) || whole);
  return 0;
}
