import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeTempDir } from '#util'
import { BINARY, ROOT } from './places.ts'

/** A clone as a reader has it: examples, the package by its name, and `npx` that finds its program. */
export async function makeClone(): Promise<{ readonly path: string } & AsyncDisposable> {
  const temp = await makeTempDir('reader-')
  cpSync(join(ROOT, 'examples'), join(temp.path, 'examples'), { recursive: true })
  mkdirSync(join(temp.path, 'node_modules'))
  symlinkSync(ROOT, join(temp.path, 'node_modules/dockertools'))
  mkdirSync(join(temp.path, 'bin'))
  const npx = `#!/bin/sh\n[ "$1" = dockertools ] && shift && exec '${process.execPath}' '${BINARY}' "$@"\nexec "$@"\n`
  writeFileSync(join(temp.path, 'bin/npx'), npx, { mode: 0o755 })
  return temp
}
