/**
/**
 * Runs scripts over a root, plainly or isolated, and tells what they have
 * changed: `runner.ts` is the contract. Runs builders of derivations in
 * namespaces of their own. Knows nothing of layers or stores.
 */
export { type BuilderJob, probeIsolation, runBuilder } from './run-builder.ts'
export {
  type ChangedEntry,
  type Changes,
  type JobLimits,
  type JobStore,
  type OwnedEntry,
  type RunJob,
  RUNNER_NAMES,
  type Runner,
  type RunnerName,
  type TreeSource,
} from './runner.ts'
export { runJob } from './run-job.ts'
export { runScript, type ScriptJob, STRICT_BASH } from './run-script.ts'
export { BUILD_EPOCH_SECONDS, scriptEnvironment } from './script-environment.ts'
export type { Availability, StoreBind } from './store-view.ts'
