/**
 * Runs scripts over a root, plainly or isolated, and tells what they have
 * changed: `runner.ts` is the contract. Runs builders of derivations, isolated where the
 * machine allows it. Knows nothing of layers or stores.
 */
export {
  type ChangedEntry,
  type Changes,
  type JobLimits,
  type JobPlan,
  type JobStore,
  type JobTrees,
  type OwnedEntry,
  type RunJob,
  RUNNER_NAMES,
  type Runner,
  type RunnerName,
  type TreeSource,
} from './runner.ts'
export type { BuilderCommand, BuilderJob, BuilderPlace } from './builder-job.ts'
export { probeIsolation, runBuilder } from './run-builder.ts'
export { runJob, runPlannedJob } from './run-job.ts'
export { runScript, type ScriptJob, STRICT_BASH } from './run-script.ts'
export { BUILD_EPOCH_SECONDS, scriptEnvironment } from './script-environment.ts'
export type { Availability, StoreBind } from './store-view.ts'
export { makeVmRunner, type VmOptions } from './vm-runner.ts'
