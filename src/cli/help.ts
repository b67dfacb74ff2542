import type { Command } from './command.ts'

/** The help of one command. */
export function commandHelp(command: Command): string {
  const options = Object.entries(command.options).map(([name, option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `
    const value = option.type === 'string' ? ` ${option.valueName ?? 'VALUE'}` : ''
    return [`  ${short}--${name}${value}`, option.description] as const
  })
  return [
    `Usage: dockertools ${command.name} ${command.usage}`,
    '',
    command.description,
    '',
    'Options:',
    ...columns(options),
    '',
    'Examples:',
    ...command.examples.flatMap(([line, meaning]) => [`  # ${meaning}`, `  ${line}`]),
    '',
  ].join('\n')
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
    'Run dockertools COMMAND --help for its options and examples.',
    '',
  ].join('\n')
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return rows.map(([left, right]) => left.padEnd(width) + right)
}
