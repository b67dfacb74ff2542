import { DockerToolsError } from '#errors'
import { report } from '#events'
import { fakerootRunner } from './fakeroot-runner.ts'
import { namespaceRunner } from './namespace-runner.ts'
import type { Changes, JobPlan, JobTrees, RunJob, Runner, RunnerName } from './runner.ts'
import { makeVmRunner, type VmOptions } from './vm-runner.ts'

/**
 * Who may do a job nobody has named a runner for, first who can: for the programs of this machine as upstream does
 * it, for a root of its own whoever is quickest.
 */
function runnersFor(view: JobPlan['view'], vm: Runner): readonly Runner[] {
  return view === 'folder' ? [fakerootRunner, namespaceRunner] : [namespaceRunner, vm]
}

/** One for each kernel, which remembers what it has found. */
const vmRunners = new Map<string | undefined, Runner>()

function vmRunner(options: VmOptions): Runner {
  let runner = vmRunners.get(options.kernel)
  if (runner === undefined) {
    runner = makeVmRunner(options)
    vmRunners.set(options.kernel, runner)
  }
  return runner
}

/**
 * Runs a job with the runner that is asked for, or with the first that is here and can do it. Reports which.
 *
 * @param vm How guests are started, where one is.
 * @throws {DockerToolsError} `RUNNER_UNAVAILABLE` where there is none; it says of each why not. And as `Runner.run`.
 */
export async function runJob(
  job: RunJob,
  wanted: RunnerName | undefined,
  signal?: AbortSignal,
  vm: VmOptions = {},
): Promise<Changes> {
  return await runPlannedJob(job, Promise.resolve(job), wanted, signal, vm)
}

/**
 * As `runJob`, for a job whose trees are still being found: what does not need them is set up meanwhile.
 *
 * @throws {DockerToolsError} as `runJob`, and what `trees` rejects with.
 */
export async function runPlannedJob(
  plan: JobPlan,
  trees: Promise<JobTrees>,
  wanted: RunnerName | undefined,
  signal?: AbortSignal,
  vm: VmOptions = {},
): Promise<Changes> {
  const reasons: string[] = []
  let hint: string | undefined
  for (const runner of candidates(plan, wanted, vmRunner(vm))) {
    const availability = await runner.probe()
    if (!availability.isAvailable) {
      reasons.push(`${runner.name}: ${availability.reason}`)
      hint ??= availability.hint
      continue
    }
    try {
      return await startWith(runner, plan, trees, signal)
    } catch (error) {
      if (error instanceof Refusal) {
        reasons.push(`${runner.name}: ${error.reason}`)
        continue
      }
      // What the system does not allow shows itself before the script starts.
      const isRefused = error instanceof DockerToolsError && error.code === 'RUNNER_UNAVAILABLE'
      if (!isRefused || wanted !== undefined) throw error
      reasons.push(`${runner.name}: ${error.message}`)
      hint ??= error.hint
    }
  }
  throw new DockerToolsError(
    'RUNNER_UNAVAILABLE',
    `Cannot run ${plan.step}: ${reasons.join('; ')}`,
    hint === undefined ? {} : { hint },
  )
}

/** A runner that is here does not take a job. */
class Refusal extends DockerToolsError {
  readonly reason: string

  constructor(step: string, reason: string) {
    super('RUNNER_UNAVAILABLE', `Cannot run ${step}: ${reason}`)
    this.reason = reason
  }
}

async function startWith(
  runner: Runner,
  plan: JobPlan,
  trees: Promise<JobTrees>,
  signal: AbortSignal | undefined,
): Promise<Changes> {
  const accepted = acceptedBy(runner, plan, trees)
  if (runner.runAhead === undefined) return await runner.run(await accepted, signal)
  // It may end without having asked.
  accepted.catch(() => undefined)
  return await runner.runAhead(plan, accepted, signal)
}

/** The whole job, once it is known that the runner takes it. */
async function acceptedBy(runner: Runner, plan: JobPlan, trees: Promise<JobTrees>): Promise<RunJob> {
  const job = { ...plan, ...(await trees) }
  const reason = await runner.refusal(job)
  if (reason !== undefined) throw new Refusal(plan.step, reason)
  report({ type: 'runner', step: plan.step, runner: runner.name })
  return job
}

/** The plain one is not among them: it knows no owners, and only runs `extraCommands`. */
function candidates(job: JobPlan, wanted: RunnerName | undefined, vm: Runner): readonly Runner[] {
  if (wanted === undefined) return runnersFor(job.view, vm)
  const runner = [fakerootRunner, namespaceRunner, vm].find(({ name }) => name === wanted)
  if (runner !== undefined) return [runner]
  const names = runnersFor(job.view, vm).map(({ name }) => name)
  throw new DockerToolsError(
    'RUNNER_UNAVAILABLE',
    `Cannot run ${job.step} with the runner "${wanted}": it cannot tell owners, which the script may change`,
    { hint: `Use ${names.join(' or ')}` },
  )
}
