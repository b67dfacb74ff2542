import { DockerToolsError } from '#errors'
import { type CommandInput, textOption } from './command.ts'
import { leadsToStdout } from './output-target.ts'
import { printOut } from './print-out.ts'

/** Where a result goes that `-o` names. */
export interface NamedOutput {
  readonly path: string
  /** Prints its name, unless the result itself stands on standard output. */
  printName(): void
}

/** What `-o` says. @throws {DockerToolsError} `USAGE` for `-`, which is no name of a file. */
export function outputOption(input: CommandInput): NamedOutput | undefined {
  const path = textOption(input, 'output')
  if (path === '-') {
    throw new DockerToolsError('USAGE', 'Cannot write "-": it should be the name of a file', {
      hint: 'For standard output use dockertools stream, or -o /dev/stdout; a file of this name is ./-',
    })
  }
  return path === undefined ? undefined : namedOutput(path)
}

export function namedOutput(path: string): NamedOutput {
  // Asked before it is written: afterwards standard output may be closed.
  const isStdout = leadsToStdout(path)
  return { path, printName: () => (isStdout ? undefined : printOut(`${path}\n`)) }
}
