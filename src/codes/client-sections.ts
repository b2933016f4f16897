// Cuts the text of a clients file into sections, one for each client. There is one object for all sections: a thousand objects
// with their lines would cost V8 several garbage collections at the start.

/** Text in another directive's value that may be a secret: at least 80 bits of base32 or hex, also in groups. */
const MAY_BE_SECRET = /[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){15,}=*/g;

/** The clients file is refused. The message names the file, and the line if there is one. */
export class ClientsError extends Error {}

/** In the order in which credentials/client-section.ts writes them. */
const DIRECTIVES = ["door", "kind", "secret", "ports", "digits", "proto", "from", "hours", "expires", "bind"] as const;
type Directive = (typeof DIRECTIVES)[number];

/**
 * A whole section with these directives in this order and without comments: the blank lines before it, its name, and the value
 * of each directive. It takes a tenth of the time that the lines take one by one.
 */
const WRITTEN = new RegExp(
  `(\\n*)\\[([\\w.-]+)\\]\\n${DIRECTIVES.map((one) => `(?:[ \\t]*${one}[ \\t]*=[ \\t]*(\\S(?:[^\\n#]*[^\\s#])?)\\n)?`).join("")}(?=\\n*(?:\\[[^\\n]*\\][^\\S\\n]*(?:\\n|$)|$))`,
  "y",
);

export class ClientSections {
  readonly #text: string;
  readonly #file: string;
  /** Where the next line begins, and its number. */
  #start = 0;
  #number = 1;
  #name = "";
  #line = 0;
  /** The values of the current section in the order of DIRECTIVES, and the numbers of their lines. */
  readonly #values: (string | undefined)[] = DIRECTIVES.map(() => undefined);
  readonly #numbers: number[] = DIRECTIVES.map(() => 0);

  /** `file` is for messages only. */
  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  /** The name of the current section. */
  get name(): string {
    return this.#name;
  }

  /** The number of its line. */
  get line(): number {
    return this.#line;
  }

  /** Goes to the next section. False if there is none. Throws ClientsError. */
  next(): boolean {
    if (this.#nextWritten()) return true;
    this.#values.fill(undefined);
    let isBegun = false;
    while (this.#start <= this.#text.length) {
      const start = this.#start;
      const line = this.#nextLine();
      if (line.startsWith("[") && line.endsWith("]")) {
        if (isBegun) {
          this.#start = start; // the next section begins here
          return true;
        }
        isBegun = true;
        this.#name = line.slice(1, -1).trim();
        this.#line = this.#number;
      } else if (line !== "" && !line.startsWith("#")) this.#set(line, isBegun);
      this.#number++;
    }
    return isBegun;
  }

  /** The same, if the section is WRITTEN. Otherwise false. */
  #nextWritten(): boolean {
    WRITTEN.lastIndex = this.#start;
    const found = WRITTEN.exec(this.#text);
    if (found === null) return false;
    this.#start = WRITTEN.lastIndex;
    this.#number += found[1]!.length;
    this.#name = found[2]!;
    this.#line = this.#number++;
    for (let i = 0; i < DIRECTIVES.length; i++) {
      const value = found[3 + i];
      this.#values[i] = value;
      if (value !== undefined) this.#numbers[i] = this.#number++;
    }
    return true;
  }

  /** The value of a directive as `parse` returns it. Undefined if it is not there. Throws ClientsError. */
  read<T>(directive: Directive, parse: (value: string) => T): T | undefined {
    const value = this.#values[DIRECTIVES.indexOf(directive)];
    return value === undefined ? undefined : this.parse(directive, value, parse);
  }

  /** Its text. Throws ClientsError if it is not there. */
  required(directive: Directive): string {
    const value = this.#values[DIRECTIVES.indexOf(directive)];
    if (value === undefined) throw this.complaint(this.#line, `client "${this.#name}" has no ${directive}`);
    return value;
  }

  /** Throws ClientsError if `parse` throws. */
  parse<T>(directive: Directive, value: string, parse: (value: string) => T): T {
    try {
      return parse(value);
    } catch (error) {
      // The message is logged, so it must not quote a secret.
      const quoted = (error as Error).message.replaceAll(/"[^"]*"/g, (said) => said.replace(MAY_BE_SECRET, "…"));
      throw this.refuse(directive, quoted);
    }
  }

  /** The error that names the directive's line. */
  refuse(directive: Directive, why: string): ClientsError {
    const number = this.#numbers[DIRECTIVES.indexOf(directive)]!;
    const text = directive === "secret" ? "secret = …" : this.#lineAt(number).replace(MAY_BE_SECRET, "…");
    return this.complaint(number, why, text);
  }

  complaint(number: number, why: string, text = this.#lineAt(number)): ClientsError {
    return new ClientsError(`${this.#file}:${number}: ${why}: "${text}"`);
  }

  #nextLine(): string {
    const start = this.#start;
    const newline = this.#text.indexOf("\n", start);
    const end = newline < 0 ? this.#text.length : newline;
    this.#start = end + 1;
    return this.#text.slice(start, end).trim();
  }

  #lineAt(number: number): string {
    return this.#text.split("\n")[number - 1]!.trim();
  }

  #set(line: string, isBegun: boolean): void {
    const number = this.#number;
    const equals = line.indexOf("=");
    const word = equals < 0 ? "" : line.slice(0, equals).trimEnd();
    const directive = placeOf(word);
    if (!isBegun || directive < 0 || this.#values[directive] !== undefined) {
      // Of a line that may hold a secret, only the name is quoted.
      const place = directive < 0 ? "…" : DIRECTIVES[directive]!;
      if (!isBegun) throw this.complaint(number, "all directives must belong to a client", place);
      if (directive < 0) throw this.complaint(number, "unknown directive of a client", place);
      throw this.complaint(number, `${place} is given twice`, place);
    }
    const rest = line.slice(equals + 1).trimStart();
    this.#values[directive] = rest.includes("#") ? rest.replace(/\s+#.*$/, "") : rest;
    this.#numbers[directive] = number;
  }
}

/** -1 if there is no such directive. Case does not matter. */
function placeOf(word: string): number {
  const place = (DIRECTIVES as readonly string[]).indexOf(word);
  return place >= 0 ? place : (DIRECTIVES as readonly string[]).indexOf(word.toLowerCase());
}
