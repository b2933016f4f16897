// What the unit refuses: commands, which run in the daemon's sandbox, and files that knockd writes. Only what is certain is said; that what is said is true,
// and that nothing is said of what works, test/boot/hardened.test.ts and test/sandbox.test.ts have seen.

import { dirname } from "node:path";
import type { Config, Door } from "../config/door.ts";
import { type Finding, warning } from "./finding.ts";
import { COMMANDS } from "./programs.ts";
import { type Simple, simpleCommands } from "./shell.ts";
import type { Unit } from "./systemd-unit.ts";

/** What a program can do nothing without (capabilities(7)). */
const NEEDS: Readonly<Record<string, string>> = {
  mount: "CAP_SYS_ADMIN",
  umount: "CAP_SYS_ADMIN",
  su: "CAP_SETGID",
  runuser: "CAP_SETGID",
  chroot: "CAP_SYS_CHROOT",
  mknod: "CAP_MKNOD",
  hwclock: "CAP_SYS_TIME",
  modprobe: "CAP_SYS_MODULE",
  insmod: "CAP_SYS_MODULE",
  rmmod: "CAP_SYS_MODULE",
};
/** They ask systemd to do it, which does it for root only. */
const BY_SYSTEMD = new Set(["systemctl", "service", "reboot", "poweroff", "halt", "shutdown"]);
/** They speak IP themselves. */
const BY_NETWORK = new Set(["curl", "wget", "ssh", "scp", "nc", "ncat", "telnet", "ping"]);
/** They do nothing but change the files that they are given. */
const WRITERS = new Set(["touch", "rm", "mkdir", "rmdir", "tee", "truncate"]);
/** To them a path is a file. To others, as `logger`, it may be only a word. */
const FILE_USERS = new Set(
  [...WRITERS].concat(
    `. cat test sh bash dash python python3 perl ruby php node cp mv ln ls stat chmod chown head tail stty`.split(" "),
  ),
);
/** What PrivateDevices leaves. */
const PSEUDO_DEVICE =
  /^\/dev\/(null|zero|full|random|urandom|tty|ptmx|std(in|out|err)|log|(pts|shm|fd|mqueue|hugepages)(\/.*)?)$/;

export function lintSandbox(config: Config, unit: Unit): Finding[] {
  return [
    ...logFile(config, unit),
    ...config.doors.flatMap((of) => [
      ...sequences(config, of, unit),
      ...commands(config, of, unit),
      ...opening(config, of, unit),
    ]),
  ];
}

function commands(config: Config, of: Door, unit: Unit): Finding[] {
  return COMMANDS.flatMap(([directive, field]) => {
    const why = (simpleCommands(of[field] ?? "") ?? []).map((one) => refusal(one, unit)).find((one) => one);
    if (why === undefined) return [];
    const hint = "drop-ins change it: systemctl edit knockd; docs/hardening.md says what works under which";
    return [warning({ config, of, directive }, "sandbox", `knockd.service refuses that: ${why}`, hint)];
  });
}

function opening(config: Config, of: Door, unit: Unit): Finding[] {
  if (of.opening === undefined || mayHave("CAP_NET_ADMIN", unit)) return [];
  const what = "knockd.service refuses that: it needs CAP_NET_ADMIN (CapabilityBoundingSet)";
  const hint = "systemctl edit knockd: [Service] CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN";
  return [warning({ config, of, directive: "open" }, "sandbox", what, hint)];
}

function logFile(config: Config, unit: Unit): Finding[] {
  const { logFile: path = "" } = config.options;
  const why = closed(path, unit);
  if (why === undefined) return [];
  return [
    warning(
      { config, of: config.options, directive: "logfile" },
      "sandbox",
      `it can't be written (${why})`,
      open(path),
    ),
  ];
}

/** They are opened for writing at the start; what is used is struck out by a new file in the place of the old one. */
function sequences(config: Config, of: Door, unit: Unit): Finding[] {
  const path = of.oneTimeSequences ?? "";
  const [file, folder] = [closed(path, unit), closed(dirname(path), unit)];
  if (file === undefined && folder === undefined) return [];
  const what =
    file !== undefined
      ? `it can't be opened for writing, and knockd does not start (${file})`
      : `what is used can't be struck out, which disables the door (${folder})`;
  return [warning({ config, of, directive: "one_time_sequences" }, "sandbox", what, open(path))];
}

function closed(path: string, unit: Unit): string | undefined {
  return path.startsWith("/") ? (outOfReach(path, unit) ?? readOnly(path, unit)) : undefined;
}

