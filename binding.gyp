{
  "targets": [
    {
      "target_name": "knockd",
      "sources": [
        "native/addon.cc",
        "native/capture.cc",
        "native/command.cc",
        "native/complaint.cc",
        "native/datagram.cc",
        "native/decode.cc",
        "native/filter.cc",
        "native/links.cc",
        "native/lock.cc",
        "native/memory.cc",
        "native/netlink.cc",
        "native/notify.cc",
        "native/ports.cc",
        "native/process.cc",
        "native/syslog.cc",
        "native/timer.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc": ["-std=c++17", "-Wall", "-Wextra", "-Wno-cast-function-type", "-fvisibility=hidden"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions"],
      "libraries": ["-lpcap"]
    }
  ]
}
