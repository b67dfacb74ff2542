import { parseArgs } from 'node:util'
import { DockerToolsError } from '#errors'
import { nearestName } from '#util'
import type { Command, CommandInput } from './command.ts'

/**
 * Reads the arguments behind a command's name.
 *
 * @throws {DockerToolsError} `USAGE` for an unknown option, a missing value or a wrong number of arguments.
 */
export function parseCommandLine(command: Command, args: readonly string[]): CommandInput {
  const help = `Run dockertools ${command.name} --help`
  const usage = (message: string): DockerToolsError => new DockerToolsError('USAGE', message, { hint: help })
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
    ]),
  )
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true })
  const values: Record<string, string | boolean | (string | boolean)[]> = {}
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(command.options, token.name) ? command.options[token.name] : undefined
    if (option === undefined) throw usage(unknownOption(command, token.rawName, token.name))
    if (option.type === 'boolean') {
      if (token.value !== undefined) throw usage(`Cannot use option "${token.rawName}" with a value: it is a switch`)
      values[token.name] = true
      continue
    }
    if (token.value === undefined)
      throw usage(`Cannot use option "${token.rawName}": its value ${option.valueName ?? ''} is missing`)
    if (token.value === '') {
      throw usage(
        `Cannot use option "${token.rawName}": its value ${option.valueName ?? ''} is empty, it should not be`,
      )
    }
    if (option.multiple === true) {
      const before = values[token.name]
      values[token.name] = [...(Array.isArray(before) ? before : []), token.value]
    } else if (values[token.name] !== undefined) throw usage(`Cannot use option "${token.rawName}" twice`)
    else values[token.name] = token.value
  }
  const [least, most] = command.positionals
  if (values['help'] !== true && (positionals.length < least || positionals.length > most)) {
    const expected = least === most ? String(least) : most === Infinity ? `at least ${least}` : `${least} to ${most}`
    throw usage(`Cannot run ${command.name}: it takes ${expected} arguments, ${positionals.length} are given`)
  }
  return { values, positionals }
}

function unknownOption(command: Command, rawName: string, name: string): string {
  const nearest = nearestName(name, Object.keys(command.options))
  return `Cannot run ${command.name}: there is no option "${rawName}"${nearest === undefined ? '' : `, the nearest is "--${nearest}"`}`
}
