// The --help of knockctl and its commands, always in this order: usage, purpose, details, arguments, options, examples, exit
// statuses. Commander 13 has no groups of options or commands.

import type { Command, Help as CommanderHelp, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Command as PlainCommand } from "commander";
import { paragraph } from "../terminal/paragraph.ts";

export interface Help {
  /** One line that begins with a verb. */
  readonly summary: string;
  /** Paragraphs. They are wrapped again. */
  readonly about: string;
  /** Long names of options, by heading. The others stand under "Options" or "Common options". */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** Terms and their meanings, by heading. */
  readonly lists?: Readonly<Record<string, readonly (readonly [term: string, meaning: string])[]>>;
  readonly examples: readonly string[];
  readonly statuses: readonly (readonly [status: number, meaning: string])[];
}

/** Options that nearly every command has. */
const COMMON = ["--config", "--json", "--help"];

/** Takes commander's own types, or those that infer options. */
export function withHelp<T extends Command | PlainCommand>(command: T, help: Help): T {
  const typed = command as unknown as Command;
  typed.summary(help.summary).configureHelp({ formatHelp: (_, helper) => commandHelp(typed, helper, help) });
  return command;
}

/** The help of a command that only has sub-commands, such as `knockctl client`. */
export interface GroupHelp extends Pick<Help, "summary" | "about" | "examples"> {}

export function withGroupHelp<T extends Command | PlainCommand>(group: T, help: GroupHelp): T {
  const typed = group as unknown as Command;
  typed
    .summary(help.summary)
    .helpCommand(false)
    .configureHelp({ formatHelp: () => groupHelp(typed, help) });
  return group;
}

function groupHelp(group: CommandUnknownOpts, { summary, about, examples }: GroupHelp): string {
  const name = `knockctl ${group.name()} COMMAND`;
  return [
    `Usage: ${name} [options]\n`,
    paragraph(summary),
    ...paragraphs(about),
    list(
      "Commands",
      group.commands.map((one) => [one.name(), one.summary()]),
    ),
    list("Options", [["-h, --help", "print this help"]]),
    exampleList(examples),
    paragraph(`${name} --help describes one command.`),
  ].join("\n");
}

function commandHelp(command: CommandUnknownOpts, helper: CommanderHelp, help: Help): string {
  const own = Object.entries(help.groups ?? {});
  const grouped = new Set([...own.flatMap(([, names]) => names), ...COMMON]);
  const all = helper.visibleOptions(command);
  const of = (names: readonly string[]) => all.filter(({ long }) => names.includes(long ?? ""));
  const isHelpOnly = all.length === 1;
  const common = isHelpOnly ? [] : of(COMMON);
  const terms = helper.visibleArguments(command).map((one) => [one.name(), one.description] as const);
  return [
    `Usage: ${helper.commandUsage(command)}\n`,
    paragraph(help.summary),
    ...paragraphs(help.about),
    list(
      "Arguments",
      terms.map(([name, description]) => [name, description]),
    ),
    optionList("Options", isHelpOnly ? all : all.filter(({ long }) => !grouped.has(long ?? "")), helper),
    ...own.map(([heading, names]) => optionList(heading, of(names), helper)),
    optionList("Common options", common, helper),
    ...Object.entries(help.lists ?? {}).map(([heading, items]) => list(heading, items)),
    exampleList(help.examples),
    list(
      "Exit status",
      help.statuses.map(([status, meaning]) => [`${status}`, meaning]),
    ),
  ]
    .filter((block) => block !== "")
    .join("\n");
}

function paragraphs(about: string): string[] {
  return about
    .trim()
    .split(/\n\n+/)
    .map((text) => paragraph(text.replaceAll("\n", " ")));
}

function exampleList(examples: readonly string[]): string {
  return `${examples.length > 1 ? "Examples" : "Example"}:\n${examples.map((line) => `  ${line}\n`).join("")}`;
}

function optionList(heading: string, options: readonly Option[], helper: CommanderHelp): string {
  return list(
    heading,
    options.map((option) => [helper.optionTerm(option), helper.optionDescription(option)]),
  );
}

/** A heading, and terms with their meanings in a second column. */
export function list(heading: string, items: readonly (readonly [term: string, meaning: string])[]): string {
  if (items.length === 0) return "";
  const indent = 4 + Math.max(...items.map(([term]) => term.length));
  const lines = items.map(([term, meaning]) => paragraph(`  ${term.padEnd(indent - 2)}${meaning}`, { rest: indent }));
  return `${heading}:\n${lines.join("")}`;
}
