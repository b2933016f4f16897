// Tests whether the command line or the file takes precedence.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FileOptions } from "../src/config/door.ts";
import { type Flags, type Settings, settle } from "../src/config/settings.ts";
import { optionsOf } from "./door.ts";

const noFlags: Flags = {
  interface: undefined,
  daemon: false,
  config: "/etc/knockd.conf",
  debug: false,
  lookup: false,
  pidfile: undefined,
  logfile: undefined,
  verbose: false,
  onlyIpv4: false,
  wait: false,
};
const noOptions = optionsOf();

describe("the settings in force:", () => {
  const table: [title: string, flags: Partial<Flags>, options: Partial<FileOptions>, expected: Partial<Settings>][] = [
    ["0.8's defaults, when nobody says anything", {}, {}, {}],
    ["-i", { interface: "eth1" }, {}, { interface: "eth1" }],
    ["Interface", {}, { interface: "eth2" }, { interface: "eth2" }],
    ["-i beats Interface", { interface: "eth1" }, { interface: "eth2" }, { interface: "eth1" }],
    ["-i eth0, the default's name, beats it too", { interface: "eth0" }, { interface: "eth2" }, { interface: "eth0" }],
    ["-g", { logfile: "/g" }, {}, { logFile: "/g" }],
    ["LogFile beats -g", { logfile: "/g" }, { logFile: "/f" }, { logFile: "/f" }],
    ["-p", { pidfile: "/p" }, {}, { pidFile: "/p" }],
    ["PidFile beats -p", { pidfile: "/p" }, { pidFile: "/f" }, { pidFile: "/f" }],
    ["UseSyslog", {}, { useSyslog: true }, { useSyslog: true }],
    ["LogFormat", {}, { logFormat: "json" }, { logFormat: "json" }],
    ["Log_Seconds", {}, { logSeconds: true }, { logSeconds: true }],
    ["StateFile", {}, { stateFile: "/s" }, { stateFile: "/s" }],
    ["ClientsState", {}, { clientsState: "/c" }, { clientsState: "/c" }],
    ["On_Exit", {}, { onExit: "keep" }, { onExit: "keep" }],
  ];
  const defaults: Settings = {
    interface: undefined,
    pidFile: "/var/run/knockd.pid",
    logFile: undefined,
    logFormat: "text",
    logSeconds: false,
    useSyslog: false,
    stateFile: undefined,
    clientsState: "/var/lib/knockd/clients.json",
    onExit: "close",
  };
  for (const [title, flags, options, expected] of table) {
    test(title, () =>
      assert.deepEqual(settle({ ...noFlags, ...flags }, { ...noOptions, ...options }), { ...defaults, ...expected }),
    );
  }
});
