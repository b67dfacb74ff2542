/**
 * Runs scripts over a root, and builders of derivations. Scripts run plainly,
 * with the store shown at its place where it is not, builders in namespaces of
 * their own where the machine gives them; further runners (fakeroot, namespace, VM) come behind the
 * same door. Knows nothing of layers or stores.
 */
export type { BuilderCommand, BuilderJob, BuilderPlace } from './builder-job.ts'
export { probeIsolation, runBuilder } from './run-builder.ts'
export { runScript, type ScriptJob } from './run-script.ts'
export { BUILD_EPOCH_SECONDS } from './script-environment.ts'
export type { StoreBind } from './store-view.ts'
