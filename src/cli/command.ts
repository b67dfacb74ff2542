import type { ParseArgsOptionDescriptor } from 'node:util'

/** An option of a command. */
export interface CommandOption extends ParseArgsOptionDescriptor {
  /**
   * What its value is called in help; options of type `string` have one. Words in small letters with `|` between
   * them are all that it may be, and what completion offers.
   */
  readonly valueName?: string
  /** One line. */
  readonly description: string
}

/** What the command line said, by the names of options and in order of positionals. */
export interface CommandInput {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>
  readonly positionals: readonly string[]
}

/** One thing that a command with verbs can do, such as `add` of `store`. */
export interface CommandVerb {
  /** What stands behind it. */
  readonly usage: string
  /** One line. */
  readonly summary: string
  /** How many positionals it takes, at least and at most. */
  readonly positionals: readonly [least: number, most: number]
  /** Which options of the command it takes, besides those that all commands have. */
  readonly options: readonly string[]
  /** What options say here, where it is not what they say elsewhere. */
  readonly descriptions?: Readonly<Record<string, string>>
  readonly examples: Command['examples']
}

/** A command: what it takes, what help says of it, and what it does. */
export interface Command {
  readonly name: string
  /** What stands behind the name, for example `DEF[#name] [-o FILE]`. */
  readonly usage: string
  /** One line. */
  readonly summary: string
  readonly description: string
  /** How many positionals it takes, at least and at most. */
  readonly positionals: readonly [least: number, most: number]
  readonly options: Readonly<Record<string, CommandOption>>
  /** Command lines with a word on each. */
  readonly examples: readonly (readonly [commandLine: string, meaning: string])[]
  /** Its verbs, where its first positional is one. */
  readonly verbs?: Readonly<Record<string, CommandVerb>>
  /** Does it. What it writes to stdout is its result, nothing else. */
  run(input: CommandInput): Promise<void>
}

/** The value of an option that takes a text and may be given once. */
export function textOption(input: CommandInput, name: string): string | undefined {
  const value = input.values[name]
  return typeof value === 'string' ? value : undefined
}

/** The values of an option that may be given many times. */
export function textOptions(input: CommandInput, name: string): string[] {
  const value = input.values[name]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** Whether a switch was given. */
export function switchOption(input: CommandInput, name: string): boolean {
  return input.values[name] === true
}
