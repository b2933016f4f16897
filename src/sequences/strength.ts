import { formatSequence, type Sequence } from "./sequence.ts";

/** The sequences of Debian's /etc/knockd.conf, 0.8's manual, the most copied how-to, and our own package and manual. */
export const PUBLISHED = new Set([
  "7000:tcp,8000:tcp,9000:tcp",
  "9000:tcp,8000:tcp,7000:tcp",
  "5000:tcp,6000:tcp,7000:tcp",
  "2222:udp,3333:tcp,4444:udp",
  "4438:tcp,1813:tcp,8235:tcp",
  "8235:tcp,4438:tcp,1813:tcp",
  "24680:udp,13579:tcp,12345:udp",
  "2222:udp,3333:tcp,1111:udp",
]);

export const FEWEST_KNOCKS = 3;

/** Why the sequence is easily found. Undefined if it is not. */
export function weakness(sequence: Sequence): string | undefined {
  if (PUBLISHED.has(formatSequence(sequence))) return "it is printed in the manuals";
  if (sequence.length < FEWEST_KNOCKS) return "it has fewer than three knocks";
  const steps = sequence.slice(1).map(({ port }, i) => Math.sign(port - sequence[i]!.port));
  if (steps.every((step) => step > 0)) return "its ports ascend, as in a port scan";
  if (steps.every((step) => step < 0)) return "its ports descend, as in a port scan";
  return undefined;
}
