import { DockerToolsError } from '#errors'
import { report } from '#events'
import { fakerootRunner } from './fakeroot-runner.ts'
import { namespaceRunner } from './namespace-runner.ts'
import type { Changes, RunJob, Runner, RunnerName } from './runner.ts'

/**
 * Who may do a job nobody has named a runner for, first who can: for the programs of this machine as upstream does
 * it, for a root of its own whoever is quickest.
 */
const RUNNERS: Readonly<Record<RunJob['view'], readonly Runner[]>> = {
  folder: [fakerootRunner, namespaceRunner],
  image: [namespaceRunner],
}

/**
 * Runs a job with the runner that is asked for, or with the first that is here and can do it. Reports which.
 *
 * @throws {DockerToolsError} `RUNNER_UNAVAILABLE` where there is none; it says of each why not. And as `Runner.run`.
 */
export async function runJob(job: RunJob, wanted: RunnerName | undefined, signal?: AbortSignal): Promise<Changes> {
  const reasons: string[] = []
  let hint: string | undefined
  for (const runner of candidates(job, wanted)) {
    const availability = await runner.probe()
    if (!availability.isAvailable) {
      reasons.push(`${runner.name}: ${availability.reason}`)
      hint ??= availability.hint
      continue
    }
    const refusal = await runner.refusal(job)
    if (refusal !== undefined) {
      reasons.push(`${runner.name}: ${refusal}`)
      continue
    }
    report({ type: 'runner', step: job.step, runner: runner.name })
    return await runner.run(job, signal)
  }
  throw new DockerToolsError(
    'RUNNER_UNAVAILABLE',
    `Cannot run ${job.step}: ${reasons.join('; ')}`,
    hint === undefined ? {} : { hint },
  )
}

/** All runners that run jobs. The plain one knows no owners: it only runs `extraCommands`. */
const ALL: readonly Runner[] = [fakerootRunner, namespaceRunner]

function candidates(job: RunJob, wanted: RunnerName | undefined): readonly Runner[] {
  if (wanted === undefined) return RUNNERS[job.view]
  const runner = ALL.find(({ name }) => name === wanted)
  if (runner !== undefined) return [runner]
  const why = wanted === 'plain' ? 'it cannot tell owners, which the script may change' : 'it is not built yet'
  throw new DockerToolsError('RUNNER_UNAVAILABLE', `Cannot run ${job.step} with the runner "${wanted}": ${why}`, {
    hint: `Use ${RUNNERS[job.view].map(({ name }) => name).join(' or ')}`,
  })
}
