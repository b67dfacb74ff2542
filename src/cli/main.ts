import { DockerToolsError, exitCodeOf, fullDiskError } from '#errors'
import { nearestName } from '#util'
import type { CommandInput } from './command.ts'
import { COMMANDS } from './commands.ts'
import { commandHelp, programHelp } from './help.ts'
import { parseCommandLine } from './parse-command-line.ts'
import { reportError } from './reporter.ts'
import { logFormat } from './session.ts'
import { printText } from './print-out.ts'

/** The exit status of a program that a signal has ended, as shells count. */
const EXIT_INTERRUPTED = 130

/**
 * Runs the command line and sets the exit status of the process.
 *
 * @param args What stands behind the program's name.
 * @param version What `--version` alone prints, where nothing of it could be printed yet.
 */
export async function main(args: readonly string[], version?: string): Promise<void> {
  // Leaving at once is safe: nothing has its final name before it is whole, and
  // what is temporary is removed when the process exits.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(EXIT_INTERRUPTED))
  let input: CommandInput | undefined
  try {
    const [name, ...rest] = asksForHelpOf(args)
    if (version !== undefined) {
      printText(`${version}\n`)
      return
    }
    if (name === undefined || name === '--help' || name === '-h') {
      printText(programHelp(COMMANDS))
      process.exitCode = name === undefined ? exitCodeOf(new DockerToolsError('USAGE', '')) : 0
      return
    }
    const command = await loadCommand(name)
    input = parseCommandLine(command, rest)
    logFormat(input)
    if (input.values['help'] === true) printText(commandHelp(command, input.positionals[0]))
    else await command.run(input)
  } catch (reason) {
    // Whatever was being written: no bug of ours.
    const error = lostFolderError(fullDiskError('go on', reason))
    process.exitCode = exitCodeOf(error)
    reportError(error, formatFor(input, args), input?.values['debug'] === true)
    // Threads and connections of the work that failed have nothing more to say.
    process.exit()
  }
}

/** What was thrown, told as what it is where the working directory is gone. */
function lostFolderError(error: unknown): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!('syscall' in cause) || cause.syscall !== 'uv_cwd') continue
    return new DockerToolsError(
      'FILE_UNREADABLE',
      'Cannot find the working directory: it has been deleted, it should be there',
      { cause: error, hint: 'Go to another folder' },
    )
  }
  return error
}

/** `help COMMAND` is `COMMAND --help`. */
function asksForHelpOf(args: readonly string[]): readonly string[] {
  if (args[0] !== 'help') return args
  return [...args.slice(1).filter((word) => !word.startsWith('-')), '--help']
}

async function loadCommand(name: string) {
  const entry = COMMANDS.find((command) => command.name === name)
  if (entry !== undefined) return await entry.load()
  const nearest = nearestName(name, ['help', ...COMMANDS.map((command) => command.name)])
  throw new DockerToolsError(
    'USAGE',
    `Cannot run "${name}": there is no such command${nearest === undefined ? '' : `, the nearest is "${nearest}"`}`,
    { hint: 'Run dockertools --help' },
  )
}

function formatFor(input: CommandInput | undefined, args: readonly string[]): 'text' | 'json' {
  if (input === undefined) return args.includes('--log-format=json') ? 'json' : 'text'
  return input.values['log-format'] === 'json' ? 'json' : 'text'
}
