{
  "targets": [
    {
      "target_name": "knockd",
      "sources": [
        "native/addon.cc",
        "native/capture.cc",
        "native/command.cc",
        "native/decode.cc",
        "native/encapsulation.cc",
        "native/expected_knock.cc",
        "native/filter.cc",
        "native/lock.cc",
        "native/lockdown.cc",
        "native/memory.cc",
        "native/netlink.cc",
        "native/netlink_links.cc",
        "native/nft.cc",
        "native/nft_watch.cc",
        "native/notify.cc",
        "native/pcap_handle.cc",
        "native/peek.cc",
        "native/ports.cc",
        "native/process.cc",
        "native/stderr_relay.cc",
        "native/syscall_filter.cc",
        "native/syslog.cc",
        "native/timer.cc",
        "native/unix_socket.cc"
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
