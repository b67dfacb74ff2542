import { writeSync } from 'node:fs'
import { DockerToolsError } from '#errors'
import type { BuildEvent, Reporter } from '#events'
import { describeEvent } from './describe-event.ts'
import { printable } from './printable.ts'

/** How messages are shown. */
export interface ReporterOptions {
  readonly quiet: boolean
  readonly format: 'text' | 'json'
  /** Whether stderr is a terminal that a line may be rewritten on. */
  readonly isTerminal: boolean
}

/** Says on stderr what happens, in upstream's words where upstream has some. */
export function makeReporter(options: ReporterOptions): Reporter {
  if (options.format === 'json') return (event) => sayJson(event, options.quiet)
  const progress = options.isTerminal && !options.quiet ? new ProgressLine() : undefined
  return (event) => {
    if (event.type === 'progress') {
      progress?.show(`${mebibytes(event.bytes)} MiB written`)
      return
    }
    if (event.type === 'pull-layer' && event.bytes < event.totalBytes) {
      const { index, total, bytes, totalBytes } = event
      progress?.show(`Layer ${index} of ${total}: ${mebibytes(bytes)} of ${mebibytes(totalBytes)} MiB`)
      return
    }
    const text = describeEvent(event)
    const isImportant = event.type === 'warning' || event.type === 'script-output'
    if (text === '' || (options.quiet && !isImportant)) return
    progress?.clear()
    say(text)
  }
}

/** Shows an error with its hint, on stderr. */
export function reportError(error: unknown, format: 'text' | 'json', withStack: boolean): void {
  const known = error instanceof DockerToolsError ? error : undefined
  const code = known?.code ?? 'INTERNAL'
  const message = error instanceof Error ? error.message : String(error)
  const stack = withStack && error instanceof Error ? { stack: stackOf(error) } : {}
  const hint = known?.hint
  if (format === 'json') {
    say(`${JSON.stringify({ type: 'error', code, message, ...(hint === undefined ? {} : { hint }), ...stack })}\n`)
    return
  }
  say(`error (${code}): ${printable(message)}\n`)
  if (hint !== undefined) say(`hint: ${printable(hint)}\n`)
  if (known === undefined && !withStack) say('hint: This is a bug of dockertools; --debug shows where\n')
  if (stack.stack !== undefined) say(`${stack.stack}\n`)
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own
}

function sayJson(event: BuildEvent, quiet: boolean): void {
  if (quiet && event.type !== 'warning') return
  say(`${JSON.stringify(event)}\n`)
}

function say(text: string): void {
  try {
    writeSync(2, text)
  } catch {
    // Nobody reads stderr any more, or not now: messages are no reason to fail.
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0)
}

class ProgressLine {
  #isShown = false

  show(text: string): void {
    this.#isShown = true
    say(`\r${text}\u001b[K`)
  }

  clear(): void {
    if (this.#isShown) say('\r\u001b[K')
    this.#isShown = false
  }
}
