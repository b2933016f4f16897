// Parses a shell line into its commands and words, as far as possible without running it.

/** One command of a line. */
export interface ShellCommand {
  /** In a word, `UNKNOWN` replaces what only the shell knows: a variable, a pattern, the output of another command. */
  readonly words: readonly string[];
  /** The files that it replaces (`>`), and those that it appends to (`>>`). No devices. */
  readonly overwrites: readonly string[];
  readonly appends: readonly string[];
}

export const UNKNOWN = "\0";

/** Limits that no real line reaches. */
const [LONGEST, DEEPEST] = [16_384, 16] as const;
/** The fast path: one program by its path, without shell syntax. Nearly all lines are like this. */
const PLAIN = /^[ \t]*\/[\w./:=,@%+ \t-]*$/;
/** After these, a command may begin. */
const OPENERS = new Set(["if", "then", "elif", "else", "while", "until", "do", "!", "{"]);
/** After these, no command may begin. */
const CLOSERS = new Set(["fi", "done", "}"]);
const REDIRECTION = /\d*(?:>>|>\||>&|<&|<>|>|<)/y;

const NO_FILES = { overwrites: [], appends: [] } as const;
const DEVICE = /^\/(dev|proc|sys)\//;

class NotUnderstood extends Error {}

/** All commands of a line, including substitutions. Undefined if the line is not understood. */
export function shellCommands(line: string): readonly ShellCommand[] | undefined {
  if (line.length > LONGEST) return undefined;
  if (PLAIN.test(line)) return [{ words: line.split(/[ \t]+/).filter((word) => word !== ""), ...NO_FILES }];
  try {
    return new Reader(line, 0).all();
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}

class Reader {
  readonly #text: string;
  readonly #commands: ShellCommand[] = [];
  #depth: number;
  #at = 0;

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
    if (depth > DEEPEST) throw new NotUnderstood();
  }

  all(): ShellCommand[] {
    this.#list();
    if (this.#at < this.#text.length) throw new NotUnderstood(); // a bracket that nothing has opened
    return this.#commands;
  }

  /** Commands up to the end, or to a closing bracket, which is left. */
  #list(): void {
    while (this.#at < this.#text.length && this.#text[this.#at] !== ")") {
      if (/[\s;&|]/.test(this.#text[this.#at]!)) this.#at++;
      else this.#command();
    }
  }

  /** Up to the operator behind it. */
  #command(): void {
    const words: string[] = [];
    const files = { overwrites: [] as string[], appends: [] as string[] };
    let closed = false;
    for (;;) {
      while (/[ \t]/.test(this.#text[this.#at] ?? "")) this.#at++;
      const letter = this.#text[this.#at];
      if (letter === undefined || /[;&|)\n]/.test(letter)) break;
      if (letter === "#") {
        this.#comment();
        break;
      }
      if (letter === "(") {
        if (words.length > 0) throw new NotUnderstood(); // a function
        this.#brackets();
        closed = true;
        continue;
      }
      const operator = this.#redirection();
      if (operator !== undefined) {
        const file = this.#word();
        if (DEVICE.test(file)) continue;
        if (/^\d*(>|>\||<>)$/.test(operator)) files.overwrites.push(file);
        else if (/^\d*>>$/.test(operator)) files.appends.push(file);
        continue;
      }
      const quoted = /["'\\]/.test(letter);
      const word = this.#word();
      if (words.length === 0 && !quoted) {
        if (word === "case" || word === "function") throw new NotUnderstood();
        if (closed || CLOSERS.has(word)) closed = true;
        else if (word === "for") this.#skipNames();
        else if (!OPENERS.has(word) && !/^\w+=/.test(word)) words.push(word);
      } else words.push(word);
    }
    if (words.length > 0 || files.overwrites.length > 0 || files.appends.length > 0)
      this.#commands.push({ words, ...files });
  }

  /** `(…)`, of a subshell or a substitution. */
  #brackets(): void {
    if (++this.#depth > DEEPEST) throw new NotUnderstood();
    this.#at++;
    this.#list();
    if (this.#text[this.#at] !== ")") throw new NotUnderstood();
    this.#at++;
    this.#depth--;
  }

  #redirection(): string | undefined {
    REDIRECTION.lastIndex = this.#at;
    const found = REDIRECTION.exec(this.#text)?.[0];
    if (found === undefined) return undefined;
    this.#at += found.length;
    if (found.endsWith("<") && this.#text[this.#at] === "<") throw new NotUnderstood(); // more lines than one
    while (/[ \t]/.test(this.#text[this.#at] ?? "")) this.#at++;
    return found;
  }

  #word(): string {
    let word = "";
    for (;;) {
      const letter = this.#text[this.#at];
      if (letter === undefined || /[ \t\n;&|()<>]/.test(letter)) return word;
      this.#at++;
      if (letter === "\\") word += this.#text[this.#at++] ?? "";
      else if (letter === "'") word += this.#single();
      else if (letter === '"') word += this.#double();
      else if (letter === "$" || letter === "`") word += this.#expansion(letter);
      else if (letter === "[" && word === "" && /[ \t]/.test(this.#text[this.#at] ?? "")) word += letter;
      else if (/[*?[]/.test(letter)) word += UNKNOWN;
      else word += letter;
    }
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end < 0) throw new NotUnderstood();
    const text = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #double(): string {
    let text = "";
    for (;;) {
      const letter = this.#text[this.#at++];
      if (letter === undefined) throw new NotUnderstood();
      if (letter === '"') return text;
      if (letter === "$" || letter === "`") text += this.#expansion(letter);
      else if (letter === "\\" && /["\\$`]/.test(this.#text[this.#at] ?? "")) text += this.#text[this.#at++];
      else text += letter;
    }
  }

  /** Behind a `$` or a backquote. */
  #expansion(letter: string): string {
    if (letter === "`") return this.#backquoted();
    const rest = this.#text.slice(this.#at, this.#at + LONGEST);
    if (rest.startsWith("((")) {
      const sum = /^\(\(([^()$`]|\$\w)*\)\)/.exec(rest)?.[0];
      if (sum === undefined) throw new NotUnderstood();
      this.#at += sum.length;
      return UNKNOWN;
    }
    if (rest.startsWith("(")) {
      this.#brackets();
      return UNKNOWN;
    }
    const name = /^(?:\w+|[?$!#@*-]|\{[^{}$`"'\\]*\})/.exec(rest)?.[0];
    if (name === undefined) {
      if (/^["'{]/.test(rest)) throw new NotUnderstood();
      return "$";
    }
    this.#at += name.length;
    return UNKNOWN;
  }

  #backquoted(): string {
    let inner = "";
    for (;;) {
      const letter = this.#text[this.#at++];
      if (letter === undefined) throw new NotUnderstood();
      if (letter === "`") break;
      if (letter === "\\" && /[`\\$]/.test(this.#text[this.#at] ?? "")) inner += this.#text[this.#at++];
      else inner += letter;
    }
    this.#commands.push(...new Reader(inner, this.#depth + 1).all());
    return UNKNOWN;
  }

  /** `for NAME in WORD …`: words, and not commands. */
  #skipNames(): void {
    for (;;) {
      while (/[ \t]/.test(this.#text[this.#at] ?? "")) this.#at++;
      const letter = this.#text[this.#at];
      if (letter === undefined || /[;\n]/.test(letter)) return;
      if (/[&|()<>]/.test(letter)) throw new NotUnderstood();
      this.#word();
    }
  }

  #comment(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }
}
