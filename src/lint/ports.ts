// Finds knocks at ports that this host uses for something else.

import type { Config, Door } from "../config/door.ts";
import type { PortRange } from "../net/port-range.ts";
import { atLine, type Finding } from "./finding.ts";

export interface Ports {
  /** Ports with a listening socket. Undefined if the kernel does not say. */
  readonly listening: { readonly tcp: readonly number[]; readonly udp: readonly number[] } | undefined;
  /** Ports of outgoing connections. */
  readonly ephemeral: PortRange;
}

export function lintPorts(config: Config, { listening, ephemeral }: Ports): Finding[] {
  const here = config.doors.filter(({ target }) => target === undefined);
  return here.flatMap((door) => {
    const used = which(door, ({ protocol, port }) => listening?.[protocol].includes(port) ?? false);
    // A reply of a TCP connection does not count as a knock (capture/answers.ts). A datagram does not show whether it
    // is a reply.
    const passing = which(
      door,
      ({ protocol, port }) => protocol === "udp" && port >= ephemeral.low && port <= ephemeral.high,
    );
    return [
      ...used.map((knock) =>
        atLine(
          { config, of: door, directive: "sequence" },
          "port-in-use",
          `a program of this host listens at the port of ${knock}: clients of that program would knock without knowing it`,
          "Choose a port that no program uses. The command ss -lntu lists the used ones.",
        ),
      ),
      ...passing.map((knock) =>
        atLine(
          { config, of: door, directive: "sequence" },
          "ephemeral-port",
          `the port of ${knock} is in the ephemeral range (${ephemeral.low}-${ephemeral.high}): UDP replies to this host could count as knocks`,
          "Choose a port outside that range (net.ipv4.ip_local_port_range).",
        ),
      ),
    ];
  });
}

/** Such as `knock 2`. None twice. */
function which({ sequence }: Door, isMeant: (knock: Door["sequence"][number]) => boolean): string[] {
  return sequence.flatMap((knock, i) => {
    const first = sequence.findIndex(({ port, protocol }) => port === knock.port && protocol === knock.protocol);
    return first === i && isMeant(knock) ? [`knock ${i + 1}`] : [];
  });
}
