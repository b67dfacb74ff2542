import { spawn } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { systemErrorCode } from '#errors'

/**
 * Keeps a real Nix from collecting garbage in a store as long as we write to
 * it, as far as this machine allows: Nix uses `flock`, which Node does not
 * have. The program of that name locks a file that we have opened; the lock
 * stays ours when it has ended, and goes when this process ends in any way.
 *
 * Without the program there is no lock, and real collections at the same time
 * are not guarded against.
 */
export async function holdNixLock(file: string): Promise<Disposable> {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    await new Promise<void>((resolve, reject) => {
      // Waits for a collection that is under way.
      const child = spawn('flock', ['-s', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] })
      child.once('error', (error) => (systemErrorCode(error) === 'ENOENT' ? resolve() : reject(error)))
      child.once('close', () => resolve())
    })
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return { [Symbol.dispose]: () => closeSync(fd) }
}
