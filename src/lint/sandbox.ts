// What the unit's sandbox refuses: commands, which run inside it, and files that knockd writes. Reports only what is certain.
// test/boot/hardened.test.ts and test/sandbox.test.ts check that every report is true, and that what works is not reported.

import { dirname } from "node:path";
import type { Config, Door } from "../config/door.ts";
import { atLine, type Finding } from "./finding.ts";
import { COMMANDS } from "./programs.ts";
import { type Simple, simpleCommands } from "./shell.ts";
import type { Unit } from "./systemd-unit.ts";

/** The capability that a program cannot work without (capabilities(7)). */
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
/** They ask systemd, which obeys only root. */
const BY_SYSTEMD = new Set(["systemctl", "service", "reboot", "poweroff", "halt", "shutdown"]);
/** They open IP connections themselves. */
const BY_NETWORK = new Set(["curl", "wget", "ssh", "scp", "nc", "ncat", "telnet", "ping"]);
/** They only change the files named in their arguments. */
const WRITERS = new Set(["touch", "rm", "mkdir", "rmdir", "tee", "truncate"]);
/** For these programs a path is a file. For others, such as `logger`, it may be plain text. */
const FILE_USERS = new Set(
  [...WRITERS].concat(
    `. cat test sh bash dash python python3 perl ruby php node cp mv ln ls stat chmod chown head tail stty`.split(" "),
  ),
);
/** Devices that PrivateDevices leaves available. */
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
    const hint =
      "Change the unit with a drop-in: systemctl edit knockd. See docs/hardening.md for what each unit allows.";
    return [atLine({ config, of, directive }, "sandbox", `knockd.service refuses this: ${why}`, hint)];
  });
}

function opening(config: Config, of: Door, unit: Unit): Finding[] {
  if (of.opening === undefined || mayHave("CAP_NET_ADMIN", unit)) return [];
  const what = "knockd.service refuses this: the door needs CAP_NET_ADMIN (CapabilityBoundingSet)";
  const hint = `${EDIT} CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN`;
  return [atLine({ config, of, directive: "open" }, "sandbox", what, hint)];
}

function logFile(config: Config, unit: Unit): Finding[] {
  const { logFile: path = "" } = config.options;
  const why = closed(path, unit);
  if (why === undefined) return [];
  return [
    atLine(
      { config, of: config.options, directive: "logfile" },
      "sandbox",
      `knockd.service cannot write ${path} (${why})`,
      open(path),
    ),
  ];
}

/** knockd opens these files for writing at the start. It replaces the file to mark a sequence as used. */
function sequences(config: Config, of: Door, unit: Unit): Finding[] {
  const path = of.oneTimeSequences ?? "";
  const [file, folder] = [closed(path, unit), closed(dirname(path), unit)];
  if (file === undefined && folder === undefined) return [];
  const what =
    file !== undefined
      ? `knockd.service cannot write ${path} (${file}): knockd does not start`
      : `knockd.service cannot replace ${path} (${folder}): the door is disabled after its first use`;
  return [atLine({ config, of, directive: "one_time_sequences" }, "sandbox", what, open(path))];
}

function closed(path: string, unit: Unit): string | undefined {
  return path.startsWith("/") ? (outOfReach(path, unit) ?? readOnly(path, unit)) : undefined;
}

const EDIT = 'Run "systemctl edit knockd" and add these two lines: [Service] and';
const open = (path: string): string => `${EDIT} ReadWritePaths=${dirname(path)}`;

/** Why the unit refuses the command, and which of its directives does. Undefined if it does not, or if that is not certain. */
function refusal({ words, writes }: Simple, unit: Unit): string | undefined {
  const program = words[0]?.replace(/^.*\//, "") ?? "";
  const paths = words.filter((word, i) => word.startsWith("/") && (i === 0 || FILE_USERS.has(program)));
  const written = [...writes, ...(WRITERS.has(program) ? paths.filter((path) => path !== words[0]) : [])];
  for (const path of paths.concat(writes)) {
    const why = outOfReach(path, unit);
    if (why !== undefined) return `${path} is hidden (${why})`;
  }
  for (const path of written) {
    const why = path.startsWith("/") ? readOnly(path, unit) : undefined;
    if (why !== undefined) return `${path} is read-only (${why})`;
  }
  const capability = NEEDS[program];
  if (capability !== undefined && !mayHave(capability, unit)) {
    return `${program} needs ${capability} (CapabilityBoundingSet)`;
  }
  if (program === "sudo" && unit.isOn("NoNewPrivileges")) return "sudo cannot gain privileges (NoNewPrivileges)";
  if (
    program === "sysctl" &&
    words.some((word) => word === "-w" || word.includes("=")) &&
    unit.isOn("ProtectKernelTunables")
  )
    return "/proc/sys is read-only (ProtectKernelTunables)";
  if (BY_SYSTEMD.has(program) && unit.isOn("DynamicUser")) return `${program} needs root (DynamicUser)`;
  if (BY_NETWORK.has(program) && unit.words("IPAddressDeny").includes("any") && unit.all("IPAddressAllow").length === 0)
    return `${program} has no network access (IPAddressDeny)`;
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

/** DynamicUser implies PrivateTmp. */
const isTmpPrivate = (unit: Unit): boolean => unit.isOn("PrivateTmp") || unit.isOn("DynamicUser");

/** Is the path below a directory that the unit keeps writable or creates? */
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
