import { closeSync, openSync } from 'node:fs'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import { makeMemoryGroup, type MemoryGroup } from './memory-group.ts'
import type { JobPlan } from './runner.ts'

/** Watches over the memory of a script. */
export interface MemoryGuard extends AsyncDisposable {
  /** An open file: a process that writes `0` to it is watched from then on. */
  readonly joinDescriptor: number
  /** Fires when `signal` does, and when there is too much. */
  signalWith(signal: AbortSignal | undefined): AbortSignal
  isExceeded(): boolean
  error(): DockerToolsError
  /** Reports a warning where there should be a limit, and none can be kept. */
  warn(): void
}

const MIB = 1024 * 1024
const CHECK_MS = 50

/**
 * Sets a limit to the memory of a script, where the job has one and a control
 * group can be made.
 */
export function limitMemory({ step, limits }: JobPlan): MemoryGuard {
  const { memoryMiB } = limits
  const group = memoryMiB === undefined ? undefined : makeMemoryGroup(memoryMiB * MIB, (limits.diskMiB ?? 0) * MIB)
  if (typeof group === 'string') {
    const message = `${step} runs without the limit of buildVMMemorySize, ${memoryMiB} MiB: ${group}`
    return unlimited(() => report({ type: 'warning', code: 'MEMORY_LIMIT_NOT_KEPT', message }))
  }
  if (memoryMiB === undefined || group === undefined) return unlimited(() => undefined)
  return guard(step, memoryMiB, group)
}

function guard(step: string, memoryMiB: number, group: MemoryGroup): MemoryGuard {
  const stop = new AbortController()
  const timer = setInterval(() => {
    if (group.usedBytes() > memoryMiB * MIB) stop.abort()
  }, CHECK_MS)
  return {
    joinDescriptor: group.joinDescriptor,
    signalWith: (signal) => (signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])),
    isExceeded: () => stop.signal.aborted || group.hasKilled(),
    error: () =>
      new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot finish ${step}: it uses more memory than buildVMMemorySize allows, ${memoryMiB} MiB`,
        { hint: 'Raise buildVMMemorySize' },
      ),
    warn: () => undefined,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await group[Symbol.asyncDispose]()
    },
  }
}

function unlimited(warn: () => void): MemoryGuard {
  const joinDescriptor = openSync('/dev/null', 'w')
  return {
    joinDescriptor,
    signalWith: (signal) => signal ?? new AbortController().signal,
    isExceeded: () => false,
    error: () => new DockerToolsError('INTERNAL', 'Cannot pass a limit that is not there'),
    warn,
    // oxlint-disable-next-line require-await -- closing is over at once
    [Symbol.asyncDispose]: async () => closeSync(joinDescriptor),
  }
}
