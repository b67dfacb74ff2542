import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DockerToolsError, type ErrorCode } from '#errors'
import { type BuildEvent, withReporter } from '#events'
import { openRealiseSession, type RealiseSession, type RealiseSessionOptions, type Realisable } from '#derivation'
import { openStore, openWritableStore, type StorePath, type WritableStore } from '#store'
import { makeTempDir } from '#util'
import { ROOT } from '../../test/support/places.ts'

/** A local store in a temp folder, and what Nix says of it. */
export interface Workshop extends AsyncDisposable {
  readonly path: string
  readonly root: string
  readonly store: WritableStore
  /** Everything that was reported in `realise`. */
  readonly events: BuildEvent[]
  session(options?: Partial<RealiseSessionOptions>): RealiseSession
  /** Makes it in a session of its own, and gives its physical place. */
  realise(value: Realisable, options?: Partial<RealiseSessionOptions>): Promise<string>
  physical(path: StorePath | string): string
  nix(program: string, ...args: string[]): string
  /** Base names of what is in the store's folder. */
  names(): string[]
}

/** @param stores Others that are read. */
export async function openWorkshop(stores: readonly string[] = []): Promise<Workshop> {
  const temp = await makeTempDir('workshop-')
  const root = join(temp.path, 'root')
  const store = openWritableStore(`local:${root}`, { environment: {} })
  const other = await openStore(stores[0] ?? `local:${root}`, { environment: {}, checkSignatures: false })
  const events: BuildEvent[] = []
  mkdirSync(join(temp.path, 'conf'))
  const settings = [
    'experimental-features = nix-command',
    'substituters =',
    'build-users-group =',
    'sandbox = true',
    'sandbox-paths = /bin /usr /lib /lib64',
  ]
  writeFileSync(join(temp.path, 'conf/nix.conf'), `${settings.join('\n')}\n`)
  const session = (options: Partial<RealiseSessionOptions> = {}): RealiseSession =>
    openRealiseSession({ store: other, writable: store, baseDirectory: temp.path, ...options })
  const physical = (path: StorePath | string): string => join(root, path)
  return {
    path: temp.path,
    root,
    store,
    events,
    session,
    physical,
    names: () => readdirSync(join(root, 'nix/store')).filter((name) => name !== '.links'),
    async realise(value, options) {
      return physical(
        await withReporter(
          (event) => events.push(event),
          () => session(options).realise(value),
        ),
      )
    },
    nix(program, ...args) {
      const env = { ...process.env, NIX_CONF_DIR: join(temp.path, 'conf'), HOME: temp.path, XDG_CACHE_HOME: temp.path }
      return execFileSync(program, ['--store', root, ...args], {
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await temp[Symbol.asyncDispose]()
    },
  }
}

/** Starts a program that imports from the sources. */
export function startProgram(text: string, ...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', text, '--', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Command lines of all processes there are. */
export function commandLines(): string[] {
  return execFileSync('ps', ['axo', 'args'], { encoding: 'utf8' }).split('\n')
}

/** For `assert.rejects`: an error of ours with this code, whose message has all the texts. */
export function failsWith(code: ErrorCode, ...texts: readonly string[]): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof DockerToolsError) || error.code !== code) throw error
    const missing = texts.find((text) => !error.message.includes(text))
    if (missing !== undefined) throw new Error(`"${missing}" is not in: ${error.message}`, { cause: error })
    return true
  }
}
