import { execFile } from 'node:child_process'
import { type TarEntry, writeTar } from '#tar'
import { toByteString } from '#util'
import { isExecutable } from './missing-program.ts'
import { BUILD_EPOCH_SECONDS } from './script-environment.ts'

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty']

/** Programs that run in any root, as they need no libraries: for images that have no shell of their own. */
const STATIC_PROGRAMS = {
  bash: ['/bin/bash-static', '/usr/bin/bash-static'],
  busybox: ['/bin/busybox', '/usr/bin/busybox'],
} as const

/** What goes into `/dev`, and where it comes from. */
export interface DeviceKit {
  readonly tar: Uint8Array
  /** The static shells of this machine. */
  readonly bash: string | undefined
  readonly busybox: string | undefined
}

/**
 * Makes what goes into `/dev`: the script, places to mount devices on, and tools for an
 * image that has none. `/dev` is where nothing of it can get into a layer.
 */
export async function makeDeviceKit(script: string): Promise<DeviceKit> {
  const bash = STATIC_PROGRAMS.bash.find(isExecutable)
  const { busybox, applets } = await findBusybox()
  const chunks: Uint8Array[] = []
  for await (const chunk of writeTar(kitEntries(script, bash !== undefined, applets), 'gnu')) chunks.push(chunk)
  return { tar: Buffer.concat(chunks), bash, busybox }
}

function* kitEntries(script: string, hasBash: boolean, applets: readonly string[]): Generator<TarEntry> {
  const nobody = { uid: 0, gid: 0, uname: toByteString(''), gname: toByteString(''), mtimeSeconds: BUILD_EPOCH_SECONDS }
  const folder = (path: string): TarEntry => ({ ...nobody, path: toByteString(path), mode: 0o755, type: 'directory' })
  const link = (path: string, target: string): TarEntry => ({
    ...nobody,
    path: toByteString(path),
    mode: 0o777,
    type: 'symlink',
    target: toByteString(target),
  })
  const emptyFile = (path: string): TarEntry => ({
    ...nobody,
    path: toByteString(path),
    mode: 0o644,
    type: 'file',
    size: 0,
    open: () => once(Buffer.alloc(0)),
  })
  const body = Buffer.from(`${script}\n`)
  yield link('fd', '/proc/self/fd')
  yield link('ptmx', 'pts/ptmx')
  yield folder('pts')
  yield { ...folder('shm'), mode: 0o1777 }
  for (const device of DEVICES) yield emptyFile(device)
  for (const [index, name] of ['stdin', 'stdout', 'stderr'].entries()) yield link(name, `/proc/self/fd/${index}`)
  yield folder('.dockertools')
  yield folder('.dockertools/old')
  yield {
    ...nobody,
    path: toByteString('.dockertools/script'),
    mode: 0o644,
    type: 'file',
    size: body.length,
    open: () => once(body),
  }
  yield folder('.dockertools/bin')
  if (hasBash) yield emptyFile('.dockertools/bash')
  if (applets.length === 0) return
  yield emptyFile('.dockertools/busybox')
  for (const applet of applets) yield link(`.dockertools/bin/${applet}`, '../busybox')
}

// oxlint-disable-next-line require-await -- bodies are read asynchronously
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Most builds of busybox are static; one that is not would start nowhere else. */
async function findBusybox(): Promise<{ readonly busybox: string | undefined; readonly applets: readonly string[] }> {
  for (const busybox of STATIC_PROGRAMS.busybox.filter(isExecutable)) {
    const applets = await appletsOf(busybox)
    if (applets.length > 0) return { busybox, applets }
  }
  return { busybox: undefined, applets: [] }
}

const applets = new Map<string, Promise<readonly string[]>>()

function appletsOf(busybox: string): Promise<readonly string[]> {
  const known = applets.get(busybox)
  if (known !== undefined) return known
  const listed = new Promise<readonly string[]>((resolve) => {
    execFile(busybox, ['--list'], { encoding: 'utf8', timeout: 10_000 }, (_error, stdout) =>
      resolve(stdout.split('\n').filter((name) => /^[\w[+.-]+$/.test(name))),
    )
  })
  applets.set(busybox, listed)
  return listed
}
