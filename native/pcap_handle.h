// Opens libpcap handles: close-on-exec, and a live one also immediate, non-blocking and not promiscuous.
#pragma once

#include <pcap/pcap.h>

#include <memory>
#include <string>

namespace knockd {

struct ClosePcap {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using PcapHandle = std::unique_ptr<pcap_t, ClosePcap>;

// Both functions throw this: libpcap's message, or the system's.
struct PcapError {
  std::string text;
};

// As CaptureOptions in src/platform/native.ts.
struct LiveOptions {
  std::string device;
  int snap_length;
  int buffer_size;
  bool stamp_arrival;
};

PcapHandle OpenLive(const LiveOptions& options);
PcapHandle OpenSavefile(const std::string& path);

}  // namespace knockd
