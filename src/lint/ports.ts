// Knocks at ports that are used otherwise.

import type { Config, Door } from "../config/door.ts";
import type { PortRange } from "../net/port-range.ts";
import { type Finding, warning } from "./finding.ts";

export interface Ports {
  /** Those at which somebody listens; undefined when the kernel can't tell. */
  readonly listening: { readonly tcp: readonly number[]; readonly udp: readonly number[] } | undefined;
  /** Those of outgoing connections. */
  readonly ephemeral: PortRange;
}

export function lintPorts(config: Config, { listening, ephemeral }: Ports): Finding[] {
  const here = config.doors.filter(({ target }) => target === undefined);
  return here.flatMap((door) => {
    const used = which(door, ({ protocol, port }) => listening?.[protocol].includes(port) ?? false);
    // What answers a TCP connection is no knock (capture/answers.ts). A datagram does not show whether it is an answer.
    const passing = which(
      door,
      ({ protocol, port }) => protocol === "udp" && port >= ephemeral.low && port <= ephemeral.high,
    );
    return [
      ...used.map((knock) =>
        warning(
          { config, of: door, directive: "sequence" },
          "port-in-use",
          `${knock} is at a port where somebody listens on this host: whoever uses that knocks, and a knock may be answered`,
          "choose a port that is closed; ss -lntu lists those that are not",
        ),
      ),
      ...passing.map((knock) =>
        warning(
          { config, of: door, directive: "sequence" },
          "ephemeral-port",
          `${knock} is at a port that UDP sockets of this host may have: what is answered to them knocks`,
          `choose a port outside ${ephemeral.low} to ${ephemeral.high} (net.ipv4.ip_local_port_range)`,
        ),
      ),
    ];
  });
}

/** `knock 2`, each once. */
function which({ sequence }: Door, isMeant: (knock: Door["sequence"][number]) => boolean): string[] {
  return sequence.flatMap((knock, i) => {
    const first = sequence.findIndex(({ port, protocol }) => port === knock.port && protocol === knock.protocol);
    return first === i && isMeant(knock) ? [`knock ${i + 1}`] : [];
  });
}