const open = (path: string): string => `systemctl edit knockd: [Service] ReadWritePaths=${dirname(path)}`;

/** Why the unit refuses it, with the directive to look for; undefined when it does not, or when that is not certain. */
function refusal({ words, writes }: Simple, unit: Unit): string | undefined {
  const program = words[0]?.replace(/^.*\//, "") ?? "";
  const paths = words.filter((word, i) => word.startsWith("/") && (i === 0 || FILE_USERS.has(program)));
  const written = [...writes, ...(WRITERS.has(program) ? paths.filter((path) => path !== words[0]) : [])];
  for (const path of paths.concat(writes)) {
    const why = outOfReach(path, unit);
    if (why !== undefined) return `${path} is out of reach (${why})`;
  }
  for (const path of written) {
    const why = path.startsWith("/") ? readOnly(path, unit) : undefined;
    if (why !== undefined) return `${path} can't be written (${why})`;
  }
  const capability = NEEDS[program];
  if (capability !== undefined && !mayHave(capability, unit)) {
    return `${program} needs ${capability} (CapabilityBoundingSet)`;
  }
  if (program === "sudo" && unit.isOn("NoNewPrivileges")) return "sudo gets no privileges (NoNewPrivileges)";
  if (
    program === "sysctl" &&
    words.some((word) => word === "-w" || word.includes("=")) &&
    unit.isOn("ProtectKernelTunables")
  )
    return "/proc/sys can't be written (ProtectKernelTunables)";
  if (BY_SYSTEMD.has(program) && unit.isOn("DynamicUser")) return `${program} is for root (DynamicUser)`;
  if (BY_NETWORK.has(program) && unit.words("IPAddressDeny").includes("any") && unit.all("IPAddressAllow").length === 0)
    return `${program} may not speak to anybody (IPAddressDeny)`;
  return undefined;
}

function outOfReach(path: string, unit: Unit): string | undefined {
  const home = unit.last("ProtectHome") ?? "no";
  if (/^(yes|true|on|1|tmpfs)$/.test(home) && isBelow(path, ["/home", "/root", "/run/user"]) && !isNamed(path, unit)) {
    return "ProtectHome";
  }
  const isDevice = path.startsWith("/dev/") && !PSEUDO_DEVICE.test(path);
  return isDevice && unit.isOn("PrivateDevices") ? "PrivateDevices" : undefined;
}

function readOnly(path: string, unit: Unit): string | undefined {
  if (isNamed(path, unit)) return undefined;
  const system = unit.last("ProtectSystem") ?? "no";
  if (isBelow(path, ["/proc/sys"]) && unit.isOn("ProtectKernelTunables")) return "ProtectKernelTunables";
  if (system === "strict") {
    const apart =
      isBelow(path, ["/dev", "/proc", "/sys"]) || (isBelow(path, ["/tmp", "/var/tmp"]) && isTmpPrivate(unit));
    return apart ? undefined : "ProtectSystem=strict";
  }
  const closed = ["/usr", "/boot", "/efi", "/bin", "/sbin", "/lib", ...(system === "full" ? ["/etc"] : [])];
  if (!/^(yes|true|on|1|full)$/.test(system) || !isBelow(path, closed)) return undefined;
  return `ProtectSystem=${system}`;
}

/** DynamicUser has it so without saying. */
const isTmpPrivate = (unit: Unit): boolean => unit.isOn("PrivateTmp") || unit.isOn("DynamicUser");

/** Below a folder that the unit leaves open or makes. */
function isNamed(path: string, unit: Unit): boolean {
  const made = (
    [
      ["RuntimeDirectory", "/run"],
      ["StateDirectory", "/var/lib"],
      ["CacheDirectory", "/var/cache"],
      ["LogsDirectory", "/var/log"],
    ] as const
  ).flatMap(([directive, folder]) => unit.words(directive).map((name) => `${folder}/${name}`));
  const open = ["ReadWritePaths", "ReadWriteDirectories", "BindPaths"].flatMap((directive) => unit.words(directive));
  return isBelow(path, [...made, ...open.map((one) => one.replace(/^[-+]+/, "").replace(/:.*$/, ""))]);
}

function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === folder || path.startsWith(`${folder.replace(/\/$/, "")}/`));
}

function mayHave(capability: string, unit: Unit): boolean {
  const sets = unit.all("CapabilityBoundingSet");
  if (sets.length === 0) return true;
  let isIn = sets[0]!.startsWith("~");
  for (const set of sets) {
    const has = set.replace(/^~/, "").split(/\s+/).includes(capability);
    if (has) isIn = !set.startsWith("~");
  }
  return isIn;
}
