import type { Command, CommandVerb } from './command.ts'
import { OUTPUT_OPTIONS } from './common-options.ts'

/** The help of one command, or of one of its verbs. */
export function commandHelp(command: Command, verbName?: string): string {
  const verbs = Object.entries(command.verbs ?? {})
  const [, verb] = verbs.find(([name]) => name === verbName) ?? []
  if (verb !== undefined) return verbHelp(command, verbName ?? '', verb)
  const list = verbs.map(([name, { usage, summary }]) => `  ${name} ${usage}\n      ${summary}`)
  return [
    `Usage: dockertools ${command.name} ${command.usage}`,
    '',
    command.description,
    '',
    ...(list.length === 0 ? [] : ['Verbs:', ...list, '']),
    ...optionLines(command),
    ...exampleLines(command.examples),
    ...(list.length === 0 ? [] : [`Run dockertools ${command.name} VERB --help for the options of one.`, '']),
  ].join('\n')
}

function verbHelp(command: Command, name: string, verb: CommandVerb): string {
  return [
    `Usage: dockertools ${command.name} ${name} ${verb.usage}`,
    '',
    `${verb.summary}.`,
    '',
    ...optionLines({ options: verbOptions(command, verb) }),
    ...exampleLines(verb.examples),
  ].join('\n')
}

/** The options of a verb, as they are told where no other verb is in sight. */
export function verbOptions(command: Command, verb: CommandVerb): Command['options'] {
  const names = [...verb.options, ...Object.keys(OUTPUT_OPTIONS)]
  const options = Object.entries(command.options).filter(([name]) => names.includes(name))
  return Object.fromEntries(
    options.map(([name, option]) => {
      const text = verb.descriptions?.[name] ?? option.description.replace(/^[a-z]+(?:, [a-z]+)*: /, '')
      return [name, { ...option, description: text.slice(0, 1).toUpperCase() + text.slice(1) }]
    }),
  )
}

function optionLines({ options }: Pick<Command, 'options'>): string[] {
  const rows = Object.entries(options).map(([name, option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `
    const value = option.type === 'string' ? ` ${option.valueName ?? 'VALUE'}` : ''
    return [`  ${short}--${name}${value}`, option.description] as const
  })
  return ['Options:', ...columns(rows), '']
}

function exampleLines(examples: Command['examples']): string[] {
  return ['Examples:', ...examples.flatMap(([line, meaning]) => [`  # ${meaning}`, `  ${line}`]), '']
}

/** The help of the program. */
export function programHelp(commands: readonly Pick<Command, 'name' | 'summary'>[]): string {
  return [
    'Usage: dockertools COMMAND …',
    '',
    'Docker images as nixpkgs’ dockerTools makes them: with no Docker, no daemon and no root.',
    '',
    'Commands:',
    ...columns(commands.map(({ name, summary }) => [`  ${name}`, summary] as const)),
    '',
    'Run dockertools COMMAND --help for its options and examples, dockertools --version for the version.',
    '',
  ].join('\n')
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return rows.map(([left, right]) => left.padEnd(width) + right)
}
