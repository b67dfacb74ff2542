import { DockerToolsError, ScriptError } from '#errors'
import type { RunJob } from './runner.ts'
import type { GuestReport } from './vm-session.ts'

/** What a guest was given. */
export interface GuestLimits {
  readonly diskMiB: number
  readonly memoryMiB: number
}

/** A disk with less than this free is full: a file of any size has failed. */
const FULL_BLOCKS = 16

/** What is wrong with how a guest ended; undefined if nothing is. */
export function guestFailure(job: RunJob, limits: GuestLimits, ended: GuestReport): DockerToolsError | undefined {
  const { status, stderrTail } = ended
  if (status === 0) return undefined
  const { diskMiB, memoryMiB } = limits
  if (ended.isOutOfMemory || /Kernel panic.*(?:memory|oom)/i.test(ended.console)) {
    return limitError(job, `it uses more memory than buildVMMemorySize allows, ${memoryMiB} MiB`, 'buildVMMemorySize')
  }
  const isFull = isBelow(ended.freeBlocks, FULL_BLOCKS) || isBelow(ended.freeInodes, 1)
  if (status !== undefined && (isFull || stderrTail.includes('No space left on device'))) {
    return limitError(job, `it writes more than diskSize allows, ${diskMiB} MiB`, 'diskSize')
  }
  const tail = stderrTail.trimEnd()
  const said = tail === '' ? '' : `; it said:\n${tail}`
  if (status !== undefined) {
    const message = `Cannot finish ${job.step}: the script exited with status ${status}${said}`
    return new ScriptError(message, { step: job.step, exitCode: status, signal: undefined, stderrTail })
  }
  if (ended.hasBooted && ended.failure === undefined) {
    const message = `Cannot finish ${job.step}: the guest ended with the script (${lastLine(ended.console)})${said}`
    return new ScriptError(message, { step: job.step, exitCode: undefined, signal: undefined, stderrTail })
  }
  return new DockerToolsError(
    'RUNNER_UNAVAILABLE',
    `Cannot run ${job.step} in a guest: ${ended.failure ?? `it does not start (${lastLine(ended.console)})`}`,
    { hint: 'Name another kernel with --vm-kernel, or use another runner' },
  )
}

function limitError(job: RunJob, what: string, name: string): DockerToolsError {
  return new DockerToolsError('LIMIT_EXCEEDED', `Cannot finish ${job.step}: ${what}`, { hint: `Raise ${name}` })
}

function isBelow(value: number | undefined, limit: number): boolean {
  return value !== undefined && value < limit
}

/** The line of a kernel's messages that says most: why it gave up, or else the last. */
export function lastLine(text: string): string {
  const [panic] = /Kernel panic.*/.exec(text) ?? []
  if (panic !== undefined) return panic.trim()
  return text.trimEnd().split('\n').at(-1)?.trim() ?? ''
}
