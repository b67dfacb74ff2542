import { readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { systemErrorCode } from '#errors'
import { isExecutable } from './missing-program.ts'
import { STANDARD_PATH } from './script-environment.ts'

/** Fakeroot splits the name of this program at spaces. */
const PLAIN_PATH = /^[\w./-]+$/

/** The daemon of one fakeroot. */
export interface WatchedFaked extends Disposable {
  readonly options: readonly string[]
  /** The file that will say, behind a colon, which process it is. */
  readonly note: string | undefined
}

/**
 * Starts fakeroot's daemon for fakeroot and writes down which process it is: it
 * leaves the process group, and only a fakeroot that ends by itself ends it.
 *
 * @param folder Where the program and its note are put.
 * @returns Options for fakeroot, and what ends the daemon if it is still there.
 */
export function watchedFaked(folder: string): WatchedFaked {
  const [program, note] = [join(folder, 'start-faked'), join(folder, 'faked')]
  const daemon = findDaemon()
  if (daemon === undefined || !PLAIN_PATH.test(folder))
    return { options: [], note: undefined, [Symbol.dispose]: () => undefined }
  const text = `#!/bin/sh\nstarted=$(${daemon} "$@") || exit\necho "$started" > ${note}\necho "$started"\n`
  writeFileSync(program, text, { mode: 0o755 })
  const end = (): void => endFaked(note)
  // An interrupted program may end at once: before its folders go, and the note with them.
  process.prependOnceListener('exit', end)
  return {
    options: ['--faked', program],
    note,
    [Symbol.dispose]: () => {
      process.off('exit', end)
      end()
    },
  }
}

/** `fakeroot-sysv` belongs to `faked-sysv`, whatever links lead to it. */
function findDaemon(): string | undefined {
  for (const folder of STANDARD_PATH.split(':')) {
    if (!isExecutable(join(folder, 'fakeroot'))) continue
    const program = realpathSync(join(folder, 'fakeroot'))
    const daemon = join(dirname(program), basename(program).replace(/^fakeroot/, 'faked'))
    return isExecutable(daemon) && PLAIN_PATH.test(daemon) ? daemon : undefined
  }
  return undefined
}

function endFaked(note: string): void {
  try {
    const [, pid] = /^\d+:(\d+)\s*$/.exec(readFileSync(note, 'utf8')) ?? []
    // The number may be another process's by now.
    const isFaked = pid !== undefined && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('faked')
    if (isFaked) process.kill(Number(pid), 'SIGKILL')
  } catch (error) {
    // It was not started, or has ended.
    if (!['ENOENT', 'ESRCH'].includes(systemErrorCode(error) ?? '')) throw error
  }
}
