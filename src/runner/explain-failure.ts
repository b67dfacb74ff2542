import { DockerToolsError, ScriptError } from '#errors'
import type { JobPlan } from './runner.ts'

/** How a script ended, and how much room it has left. */
export interface ScriptEnd {
  readonly status: number
  readonly freeBlocks: number
  readonly freeFiles: number
}

/** Reads `STATUS FREE-BLOCKS FREE-INODES`; undefined where the script was never started. */
export function parseEnd(text: string): ScriptEnd | undefined {
  const [, status, freeBlocks, freeFiles] = /^(\d+) (\d+) (\d+)\s*$/.exec(text) ?? []
  if (status === undefined) return undefined
  return { status: Number(status), freeBlocks: Number(freeBlocks), freeFiles: Number(freeFiles) }
}

/**
 * The error for a job that failed in namespaces: the limit that the script ran into, that the namespaces could not be
 * set up, or what the script itself says.
 */
export function explainFailure(error: unknown, job: JobPlan, end: ScriptEnd | undefined): unknown {
  if (!(error instanceof ScriptError)) return error
  if (end === undefined || end.status === 0) {
    return new DockerToolsError(
      'RUNNER_UNAVAILABLE',
      `Cannot run ${job.step} in namespaces: ${error.stderrTail.trim() || error.message}`,
      { cause: error, hint: 'Use another runner' },
    )
  }
  const isFull = end.freeBlocks === 0 || end.freeFiles === 0 || error.stderrTail.includes('No space left on device')
  if (isFull && job.limits.diskMiB !== undefined) {
    return new DockerToolsError(
      'LIMIT_EXCEEDED',
      `Cannot finish ${job.step}: it writes more than diskSize allows, ${job.limits.diskMiB} MiB`,
      { cause: error, hint: 'Raise diskSize' },
    )
  }
  return error
}
