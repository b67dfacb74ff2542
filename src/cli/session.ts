import { isatty } from 'node:tty'
import { DockerToolsError } from '#errors'
import type { Reporter } from '#events'
import { type CommandInput, switchOption, textOption } from './command.ts'
import { makeReporter } from './reporter.ts'

/** `text` or `json`, as `--log-format` says. */
export function logFormat(input: CommandInput): 'text' | 'json' {
  const format = textOption(input, 'log-format') ?? 'text'
  if (format === 'text' || format === 'json') return format
  throw new DockerToolsError('USAGE', `Cannot use "${format}" as log format: it should be "text" or "json"`)
}

/** The reporter that the options ask for. */
export function reporterOf(input: CommandInput): Reporter {
  return makeReporter({
    quiet: switchOption(input, 'quiet'),
    format: logFormat(input),
    isTerminal: isatty(2) && process.env['CI'] === undefined && process.env['TERM'] !== 'dumb',
  })
}
