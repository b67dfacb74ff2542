import { mkdtemp, rm } from 'node:fs/promises'
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tempRoomError } from './temp-room-error.ts'

/** A directory that goes away with its owner. */
export interface TempDir extends AsyncDisposable {
  /** Absolute path. The directory is empty at first and has mode 0700. */
  readonly path: string
}

const live = new Set<string>()
let exitHookSet = false

/**
 * Makes a directory that is removed with all its content when it is disposed
 * of, and also when the process exits in an orderly way before that.
 *
 * @param prefix Stands at the start of the directory's name, so that a left
 *   one (after a kill) can be told.
 * @param parent Where to make it; the default is the system's temp directory.
 */
export async function makeTempDir(prefix: string, parent: string = tmpdir()): Promise<TempDir> {
  const path = await mkdtemp(join(parent, `dockertools-${prefix}`)).catch((error: unknown) => {
    throw parent === tmpdir() ? tempRoomError(error) : error
  })
  live.add(path)
  if (!exitHookSet) {
    exitHookSet = true
    process.once('exit', removeAllSync)
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      makeRemovable(path)
      await rm(path, { recursive: true, force: true })
      live.delete(path)
    },
  }
}

/** Scripts may leave directories behind that their owner cannot enter or change; an ordinary user must open them first. */
function makeRemovable(path: string): void {
  if (process.getuid?.() === 0 || !existsSync(path)) return
  const pending = [Buffer.from(path)]
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    chmodSync(directory, 0o700)
    for (const entry of readdirSync(directory, { encoding: 'buffer', withFileTypes: true })) {
      if (entry.isDirectory()) pending.push(Buffer.concat([directory, Buffer.from('/'), entry.name]))
    }
  }
}

function removeAllSync(): void {
  for (const path of live) {
    try {
      makeRemovable(path)
      rmSync(path, { recursive: true, force: true })
    } catch {
      // The process is about to end: what cannot be removed must not keep the others from it.
    }
  }
}
