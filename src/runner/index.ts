/**
 * Runs scripts over a root. For now plainly, with the store shown at its place
 * where it is not; further runners (fakeroot, namespace, VM) come behind the
 * same door. Knows nothing of layers or stores.
 */
export { runScript, type ScriptJob } from './run-script.ts'
export { BUILD_EPOCH_SECONDS } from './script-environment.ts'
export type { StoreBind } from './store-view.ts'
