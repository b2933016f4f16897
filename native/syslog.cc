#include "syslog.h"

#include <syslog.h>

#include <string>

namespace knockd {

void WriteSyslog(const Napi::CallbackInfo& info) {
  static const bool opened = [] {
    openlog("knockd", 0, LOG_DAEMON);  // libc keeps the pointer: a literal lives long enough
    return true;
  }();
  (void)opened;
  const std::string text = info[0].ToString().Utf8Value();
  ::syslog(LOG_NOTICE, "%s", text.c_str());  // never as the format: the text holds what strangers and users wrote
}

}  // namespace knockd
