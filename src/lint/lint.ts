// All that is looked at: the config, the files around it, and how this system starts knockd.

import { resolveTargets } from "../capture/targets.ts";
import { lineNumber } from "../config/door.ts";
import { realPath } from "../real-path.ts";
import { configOf, type Defaults, initOf, isOnlyIpv4, lintDefaults } from "./defaults.ts";
import { lintFamilies } from "./families.ts";
import type { Finding } from "./finding.ts";
import { lintModes } from "./mode.ts";
import { lintPorts, type Ports } from "./ports.ts";
import { lintPrograms } from "./programs.ts";
import { read } from "./reading.ts";
import { lintSandbox } from "./sandbox.ts";
import { lintSequences } from "./sequences.ts";
import { installedUnit } from "./unit.ts";

export interface Host {
  readonly ports: Ports;
  readonly defaults: Defaults;
}

/** In the order of the config's lines; what is about all of it comes first, what is about other files last. */
export async function lint(file: string, { ports, defaults }: Host): Promise<Finding[]> {
  const { config, findings } = read(file);
  const all = [...findings, ...lintModes(file, config)];
  if (realPath(file) === realPath(configOf(defaults))) all.push(...lintDefaults(defaults, initOf()));
  if (config === undefined) return all;
  const unit = installedUnit();
  const { warnings } = await resolveTargets(config, isOnlyIpv4(defaults));
  all.push(
    ...warnings.map(
      (text): Finding => ({
        severity: "warning",
        lint: "config",
        file,
        line: lineNumber(text),
        text,
        hint: "write its address in place of the name",
      }),
    ),
    ...(config.doors.length === 0 && findings.length === 0 ? [noDoor(file)] : []),
    ...lintSequences(config),
    ...lintPorts(config, ports),
    ...lintPrograms(config),
    ...(isOnlyIpv4(defaults) ? [] : lintFamilies(config)),
    ...(unit === undefined ? [] : lintSandbox(config, unit)),
  );
  const place = ({ file: one, line }: Finding) => (one === file ? (line ?? 0) : Number.POSITIVE_INFINITY);
  return all.sort((a, b) => place(a) - place(b));
}

/** 0.8 starts with it, too, and says nothing. */
function noDoor(file: string): Finding {
  const hint = "a door is a section with a sequence, as [openSSH] in knockd.conf(5)";
  const text = "there is no door in it: no knock opens anything";
  return { severity: "warning", lint: "config", file, line: undefined, text, hint };
}
