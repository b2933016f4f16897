// The units of knockctl init that close a port at each boot: is the port closed, and does knockd start to open it?

import { unitName, WANTS } from "../setup/boot-unit.ts";
import type { Guard } from "../setup/guards.ts";
import type { Init } from "./defaults-file.ts";
import { atPlace, type Finding } from "./finding.ts";

export function lintGuards(guards: readonly Guard[], { isEnabled }: Init): Finding[] {
  return guards.flatMap((guard) => {
    if (!guard.isEnabled) return [];
    const unit = unitName(guard.kind, guard.port);
    const finding = (what: string, hint: string): Finding =>
      atPlace({ lint: "guard", file: `${WANTS}/${unit}`, what: `TCP port ${guard.port} ${what}`, hint });
    return [
      ...(guard.isClosed === false
        ? [finding("is open to all although this unit is enabled", `Run: systemctl restart ${unit}`)]
        : []),
      ...(isEnabled
        ? []
        : [
            finding(
              "is closed at each boot, but knockd does not start at boot: no client can knock",
              `Run: systemctl enable --now knockd. Or open the port: systemctl disable --now ${unit}`,
            ),
          ]),
    ];
  });
}
