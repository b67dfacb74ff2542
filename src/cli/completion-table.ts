import type { Command, CommandOption } from './command.ts'
import { verbOptions } from './help.ts'

/** What a word may be: one of these, the name of a file, or something that nobody can guess. */
export type Words = readonly string[] | 'files' | 'anything'

/** An option as shells are told of it. */
export interface CompletedOption {
  readonly name: string
  readonly short: string | undefined
  readonly description: string
  /** Undefined for a switch. */
  readonly value: Words | undefined
}

/** A command, or a verb of one, as shells are told of it. */
export interface CompletedCommand {
  /** What it is called behind the program, for example `build` or `store add`. */
  readonly name: string
  readonly summary: string
  readonly options: readonly CompletedOption[]
  /** What its arguments may be. */
  readonly positional: Words
  /** Its verbs, which take the place of a first argument. */
  readonly verbs: readonly CompletedCommand[]
}

/** What shells complete of a command, from what help tells of it. */
export function completedCommand(command: Command): CompletedCommand {
  const verbs = Object.entries(command.verbs ?? {}).map(([name, verb]): CompletedCommand => {
    return {
      name: `${command.name} ${name}`,
      summary: verb.summary,
      options: completedOptions(verbOptions(command, verb)),
      positional: verb.positionals[1] === 0 ? 'anything' : 'files',
      verbs: [],
    }
  })
  return {
    name: command.name,
    summary: command.summary,
    options: completedOptions(command.options),
    positional: isElsewhere(command) ? 'anything' : (choices(command.usage) ?? 'files'),
    verbs,
  }
}

/** Whether its first argument is no file: it is a verb, the name of an image in a registry, or not there. */
function isElsewhere({ verbs, positionals, usage }: Command): boolean {
  return verbs !== undefined || positionals[1] === 0 || /^(?:REF|NAME) /.test(usage)
}

function completedOptions(options: Readonly<Record<string, CommandOption>>): readonly CompletedOption[] {
  return Object.entries(options).map(([name, option]) => ({
    name,
    short: option.short,
    description: option.description,
    value: option.type === 'boolean' ? undefined : valueWords(option.valueName ?? ''),
  }))
}

function valueWords(valueName: string): Words {
  if (/^(?:FILE|LINK|DIR|PATH|CONF\.json)$/.test(valueName)) return 'files'
  if (valueName === 'URL') return ['auto', 'nix', 'local']
  return choices(valueName) ?? 'anything'
}

/** The words that are all there are, in text such as `text|json`. */
function choices(text: string): readonly string[] | undefined {
  return /^[a-z][a-z0-9-]*(?:\|[a-z][a-z0-9-]*)+$/.test(text) ? text.split('|') : undefined
}
