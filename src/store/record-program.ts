import { join } from 'node:path'
import { placeLink } from './add-gc-root.ts'
import { localLayout } from './local-layout.ts'
import { storeError } from './store-error.ts'
import type { WritableStore } from './writable-store.ts'

/**
 * Notes beside a store which Node runs which program, for what is in the store
 * and needs it: what is in the store itself may not depend on the machine.
 * They are symlinks, `nix/var/nix/dockertools/node` and `…/program` below the root.
 */
export function recordProgram(store: WritableStore, node: string, program: string): void {
  const { ownDir } = localLayout(store.root)
  try {
    placeLink(join(ownDir, 'node'), node)
    placeLink(join(ownDir, 'program'), program)
  } catch (error) {
    throw storeError(`write to store "${store.uri}"`, error)
  }
}
