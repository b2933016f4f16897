// The units that close a port at each boot: is it so, and can anybody come in then?

import { unitName, WANTS } from "../setup/boot-unit.ts";
import type { Guard } from "../setup/guards.ts";
import type { Init } from "./defaults-file.ts";
import type { Finding } from "./finding.ts";

export function lintGuards(guards: readonly Guard[], { isEnabled }: Init): Finding[] {
  return guards.flatMap((guard) => {
    if (!guard.isEnabled) return [];
    const unit = unitName(guard.kind, guard.port);
    const finding = (text: string, hint: string): Finding => ({
      ...{ severity: "warning", lint: "guard", file: `${WANTS}/${unit}`, line: undefined, hint },
      text: `${unit}: TCP port ${guard.port} ${text}`,
    });
    return [
      ...(guard.isClosed === false
        ? [finding("is open to all, though this unit is enabled", `systemctl restart ${unit}`)]
        : []),
      ...(isEnabled
        ? []
        : [
            finding(
              "is closed at each boot, and knockd is not started then: nobody can knock",
              `systemctl enable --now knockd; or to open it: systemctl disable --now ${unit}`,
            ),
          ]),
    ];
  });
}
