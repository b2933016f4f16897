// Checks the ports of built-in doors at boot: are they closed before knockd runs, and if not, who can come in?

import { GATE_UNIT, unitOf } from "../setup/boot-unit.ts";
import type { Guard } from "../setup/guards.ts";
import type { Init } from "./defaults-file.ts";
import { atPlace, type Finding } from "./finding.ts";

export function lintGuards(guards: readonly Guard[], { isSystemd, isEnabled }: Init): Finding[] {
  return guards.flatMap((guard) => {
    const unit = unitOf(guard.kind);
    const finding = (what: string, hint: string): Finding =>
      atPlace({ lint: "guard", file: unit, what: `${guard.ports} ${what}`, hint });
    const isOpen = guard.kind === "gate" && guard.isClosed === false && (guard.isEnabled || isEnabled);
    return [
      ...(isOpen ? [finding("is open to all: knockd's table does not close it", "Run: knockctl gate close")] : []),
      ...(guard.isEnabled && !isEnabled
        ? [
            finding(
              "is closed at each boot, but knockd does not start at boot: no client can knock",
              `Run: systemctl enable --now knockd. Or leave the port open: systemctl disable ${unit}`,
            ),
          ]
        : []),
      ...(isSystemd && isEnabled && guard.kind === "gate" && !guard.isEnabled
        ? [finding("is open at each boot until knockd runs", `Run: systemctl enable ${GATE_UNIT}`)]
        : []),
    ];
  });
}
