// A sequence of knocks: its type and its text, `7000,8000:udp,9000`.

export interface Knock {
  readonly protocol: "tcp" | "udp";
  /** 1 to 65535. */
  readonly port: number;
}

export type Sequence = readonly Knock[];

/** The limit of 0.8. No existing config can have more. */
export const MAX_KNOCKS = 32;

/**
 * Why a text is no sequence. `refuse`: 0.8 refuses the whole config, too. Otherwise 0.8 reads something that nobody meant
 * (its atoi reads letters as port 0), and only this door stays closed.
 */
export class SequenceError extends Error {
  readonly refuse: boolean;
  constructor(message: string, refuse: boolean) {
    super(message);
    this.refuse = refuse;
  }
}

/** Parses a sequence. Blanks around each part are allowed; the default protocol is tcp. Throws SequenceError. */
export function parseSequence(text: string): Sequence {
  const elements = text.split(",");
  if (elements.length > MAX_KNOCKS) throw new SequenceError("too many ports in knock sequence", true);
  // Two passes: first find what 0.8 refuses, even if another fault stands before it.
  const parts = elements.map(split);
  for (const { port, protocol } of parts) {
    if (Number(/^\d+/.exec(port)?.[0]) > 65535) throw new SequenceError(`port ${port} is invalid`, true);
    if (protocol !== "tcp" && protocol !== "udp") {
      throw new SequenceError("unknown protocol in knock sequence", true);
    }
  }
  return parts.map(({ element, port, protocol, rest }) => {
    if (element === "") throw new SequenceError("an empty element in knock sequence", false);
    if (!DIGITS.test(port) || Number(port) === 0) throw new SequenceError(`port "${port}" is invalid`, false);
    if (rest.length > 0) throw new SequenceError(`"${element}" is more than a port and a protocol`, false);
    return { protocol: protocol as Knock["protocol"], port: Number(port) };
  });
}

/** The text of a sequence, with every protocol: `7000:tcp,8000:udp`. */
export function formatSequence(sequence: Sequence): string {
  return sequence.map(({ port, protocol }) => `${port}:${protocol}`).join(",");
}

function split(text: string): { element: string; port: string; protocol: string; rest: string[] } {
  const element = text.trim();
  if (DIGITS.test(element)) return { element, port: element, protocol: "tcp", rest: [] }; // nearly always
  // 0.8 reads the digits and ignores the rest, so `9000 # comment` and `9000/tcp` work there and must work here.
  // 0.8 reads `7000 8000` as 7000 alone. Nobody means that, so it is an error here.
  const bare = element.replace(COMMENT, "$1").replace(/^(\d+)\/tcp$/i, "$1");
  const [port = "", protocol = "tcp", ...rest] = bare.split(":").map((part) => part.trim());
  return { element, port, protocol: protocol.toLowerCase(), rest };
}

const DIGITS = /^\d+$/;
/** Behind a port, or a port and a protocol. Behind a ; there may be another port, in place of a comma: that is no comment. */
const COMMENT = /^(\d+(?:\s*:\s*(?:tcp|udp)(?=\s))?)\s*(?:#|\/\/|(?<=\s);(?!.*\d)).*$/i;
