import { spawnSync } from 'node:child_process'
import { type TarEntry, writeTar } from '#tar'
import { toByteString } from '#util'
import { isExecutable } from './missing-program.ts'
import { BUILD_EPOCH_SECONDS } from './script-environment.ts'

/** Programs that run in any root, as they need no libraries: for images that have no shell of their own. */
const STATIC_PROGRAMS = {
  bash: ['/bin/bash-static', '/usr/bin/bash-static'],
  busybox: ['/bin/busybox', '/usr/bin/busybox'],
} as const

/**
 * What goes into `/dev` besides devices, as a tar: the script, and tools for an
 * image that has none. `/dev` is where nothing of it can get into a layer.
 */
export async function deviceKit(script: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of writeTar(kitEntries(script), 'gnu')) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function* kitEntries(script: string): Generator<TarEntry> {
  const nobody = { uid: 0, gid: 0, uname: toByteString(''), gname: toByteString(''), mtimeSeconds: BUILD_EPOCH_SECONDS }
  const folder = (path: string): TarEntry => ({ ...nobody, path: toByteString(path), mode: 0o755, type: 'directory' })
  const link = (path: string, target: string): TarEntry => ({
    ...nobody,
    path: toByteString(path),
    mode: 0o777,
    type: 'symlink',
    target: toByteString(target),
  })
  const body = Buffer.from(`${script}\n`)
  yield link('fd', '/proc/self/fd')
  yield link('ptmx', 'pts/ptmx')
  for (const [index, name] of ['stdin', 'stdout', 'stderr'].entries()) yield link(name, `/proc/self/fd/${index}`)
  yield folder('.dockertools')
  yield {
    ...nobody,
    path: toByteString('.dockertools/script'),
    mode: 0o644,
    type: 'file',
    size: body.length,
    open: () => once(body),
  }
  yield folder('.dockertools/bin')
  const { bash, busybox } = staticPrograms()
  if (bash !== undefined) yield link('.dockertools/bash', bash)
  if (busybox === undefined) return
  yield link('.dockertools/busybox', busybox)
  for (const applet of appletsOf(busybox)) yield link(`.dockertools/bin/${applet}`, '../busybox')
}

// oxlint-disable-next-line require-await -- bodies are read asynchronously
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Where the static shells of this machine are. */
export function staticPrograms(): { readonly bash: string | undefined; readonly busybox: string | undefined } {
  return { bash: STATIC_PROGRAMS.bash.find(isExecutable), busybox: STATIC_PROGRAMS.busybox.find(isStaticBusybox) }
}

/** Most builds of busybox are static; one that is not would start nowhere else. */
function isStaticBusybox(path: string): boolean {
  return isExecutable(path) && appletsOf(path).length > 0
}

const applets = new Map<string, readonly string[]>()

function appletsOf(busybox: string): readonly string[] {
  let known = applets.get(busybox)
  if (known === undefined) {
    const { stdout } = spawnSync(busybox, ['--list'], { encoding: 'utf8', timeout: 10_000 })
    known = (stdout ?? '').split('\n').filter((name) => /^[\w[+.-]+$/.test(name))
    applets.set(busybox, known)
  }
  return known
}
